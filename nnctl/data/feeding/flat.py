"""Sequences in one array that holds the steps of all of them, one behind another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nnctl.data.preprocessing import InputPrep, Preprocessing, SequencePrep, TargetPrep
from nnctl.data.reading.ragged import FlatRows, Ragged
from nnctl.data.sequence_fields import FlatBy
from nnctl.data.table import Column, Numbers, Rows, Table, take


class Cuts(NamedTuple):
    """What says where the sequences of a flat array end.

    Attributes:
        column: A column beside it.
        by: What that holds: the lengths of the N sequences, or N + 1 places between which their steps lie.
    """

    column: str
    by: FlatBy


def flat_columns(preprocessing: Preprocessing) -> dict[str, Cuts]:
    """The columns of a run that hold the steps of all sequences, and what cuts them."""
    roles: list[InputPrep | TargetPrep] = [*preprocessing.inputs.values(), *preprocessing.targets.values()]
    preps = {name: prep for role in roles for name, prep in role.columns.items()}
    preps |= {w[0]: w[1] for output in preprocessing.targets if (w := preprocessing.weight_of(output))}
    return {
        name: Cuts(prep.lengths, prep.flat)
        for name, prep in preps.items()
        if isinstance(prep, SequencePrep) and prep.flat is not None and prep.lengths is not None
    }


def in_rows(table: Table, flat: Mapping[str, Cuts]) -> Table:
    """The table with a row for each sequence of its `flat` columns; what cuts them becomes their lengths.

    What is not there is left to those who want it.

    Raises:
        DataError: a column holds no steps, or what shall cut it does not.
    """
    columns: dict[str, Column] = {}
    for name, cuts in flat.items():
        if name in table.columns and cuts.column in table.columns:
            steps = table.columns[name]
            if not isinstance(steps, Numbers):
                raise table.at(name).error("holds words, where steps of sequences are numbers", column=name)
            lengths = _lengths(table, name, len(steps), cuts)
            columns[name] = Numbers(FlatRows(steps.values, Ragged.behind_another(lengths)))
            columns[cuts.column] = Numbers(lengths)
    if not columns:
        return table
    found = replace(table, columns=table.columns | columns)
    return replace(found, total=found.longest)


def _lengths(table: Table, name: str, steps: int, cuts: Cuts) -> Rows:
    """The length of each sequence in a flat array of so many steps."""
    column, origin = table.columns[cuts.column], table.at(cuts.column)
    if not isinstance(column, Numbers) or column.shape not in ((), (1,)):
        raise origin.error(f"does not hold one number per row, as {cuts.by} do", column=cuts.column)
    found = take(column.values, np.arange(len(column), dtype=np.int64)).reshape(-1)
    with np.errstate(invalid="ignore"):
        right = (found >= 0) & (found <= steps) & (found == np.floor(found))
    what = "length of a sequence" if cuts.by == "row_lengths" else "place between steps"
    if not right.all():
        row = int(np.argmin(right))
        message = f"{found[row]} is no {what} of '{name}', which holds {steps} steps"
        raise origin.error(message, row, cuts.column)
    whole = found.astype(np.int64)
    return (
        _of_lengths(table, whole, name, steps, cuts)
        if cuts.by == "row_lengths"
        else _of_splits(table, whole, name, steps, cuts)
    )


def _of_lengths(table: Table, lengths: Rows, name: str, steps: int, cuts: Cuts) -> Rows:
    total = int(lengths.sum(dtype=np.float64))  # none of them is over `steps`, but there may be many
    if total != steps:
        message = f"the lengths come to {total} steps, but '{name}' holds {steps}"
        raise table.at(cuts.column).error(message, column=cuts.column)
    return lengths


def _of_splits(table: Table, splits: Rows, name: str, steps: int, cuts: Cuts) -> Rows:
    origin = table.at(cuts.column)
    if not len(splits) or splits[0] != 0 or splits[-1] != steps:
        ends = f"go from {splits[0]} to {splits[-1]}" if len(splits) else "are none"
        message = f"the row splits {ends}, but '{name}' has the steps from 0 to {steps}"
        raise origin.error(message, column=cuts.column, hint="one number more than there are sequences")
    lengths: Rows = np.diff(splits)
    if (lengths < 0).any():
        row = int(np.argmax(lengths < 0)) + 1
        raise origin.error(
            f"{splits[row]} stands behind {splits[row - 1]}, as no row split", row, cuts.column
        )
    return lengths
