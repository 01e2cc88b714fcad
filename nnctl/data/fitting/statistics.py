"""Means, deviations and ranges of training rows, the same on every machine.

Sums are exact: of floats block by block with math.fsum (blocks follow from shapes only), of bytes as
integers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nnctl.data.feeding.feeds import ScaledNumbers
from nnctl.data.preprocessing import Floats
from nnctl.data.table import Rows, blocks


def clean(column: ScaledNumbers, rows: Rows, lanes: int) -> Iterator[npt.NDArray[np.float64]]:
    """Blocks (elements, lanes) of values, missing ones filled. Raises DataError for those that are not."""
    step = max(1, (1 << 20) // max(1, column.width))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        x = np.empty((len(part), column.width))
        column.read(part, x)
        yield x.reshape(-1, lanes)


def moments(column: ScaledNumbers, rows: Rows, lanes: int) -> tuple[Floats, Floats]:
    """Mean and (population) standard deviation of each lane of the last axis, in two passes."""
    if column.values.dtype.kind in "ub" and column.values.dtype.itemsize == 1:
        return _moments_of_bytes(column, rows, lanes)
    count = len(rows) * (column.width // lanes)
    means = [total / count for total in _sums(clean(column, rows, lanes), lanes)]
    center = np.array(means)
    away = ((x - center) for x in clean(column, rows, lanes))
    squares = _sums((d * d for d in away), lanes)
    return tuple(means), tuple(math.sqrt(square / count) for square in squares)


def _sums(parts: Iterator[npt.NDArray[np.float64]], lanes: int) -> list[float]:
    """The sum of each lane over all blocks (elements, lanes)."""
    totals: list[list[float]] = [[] for _ in range(lanes)]
    for x in parts:
        for lane, values in enumerate(x.T.tolist()):
            totals[lane].append(math.fsum(values))
    return [math.fsum(t) for t in totals]


def _moments_of_bytes(column: ScaledNumbers, rows: Rows, lanes: int) -> tuple[Floats, Floats]:
    """The same for 8-bit values, where integers hold every sum: n * variance = squares - total^2 / n."""
    count = len(rows) * (column.width // lanes)
    totals = np.zeros(lanes, dtype=np.int64)
    squares = np.zeros(lanes, dtype=np.int64)
    for _, raw in blocks(column.values, rows):
        x = raw.reshape(-1, lanes).astype(np.int64)
        totals += x.sum(axis=0)
        squares += (x * x).sum(axis=0)
    means = tuple(total / count for total in totals.tolist())
    spreads = [count * s - t * t for s, t in zip(squares.tolist(), totals.tolist(), strict=True)]
    return means, tuple(math.sqrt(spread / (count * count)) for spread in spreads)


def extent(column: ScaledNumbers, rows: Rows, lanes: int) -> tuple[Floats, Floats]:
    """Minimum and maximum of each lane."""
    pieces = [(x.min(axis=0), x.max(axis=0)) for x in clean(column, rows, lanes)]
    low = np.min([p[0] for p in pieces], axis=0)
    high = np.max([p[1] for p in pieces], axis=0)
    return tuple(low.tolist()), tuple(high.tolist())
