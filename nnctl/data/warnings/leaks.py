"""Columns that give the target away: with one among the inputs a model learns to copy, not to predict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import Problem, warning
from nnctl.data.table import Column, Numbers, Rows, Words, take
from nnctl.data.warnings.base import Evidence

FEWEST = 20
"""Of fewer rows it is not said that a column determines another: it may be chance."""
CHANCE = 1e-6
"""So small must be the chance that the target follows a column as it does, were the two unrelated."""
SAMPLE = 2000
"""A column is held against so many rows first: hardly one passes, so the others are seldom needed."""

Codes = npt.NDArray[np.int64]


def leaked_target(evidence: Evidence) -> Iterator[Problem]:
    """An input that is the target, equals it, or determines it row by row."""
    window = evidence.spec.window
    if window is not None and window.horizon:
        # The target stands in a later row than the inputs: its past is what such a model learns from.
        return
    for columns in evidence.roles.targets.values():
        if len(columns) != 1:
            continue
        (target,) = columns
        inputs = dict.fromkeys(c for read in evidence.roles.inputs.values() for c in read)
        if set(inputs) == set(columns) or list(columns) in evidence.roles.inputs.values():
            # An autoencoder, or its like: an input is asked for whole.
            continue
        for name in inputs:
            said = _relation(evidence, name, target, alone=len(inputs) == 1)
            if said:
                # That it is an input is the mistake, not what else the config says of it.
                path = evidence.input_path(name) or evidence.column_path(name)
                yield warning(f"column '{name}' {said}", path, _way_out(evidence, name))


def _way_out(evidence: Evidence, name: str) -> str:
    """What to write so that the column is no input, and all others are as they were."""
    if not evidence.spec.inputs:
        return f'leave it out: inputs: ["!{name}"]'
    if evidence.input_path(name):
        return "data.inputs without it"
    return f'leave it out: "!{name}" beside the patterns of data.inputs'


def _relation(evidence: Evidence, name: str, target: str, *, alone: bool) -> str | None:
    """What is to be said of input column `name` and the target, or None.

    Args:
        alone: There is no other input, so that to learn this very rule is the task.
    """
    if name == target:
        return "is the target, and an input as well"
    x, y = evidence.table.columns[name], evidence.table.columns[target]
    rows = evidence.rows
    if not (_comparable(x) and _comparable(y)) or len(rows) < FEWEST:
        return None
    few = rows[:: len(rows) // SAMPLE + 1]
    found = _holds(x, y, few)
    if found is not None:
        found = _holds(x, y, rows)
    if found is None or (alone and found[0] == "determines"):
        return None
    where = "training row" if evidence.whole else f"of the first {len(rows)} rows"
    return f"{found[0]} the target '{target}' in every {where}{found[1].format(name)}"


def _comparable(column: Column) -> bool:
    return not column.shape and (isinstance(column, Words) or isinstance(column.values, np.ndarray))


def _holds(x: Column, y: Column, rows: Rows) -> tuple[str, str] | None:
    """(equals or determines, by what rule) for these rows, or None."""
    if isinstance(x, Numbers) and isinstance(y, Numbers):
        line = _line(take(x.values, rows).astype(np.float64), take(y.values, rows).astype(np.float64))
        if line == (1.0, 0.0):
            return "equals", ""
        if line is not None:
            return "determines", f", which is {line[0]:.6g} * {{0}} {line[1]:+.6g}"
    keys, values = _codes(x, rows), _codes(y, rows)
    if _follows(keys, values):
        return ("equals", "") if _same_words(x, y, rows) else ("determines", "")
    return None


def _line(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """The a and b of y = a x + b, if that holds in every row, none is missing and neither is constant."""
    low, high = int(x.argmin()), int(x.argmax())
    if x[low] == x[high] or y.min() == y.max():
        return None
    if np.array_equal(x, y):
        return 1.0, 0.0
    slope = float((y[high] - y[low]) / (x[high] - x[low]))
    start = float(y[low] - slope * x[low])
    apart = np.abs(y - (slope * x + start)).max()
    return (
        (slope, start)
        if apart <= 1e-9 * float(y.max() - y.min()) and len(set(x.tolist())) >= FEWEST
        else None
    )


def _codes(column: Column, rows: Rows) -> Codes:
    """The values numbered, in any order; missing ones are a value of their own."""
    named = column if isinstance(column, Words) else column.names
    held: npt.NDArray[Any] = named.codes[rows] if named is not None else take(column.values, rows)  # type: ignore[union-attr]
    return np.unique(held, return_inverse=True)[1].astype(np.int64)


def _follows(keys: Codes, values: Codes) -> bool:
    """Whether each key has one value, and that can hardly be chance: keys that occur once prove nothing."""
    count = len(keys)
    value_of = np.empty(int(keys.max()) + 1, dtype=np.int64)
    value_of[keys] = values
    if not np.array_equal(value_of[keys], values):
        return False
    share = np.bincount(values) / count
    repeats = np.bincount(keys) - 1
    likelihood = float((repeats * np.log(share[value_of])).sum())
    return likelihood < math.log(CHANCE)


def _same_words(x: Column, y: Column, rows: Rows) -> bool:
    if not (isinstance(x, Words) and isinstance(y, Words)):
        return False
    spelled = [np.array([*c.vocabulary, None], dtype=object)[c.codes[rows]] for c in (x, y)]
    return np.array_equal(spelled[0], spelled[1])
