"""Fitting sample weights: one number per example, or one for each step of a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nnctl.core.errors import Path, Problem
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.columns.patterns import column_spec
from nnctl.data.columns.roles import Roles
from nnctl.data.fitting.one_column import fit_number
from nnctl.data.fitting.sequences import fit_sequence
from nnctl.data.preprocessing import SequencePrep, TargetPrep, WeightPrep
from nnctl.data.sample_weight import weight_of
from nnctl.data.spec import DataSpec
from nnctl.data.table import Kind, Rows, Table, Words


def weight_kind(spec: DataSpec, roles: Roles, column: str) -> Kind | None:
    """What a column of sample weights is read as; None, as its cells look: so that steps are recognized."""
    if column_spec(spec, column, target=True).kind == "sequence":
        return "sequence"
    weighed = [o for o in roles.targets if weight_of(roles.sample_weight, o) == column]
    targets = [column_spec(spec, c, target=True) for o in weighed for c in roles.targets[o]]
    return None if any(target.kind == "sequence" for target in targets) else "number"


def fit_weights(
    table: Table,
    rows: Rows,
    roles: Roles,
    targets: Mapping[str, TargetPrep],
    spec: DataSpec,
    problems: list[Problem],
) -> dict[str, WeightPrep]:
    """How the weights of each output are read, from the training `rows`; what contradicts goes to `problems`.

    Raises:
        DataError: a column holds no numbers, or no sequences where it is declared to.
    """
    found: dict[str, WeightPrep] = {}
    inputs = {c for columns in roles.inputs.values() for c in columns}
    for output, target in targets.items():
        column = weight_of(roles.sample_weight, output)
        if column is not None:
            declared = column_spec(spec, column, target=True)
            told = list(_wrong(column, declared, spec, column in inputs))
            problems += [problem for problem in told if problem not in problems]
            found[output] = _fitted(output, column, target, declared, table, rows, problems)
    return found


def _wrong(column: str, declared: ColumnSpec, spec: DataSpec, is_input: bool) -> Iterator[Problem]:
    """What a config may not say of weights; of a column that is an input as well, most of it is for that."""
    path: Path = ("data", "columns", column)
    if declared.kind == "sequence" and spec.window is not None:
        message = f"'{column}' holds a sequence in each row, and a window makes one of several rows"
        yield Problem(message, (*path, "type"), "either of them")
    if is_input:
        return
    if declared.kind not in (None, "number", "sequence"):
        message = f"'{column}' holds sample weights, and cannot be a {declared.kind}"
        yield Problem(message, (*path, "type"), "number or sequence")
    if declared.scale is not None:
        message = f"'{column}' holds sample weights, which count as they are"
        yield Problem(message, (*path, "scale"), "no scale")
    if declared.value != 0:
        message = f"'{column}' holds sample weights, and a step that is filled up weighs 0"
        yield Problem(message, (*path, "value"), "0")


def _fitted(
    output: str,
    column: str,
    target: TargetPrep,
    declared: ColumnSpec,
    table: Table,
    rows: Rows,
    problems: list[Problem],
) -> WeightPrep:
    plain = declared.model_copy(update={"scale": None, "value": 0.0})
    steps = next((prep for prep in target.columns.values() if isinstance(prep, SequencePrep)), None)
    arrays = declared.kind != "sequence" and table.columns[column].shape not in ((), (1,))
    if steps is not None and arrays and steps.lengths is not None and steps.flat is None:
        # An array beside that of the target, whose sequences are as long.
        plain, arrays = plain.model_copy(update={"type": "sequence", "lengths": steps.lengths}), False
    if steps is not None and arrays:
        message = (
            f"'{column}' holds an array for each example, but the targets of output '{output}' are sequences "
            "of different lengths"
        )
        expected = f"columns: {{{column}: {{type: sequence, lengths: COLUMN}}}}"
        problems.append(Problem(message, ("data", "sample_weight", output), expected))
    if plain.kind != "sequence":
        if steps is not None and isinstance(table.columns[column], Words):
            hint = f"columns: {{{column}: {{type: sequence}}}} for a weight per step"
            raise table.at(column).error("holds words, and no numbers to weigh by", column=column, hint=hint)
        return fit_number(table.columns[column], rows, plain, column, table.at(column))
    if steps is None:
        return fit_sequence(table, rows, plain, column, target.shape or None)
    problems += _otherwise(column, declared, next(iter(target.columns)), steps)
    alike = {"maxlen": steps.length, "padding": steps.padding, "truncating": steps.truncating}
    return fit_sequence(table, rows, plain.model_copy(update=alike), column, None)


def _otherwise(column: str, declared: ColumnSpec, target: str, steps: SequencePrep) -> Iterator[Problem]:
    """Where weights would be cut or filled up otherwise than the sequences of the target that they weigh."""
    own = {"maxlen": steps.length, "padding": steps.padding, "truncating": steps.truncating}
    for field, value in own.items():
        said = getattr(declared, field)
        if said not in (value, ColumnSpec.model_fields[field].default):
            message = f"the steps of '{column}' weigh those of '{target}', whose `{field}` is {value}"
            yield Problem(message, ("data", "columns", column, field), f"{field}: {value}, or nothing")
