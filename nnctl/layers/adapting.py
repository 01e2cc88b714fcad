"""Statistics of all that a layer reads in training, in one pass over the data: moments, quantiles, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
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


def quantiles(blocks: Iterable[Array], bins: int, epsilon: float) -> Array | None:
    """Boundaries (bins - 1,) between which about equally many numbers lie; None for fewer numbers than bins.

    Each block is sorted and thinned to 1 / epsilon numbers with weights, which are merged with those of the
    blocks before it and thinned again.

    Source: keras.src.layers.preprocessing.discretization (`summarize` and what follows it).
    """
    known = np.zeros((2, 0), np.float32)
    for block in blocks:
        # 0 is added so that no zero is negative: which of both comes first is not said.
        values = np.sort(block.astype(np.float32) + np.float32(0), axis=None)
        step = max(values.size * epsilon, 1.0)
        chosen = values[int(step - 1) :: int(step)]
        merged = np.concatenate([np.stack([chosen, np.full_like(chosen, step)]), known], axis=1)
        known = merged[:, np.argsort(merged[0], kind="stable")]
        if known.shape[1] * epsilon >= 1:
            known = _at(known, epsilon + np.arange(0.0, 1.0, epsilon))
    share = 1 / bins
    return None if known.shape[1] < bins else _at(known, share + np.arange(bins - 1) * share)[0]


def _at(known: Array, parts: Array) -> Array:
    """Numbers (N,) with their weights as (2, N), from known ones: below each lies such a part of all."""
    weights = np.cumsum(known[1])
    shares = weights / weights[-1]
    upto = np.interp(parts, shares, weights)
    found = np.stack([np.interp(parts, shares, known[0]), np.diff(upto, prepend=0.0)])
    return found.astype(np.float32)


def occurrences(blocks: Iterable[Array]) -> tuple[Counter[int], Counter[int], int]:
    """How often each whole number occurs in blocks (N, ...), in how many examples, and how many there are."""
    often: Counter[int] = Counter()
    having: Counter[int] = Counter()
    count = 0
    for block in blocks:
        rows = np.sort(block.reshape(len(block), -1).astype(np.int64), axis=1)
        count += len(rows)
        often.update(rows.reshape(-1).tolist())
        having.update(rows[np.diff(rows, axis=1, prepend=rows[:, :1] - 1) != 0].tolist())
    return often, having, count


def idf(examples: int, having: int) -> float:
    """log(1 + examples / (1 + having)), the same bits on every machine."""
    return float((1 + Decimal(examples) / (1 + having)).ln())
