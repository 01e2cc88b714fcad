"""One fold of several: its rows are the test split, and every row is tested in exactly one fold.

The rule: folds are as large as one another, to a row; with classes, each has its share of every class,
rounded up or down; with groups, a group is in one fold, and the largest groups are dealt first, each to the
fold with the fewest rows. By position, the rows are cut into one block more than there are folds: a fold
tests its block, and trains on the blocks before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnctl.core.keys import Key
from nnctl.core.philox import permutation
from nnctl.data.splitting.grouped import grouped
from nnctl.data.splitting.splits import SplitRows, at_random, contiguous, sizes
from nnctl.data.splitting.stratified import stratified
from nnctl.data.table import Rows


def by_position(n: int, folds: int, fold: int, validation: int | float) -> SplitRows:
    """Of `n` rows in order of time: later ones are not known yet, and belong to no split.

    Raises:
        ValueError: there are too few.
    """
    _need(n, folds + 1)
    ends = [n * (i + 1) // (folds + 1) for i in range(folds + 1)]
    before, end = ends[fold - 1], ends[fold]
    train, held, _ = contiguous(sizes(before, _of_all(n, validation), 0))
    return train, held, np.arange(before, end, dtype=np.int64)


def drawn(n: int, folds: int, fold: int, validation: int | float, key: Key) -> SplitRows:
    """Of `n` rows in a random order. Raises ValueError: there are too few."""
    _need(n, folds)
    place = np.empty(n, dtype=np.int64)
    place[permutation(key, n)] = np.arange(n) % folds
    rest = np.flatnonzero(place != fold - 1)
    counts = sizes(len(rest), _of_all(n, validation), 0)
    return _dealt(rest, at_random(counts, key), place, fold)


def in_proportion(
    classes: Sequence[int], folds: int, fold: int, validation: int | float, key: Key
) -> SplitRows:
    """Of rows of classes (N,), numbered from 0. Raises ValueError: there are too few."""
    codes = np.asarray(classes, dtype=np.int64)
    n = len(codes)
    _need(n, folds)
    order = permutation(key, n)
    order = order[np.argsort(codes[order], kind="stable")]
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) % folds
    rest = np.flatnonzero(place != fold - 1)
    counts = sizes(len(rest), _of_all(n, validation), 0)
    return _dealt(rest, stratified(counts, codes[rest].tolist(), key), place, fold)


def in_groups(groups: Sequence[int], folds: int, fold: int, validation: int | float, key: Key) -> SplitRows:
    """Of rows of groups (N,), numbered from 0. Raises ValueError: there are too few groups."""
    codes = np.asarray(groups, dtype=np.int64)
    weight = np.bincount(codes)
    wanted = folds + (1 if validation else 0)
    if len(weight) < wanted:
        raise ValueError(
            f"{len(weight)} groups cannot fill {folds} folds{' and validation' * (wanted > folds)}"
        )
    order = permutation(key, len(weight))
    order = order[np.argsort(-weight[order], kind="stable")]
    filled = np.zeros(folds, dtype=np.int64)
    goes = np.empty(len(weight), dtype=np.int64)
    for group in order.tolist():
        goes[group] = int(np.argmin(filled))
        filled[goes[group]] += weight[group]
    place = goes[codes]
    rest = np.flatnonzero(place != fold - 1)
    _, own = np.unique(codes[rest], return_inverse=True)
    return _dealt(
        rest, grouped(len(rest), own.tolist(), _of_all(len(codes), validation), 0, key), place, fold
    )


def _need(n: int, least: int) -> None:
    if n < least:
        raise ValueError(f"{n} rows are too few for so many folds: at least {least} are needed")


def _of_all(n: int, portion: int | float) -> int:
    """A portion of all rows, as a number."""
    return sizes(n, portion, 0)[1]


def _dealt(rest: Rows, split: SplitRows, place: Rows, fold: int) -> SplitRows:
    return rest[split[0]], rest[split[1]], np.flatnonzero(place == fold - 1).astype(np.int64, copy=False)
