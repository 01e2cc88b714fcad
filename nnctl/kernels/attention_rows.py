"""Rows of attention's softmax in a thread's memory: what is not seen, the softmax, dropout, the slope.

Rows lie `pitch` elements apart, those of queries t, t + 1, ... from place `at` on. Each has `columns`
numbers: the keys that some query of the block may see. Those that are left out would be 0 and change no bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.kernels.attention_arrays import Heads, Seen
from nnctl.kernels.interleaved import interleaved
from nnctl.kernels.jit import inline
from nnctl.kernels.lanes import LANES, lane_dot, lane_max, lane_sum
from nnctl.kernels.mathfn import exp_negative
from nnctl.kernels.ranges import part

HIDDEN = -1e9
"""The match of a key that is not seen, as Keras has it."""


@inline
def columns_for(sizes: Heads, seen: Seen, t: int) -> int:
    """How many keys the queries up to t may see, in whole groups of lanes: `lane_sum` groups them as all."""
    return min(sizes.keys, (t + LANES) // LANES * LANES) if seen.causal else sizes.keys


@part
def _fill(number: Any, lo: Any, hi: Any, x: Any) -> None:
    for i in range(lo, hi):
        x[i] = number


@part
def _hide(mask: Any, mask_at: Any, number: Any, count: Any, x: Any, at: Any) -> None:
    """x = number where the mask is 0."""
    for i in range(count):
        x[at + i] = x[at + i] if mask[mask_at + i] != 0 else number


@part
def _keep(kept: Any, kept_at: Any, factor: Any, count: Any, x: Any, at: Any) -> None:
    """x = factor x where it is kept, else 0."""
    zero = x.dtype.type(0)
    for i in range(count):
        x[at + i] = x[at + i] * factor if kept[kept_at + i] != 0 else zero


@interleaved
def _exp(top: Any, count: Any, x: Any, at: Any) -> None:
    for i in range(count):
        x[at + i] = exp_negative(x[at + i] - top)


@part
def _scale(factor: Any, count: Any, x: Any, at: Any) -> None:
    for i in range(count):
        x[at + i] = x[at + i] * factor


@part
def _slope(p: Any, p_at: Any, inner: Any, count: Any, x: Any, at: Any) -> None:
    """x = p (x - inner)."""
    for i in range(count):
        x[at + i] = p[p_at + i] * (x[at + i] - inner)


@inline
def _mask_at(seen: Seen, n: int, h: int, t: int) -> Any:
    return np.uint64(n * seen.batch_step + h * seen.head_step + t * seen.query_step)


@inline
def _kept_at(sizes: Heads, n: int, h: int, t: int) -> Any:
    return np.uint64(((n * sizes.heads + h) * sizes.queries + t) * sizes.keys)


@inline
def softmax_rows(
    sizes: Heads, seen: Seen, n: int, h: int, t: int, rows: int, columns: int, x: Any, at: int, pitch: int
) -> None:
    """x = softmax(x) of each row over the keys that its query sees."""
    kind, count = x.dtype.type, np.uint64(columns)
    hidden = kind(HIDDEN)
    for r in range(rows):
        place = at + r * pitch
        if seen.mask.size:
            _hide(seen.mask, _mask_at(seen, n, h, t + r), hidden, count, x, np.uint64(place))
        if seen.causal:
            _fill(hidden, np.uint64(place + min(t + r + 1, columns)), np.uint64(place + columns), x)
        top = lane_max(x, place, columns)
        _exp(top, count, x, np.uint64(place))
        _scale(kind(1) / lane_sum(x, place, columns), count, x, np.uint64(place))
        if seen.mask.size and seen.zero:
            _hide(seen.mask, _mask_at(seen, n, h, t + r), kind(0), count, x, np.uint64(place))


@inline
def drop_rows(
    sizes: Heads, seen: Seen, n: int, h: int, t: int, rows: int, columns: int, x: Any, at: int, pitch: int
) -> None:
    """Dropout of each row, if there is any."""
    factor = x.dtype.type(seen.factor)
    for r in range(rows if seen.kept.size else 0):
        place = np.uint64(at + r * pitch)
        _keep(seen.kept, _kept_at(sizes, n, h, t + r), factor, np.uint64(columns), x, place)


@inline
def slope_rows(
    sizes: Heads, seen: Seen, n: int, h: int, t: int, rows: int, columns: int, x: Any, p: int, g: int,
    pitch: int,
) -> None:  # fmt: skip
    """g = the gradient of the matches from that of the softmax at p, after dropout; p and g are places."""
    kind, count = x.dtype.type, np.uint64(columns)
    drop_rows(sizes, seen, n, h, t, rows, columns, x, g, pitch)
    for r in range(rows):
        p_at, g_at = p + r * pitch, g + r * pitch
        _slope(x, np.uint64(p_at), lane_dot(x, p_at, x, g_at, columns), count, x, np.uint64(g_at))
        if seen.mask.size:
            _hide(seen.mask, _mask_at(seen, n, h, t + r), kind(0), count, x, np.uint64(g_at))


@inline
def clear_rows(rows: int, first: int, last: int, x: Any, at: int, pitch: int) -> None:
    """x = 0 in columns first..last-1 of each row."""
    for r in range(rows):
        _fill(x.dtype.type(0), np.uint64(at + r * pitch + first), np.uint64(at + r * pitch + last), x)
