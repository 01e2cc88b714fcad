"""Splitting rows into training, validation and test: exact sizes, the same on every machine."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import numpy as np

from nnctl.core.errors import DataError
from nnctl.core.keys import Key
from nnctl.core.philox import permutation
from nnctl.data.table import Origin, Rows, Words

SPLITS = ("train", "validation", "test")
SplitName = Literal["train", "validation", "test"]
"""A split, as commands are told it."""

_WORDS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2, "testing": 2}

SplitRows = tuple[Rows, Rows, Rows]
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


def contiguous(counts: tuple[int, int, int]) -> SplitRows:
    """By position: training first, then validation, then test."""
    a, b = counts[0], counts[0] + counts[1]
    rows = np.arange(sum(counts), dtype=np.int64)
    return rows[:a], rows[a:b], rows[b:]


def at_random(counts: tuple[int, int, int], key: Key) -> SplitRows:
    """By a random order of all rows."""
    rows = permutation(key, sum(counts))
    a, b = counts[0], counts[0] + counts[1]
    return np.sort(rows[:a]), np.sort(rows[a:b]), np.sort(rows[b:])


def by_column(column: Words, name: str, origin: Origin) -> SplitRows:
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
    return by_code(codes)


def by_code(codes: Rows) -> SplitRows:
    train, validation, test = (np.flatnonzero(codes == i).astype(np.int64, copy=False) for i in range(3))
    return train, validation, test
