"""Splitting rows into training, validation and test: exact sizes, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from nnctl.core.errors import DataError
from nnctl.core.keys import Key
from nnctl.core.philox import permutation
from nnctl.data.table import Origin, Rows, Words

SPLITS = ("train", "validation", "test")
_WORDS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2, "testing": 2}

Split = tuple[Rows, Rows, Rows]
"""The rows of training, validation and test, ascending in each."""


def sizes(n: int, validation: int | float, test: int | float) -> tuple[int, int, int]:
    """How many of `n` rows go to train, validation and test.

    Fractions are rounded by the largest remainder, ties to the earlier split; counts are taken as they are.

    Raises:
        ValueError: nothing would be left for training, or a split that was asked for would be empty.
    """
    asked = [p if isinstance(p, int) else n * Fraction(str(p)) for p in (validation, test)]
    shares = [Fraction(n) - sum(asked), *map(Fraction, asked)]
    counts = [int(share // 1) if share > 0 else 0 for share in shares]
    remainders = sorted(range(3), key=lambda i: (counts[i] - shares[i], i))
    for i in remainders[: max(0, n - sum(counts))]:
        counts[i] += 1
    if shares[0] <= 0 or counts[0] <= 0:
        raise ValueError(f"{n} rows leave nothing to train on")
    for i, portion in ((1, validation), (2, test)):
        if portion and not counts[i]:
            raise ValueError(f"{n} rows are too few for a {SPLITS[i]} split of {portion}")
    return counts[0], counts[1], counts[2]


def contiguous(counts: tuple[int, int, int]) -> Split:
    """By position: training first, then validation, then test."""
    a, b = counts[0], counts[0] + counts[1]
    rows = np.arange(sum(counts), dtype=np.int64)
    return rows[:a], rows[a:b], rows[b:]


def at_random(counts: tuple[int, int, int], key: Key) -> Split:
    """By a random order of all rows."""
    rows = permutation(key, sum(counts))
    a, b = counts[0], counts[0] + counts[1]
    return np.sort(rows[:a]), np.sort(rows[a:b]), np.sort(rows[b:])


def stratified(counts: tuple[int, int, int], classes: Sequence[int], key: Key) -> Split:
    """At random, with exact sizes, every class within one row of its share.

    Rows are sorted by class, at random within a class, and each split takes evenly spaced places of them.
    """
    rows = permutation(key, sum(counts))
    rows = rows[np.argsort(np.asarray(classes)[rows], kind="stable")]
    test, rest = _spaced(rows, counts[2])
    validation, train = _spaced(rest, counts[1])
    return np.sort(train), np.sort(validation), np.sort(test)


def _spaced(rows: Rows, count: int) -> tuple[Rows, Rows]:
    """`count` evenly spaced ones of `rows`, and the others."""
    if not len(rows):
        return rows, rows
    marks = np.arange(len(rows) + 1, dtype=np.int64) * count // len(rows)
    chosen = marks[1:] > marks[:-1]
    return rows[chosen], rows[~chosen]


def grouped(n: int, groups: Sequence[int], validation: int | float, test: int | float, key: Key) -> Split:
    """Whole groups: in random order, each split gets one, then each group goes where most is lacking.

    Raises:
        ValueError: there are fewer groups than splits.
    """
    codes = np.asarray(groups)
    weight = np.bincount(codes)
    lacking = list(sizes(n, validation, test))
    wanted = [i for i in range(3) if lacking[i]]
    if len(weight) < len(wanted):
        raise ValueError(f"{len(weight)} groups cannot fill {len(wanted)} splits")
    place = np.empty(len(weight), dtype=np.int64)
    for position, group in enumerate(permutation(key, len(weight)).tolist()):
        if position < len(wanted):
            goes = wanted[position]
        else:
            goes = max(wanted, key=lambda i: (lacking[i], -i))
        place[group] = goes
        lacking[goes] -= int(weight[group])
    return _by_code(place[codes])


def by_column(column: Words, name: str, origin: Origin) -> Split:
    """By the words train, validation and test in a column.

    Raises:
        DataError: another word, a missing value, or no training row.
    """
    places = np.array([_WORDS.get(w.strip().lower(), -1) for w in column.vocabulary] + [-1], dtype=np.int64)
    codes = places[column.codes]
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        code = int(column.codes[row])
        said = f"'{column.vocabulary[code]}'" if code >= 0 else "nothing"
        raise origin.error(f"says {said} where train, validation or test is expected", row, name)
    if not (codes == 0).any():
        raise DataError("has no training rows", file=origin.file, column=name)
    return _by_code(codes)


def _by_code(codes: Rows) -> Split:
    train, validation, test = (np.flatnonzero(codes == i).astype(np.int64, copy=False) for i in range(3))
    return train, validation, test
