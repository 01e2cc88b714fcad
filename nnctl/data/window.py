"""Windows over rows in order of time: where each begins."""

from __future__ import annotations

import numpy as np

from nnctl.data.table import Rows


def segments(rows: Rows, groups: Rows | None) -> list[tuple[int, int]]:
    """Ascending `rows` cut into stretches [first, last + 1) without a gap and within one group."""
    if not len(rows):
        return []
    cut = np.diff(rows) != 1
    if groups is not None:
        cut |= np.diff(groups[rows]) != 0
    ends = np.append(np.flatnonzero(cut), len(rows) - 1)
    firsts = np.append(0, ends[:-1] + 1)
    return [(int(rows[a]), int(rows[b]) + 1) for a, b in zip(firsts, ends, strict=True)]


def starts(pieces: list[tuple[int, int]], length: int, stride: int, horizon: int) -> Rows:
    """The first row of every window: its rows and the target's row lie within one piece."""
    reach = length + horizon
    found = [np.arange(a, b - reach + 1, stride, dtype=np.int64) for a, b in pieces]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)
