"""Statistics of all that a layer reads in training, in one pass over the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum, prod

import numpy as np

from nnctl.core.arrays import Array


def moments(blocks: Iterable[Array], axes: Sequence[int]) -> tuple[Array, Array, int]:
    """Mean and (population) variance (of `axes`), and how many numbers each is of, of blocks (N, ...).

    The first number of each place is subtracted from the others, so that nothing is lost where numbers lie
    close together and far from 0. Sums are exact within a block, and over the blocks.

    Args:
        axes: Those along which each place has statistics of its own; 0 is the batch.
    """
    places: tuple[int, ...] = ()
    first = np.zeros(0)
    sums: list[list[float]] = []
    squares: list[list[float]] = []
    count = 0
    for block in blocks:
        moved = np.moveaxis(block, axes, range(-len(axes), 0))
        places = moved.shape[moved.ndim - len(axes) :]
        x = moved.reshape(-1, prod(places)).astype(np.float64)
        if not count:
            first = x[0]
            sums, squares = [[] for _ in first], [[] for _ in first]
        away = x - first
        for found, values in ((sums, away), (squares, away * away)):
            for at, column in enumerate(values.T.tolist()):
                found[at].append(fsum(column))
        count += len(x)
    totals = np.array([fsum(parts) for parts in sums])
    of_squares = np.array([fsum(parts) for parts in squares])
    means = totals / count
    variances = np.maximum(of_squares / count - means * means, 0.0)
    return (first + means).reshape(places), variances.reshape(places), count
