"""Fitting a column of sequences: how long they are for the model, and how their numbers are scaled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nnctl.core.errors import Path, Problem
from nnctl.core.shapes import Shape
from nnctl.data.column_spec import EMPTY, ColumnSpec
from nnctl.data.columns.patterns import column_path
from nnctl.data.feeding.sequences import Held, held
from nnctl.data.fitting.one_column import fit_number
from nnctl.data.preprocessing import ColumnPrep, NumberPrep, SequencePrep
from nnctl.data.reading.numerals import Numerals
from nnctl.data.sequence_fields import BLANKS
from nnctl.data.spec import DataSpec
from nnctl.data.table import Numbers, Rows, Table


def fit_sequence(
    table: Table, rows: Rows, spec: ColumnSpec, name: str, declared: Shape | None
) -> SequencePrep:
    """How the sequences of a column are prepared, from its training `rows`.

    Args:
        declared: The shape of the model's input; its length, where it has one, is filled up to.

    Raises:
        DataError: it holds no sequences, or nothing but those of no steps.
    """
    options = table.options
    prep = SequencePrep(
        numbers=NumberPrep(),
        length=1,
        padding=spec.padding,
        truncating=spec.truncating,
        value=spec.value,
        lengths=spec.beside,
        flat=spec.flat,
        separator=spec.separator or BLANKS,
        markers=tuple(options.get("missing", ())),
        decimal=options.get("decimal", "."),
        thousands=options.get("thousands"),
        empty=spec.missing == EMPTY,
    )
    found = held(table, name, prep, Numerals(prep.markers, prep.decimal, prep.thousands))
    longest = int(found.ragged.lengths[found.of(rows)].max(initial=0))
    if not longest:
        raise table.at(name).error("has no sequence with a step in the training split", column=name)
    room = (declared[0] if declared else None) or 0
    length = spec.maxlen or max(longest, room)
    return prep.model_copy(update={"length": length, "numbers": _numbers(found, rows, length, spec, name)})


def _numbers(found: Held, rows: Rows, length: int, spec: ColumnSpec, name: str) -> NumberPrep:
    """How the numbers are filled and scaled, from the steps that the model sees of the training rows."""
    steps = np.empty(0, dtype=np.int64)
    own = spec.model_copy(update={"missing": None if spec.missing == EMPTY else spec.missing})
    if own.scale is not None or own.missing not in (None, "error"):
        _, _, steps = found.ragged.cut(length, last=spec.truncating == "pre").steps(found.of(rows))
    return fit_number(Numbers(found.values), steps, own, name, found.origin)


def alike_problems(
    specs: Mapping[str, ColumnSpec], columns: Sequence[str], spec: DataSpec
) -> Iterator[Problem]:
    """What keeps the steps of an input's columns of sequences from standing side by side."""
    first, *others = [c for c in columns if specs[c].kind == "sequence"] or [""]
    for other in others:
        for field in ("maxlen", "padding", "truncating"):
            one, another = getattr(specs[first], field), getattr(specs[other], field)
            if one != another:
                yield Problem(
                    f"the steps of '{first}' and '{other}' stand side by side, but `{field}` is "
                    f"{one or 'open'} for one and {another or 'open'} for the other",
                    column_path(spec, other, field),
                    f"{field}: {one}" if one else f"the same {field} for both",
                )


def alike(preps: dict[str, ColumnPrep]) -> dict[str, ColumnPrep]:
    """The columns of an input, all its sequences cut and filled up as the first of them."""
    found = [prep for prep in preps.values() if isinstance(prep, SequencePrep)]
    if len(found) < 2:
        return preps
    length = max(prep.length for prep in found)
    same = {"length": length, "padding": found[0].padding, "truncating": found[0].truncating}
    return {n: p.model_copy(update=same) if isinstance(p, SequencePrep) else p for n, p in preps.items()}


def fill_problems(name: str, spec: ColumnSpec, path: Path, *, integer: bool) -> Iterator[Problem]:
    """What is wrong with what sequences of whole numbers are filled up with."""
    if integer and not spec.value.is_integer():
        yield Problem(f"'{name}' holds class numbers; {spec.value:g} is none", path, "a whole number, as 0")
