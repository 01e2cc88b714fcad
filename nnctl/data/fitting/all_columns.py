"""Fitting the whole of a `Preprocessing`: every model input and target, from the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from nnctl.core.errors import ConfigError, Path, Problem
from nnctl.core.shapes import Shape
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.columns.patterns import column_path, column_spec
from nnctl.data.columns.roles import Roles, Wanted
from nnctl.data.feeding.shapes import agreed_shape, disagreement, natural_shape
from nnctl.data.fitting.buckets import bucket_problems, with_own_length
from nnctl.data.fitting.hashes import hash_prep
from nnctl.data.fitting.one_column import fit_category, fit_number, fit_time, kind_of
from nnctl.data.fitting.sequences import alike, alike_problems, fill_problems, fit_sequence
from nnctl.data.fitting.texts import fit_text
from nnctl.data.fitting.weights import fit_weights
from nnctl.data.preprocessing import (
    CategoryPrep,
    ColumnPrep,
    InputPrep,
    NumberPrep,
    Preprocessing,
    TargetPrep,
)
from nnctl.data.reading.numerals import numbers_in_words
from nnctl.data.spec import DataSpec
from nnctl.data.table import Kind, Rows, Table


def fit(table: Table, rows: Rows, roles: Roles, spec: DataSpec, wanted: Wanted) -> Preprocessing:
    """What the training `rows` of `table` say about every column that has a role.

    Raises:
        ConfigError: declarations contradict each other or the model; all at once.
        DataError: the data contradicts a declaration, or is not usable as it is.
    """
    problems: list[Problem] = []
    inputs = {
        n: _input(n, columns, table, rows, spec, wanted, problems) for n, columns in roles.inputs.items()
    }
    targets = {
        n: _target(n, columns, table, rows, spec, wanted, problems) for n, columns in roles.targets.items()
    }
    weights = fit_weights(table, rows, roles, targets, spec, problems)
    problems += bucket_problems(spec, inputs, wanted)
    if problems:
        raise ConfigError(problems)
    inputs = {n: with_own_length(prep) if spec.batching else prep for n, prep in inputs.items()}
    return Preprocessing(
        inputs=inputs,
        targets=targets,
        sample_weight=roles.sample_weight,
        weights=weights,
        window=spec.windows,
        bucket_boundaries=spec.boundaries,
        reader=table.options,
    )


def _input(
    name: str,
    columns: list[str],
    table: Table,
    rows: Rows,
    spec: DataSpec,
    wanted: Wanted,
    problems: list[Problem],
) -> InputPrep:
    specs = {c: column_spec(spec, c) for c in columns}
    kinds = {c: kind_of(table, c, specs[c]) for c in columns}
    indexed = [c for c in columns if specs[c].indexed]
    unnamed = not wanted.inputs and "input" in wanted.integer_inputs
    integer = bool(indexed) or name in wanted.integer_inputs or unnamed
    if indexed and len(indexed) < len(columns):
        other = next(c for c in columns if c not in indexed)
        texts = kinds[indexed[0]] == "text"
        entering, said = ("numbers of tokens", "output_mode") if texts else ("a class number", "encoding")
        word = "int" if texts else specs[indexed[0]].encoding
        problems.append(
            Problem(
                f"'{indexed[0]}' enters input '{name}' as {entering}, '{other}' does not",
                column_path(spec, indexed[0], said),
                f"an input of its own for columns with `{said}: {word}`",
            )
        )
    preps: dict[str, ColumnPrep] = {}
    declared: Shape | None = wanted.inputs.get(name)
    for c in columns:
        if integer:
            problems += _no_class_numbers(name, c, kinds[c], specs[c], spec)
        if kinds[c] == "sequence":
            single = next((other for other in columns if kinds[other] != "sequence"), None)
            problems += _no_sequence_here(f"input '{name}'", c, single, spec)
            problems += fill_problems(c, specs[c], column_path(spec, c, "value"), integer=integer)
            preps[c] = fit_sequence(table, rows, specs[c], c, declared)
        else:
            preps[c] = _fitted(table, rows, c, kinds[c], specs[c], integer)
    problems += alike_problems(specs, columns, spec)
    preps = alike(preps)
    found = natural_shape(table, preps, spec.window.length if spec.window else None)
    if agreed_shape(found, declared) is None and declared is not None:
        longer = kinds[columns[0]] == "sequence" and declared and declared[0] and declared[0] < found[0]
        way = f"maxlen: {declared[0]} of '{columns[0]}', which cuts longer ones" if longer else None
        message = disagreement(name, found, declared, columns)
        problems.append(Problem(message, ("model", "inputs", name), way))
    return InputPrep(
        columns=preps, shape=found if declared is None else declared, dtype="int32" if integer else "float32"
    )


def _no_class_numbers(
    name: str, column: str, kind: Kind, declared: ColumnSpec, spec: DataSpec
) -> Iterator[Problem]:
    """What keeps a column from entering input `name`, which takes numbers of classes or tokens."""
    if kind == "time":
        message = f"'{column}' holds times, but input '{name}' takes class numbers"
        yield Problem(message, column_path(spec, column), "an input of its own for times")
    elif kind == "text" and not declared.indexed:
        message = f"'{column}' enters as a number per token, but input '{name}' takes numbers of tokens"
        yield Problem(message, column_path(spec, column, "output_mode"), "output_mode: int")
    elif kind in ("number", "sequence") and declared.scale is not None:
        message = f"'{column}' holds class numbers for input '{name}'; they cannot be scaled"
        yield Problem(message, column_path(spec, column, "scale"))


def _no_sequence_here(whose: str, column: str, other: str | None, spec: DataSpec) -> Iterator[Problem]:
    """What keeps a column of sequences from being what an input reads, or an output's target."""
    path = column_path(spec, column, "type")
    if other is not None:
        message = f"'{column}' holds sequences for {whose}, and stands beside '{other}'"
        yield Problem(message, path, f"an {whose.split()[0]} of its own for each of them")
    if spec.window is not None:
        message = f"'{column}' holds a sequence in each row, and a window makes one of several rows"
        yield Problem(message, path, "either of them")


def _fitted(
    table: Table, rows: Rows, name: str, kind: Kind, declared: ColumnSpec, integer: bool
) -> ColumnPrep:
    column, origin = table.columns[name], table.at(name)
    if kind == "category":
        if declared.encoding == "hash":
            return hash_prep(column, declared, name, origin)
        encoding = "index" if integer else declared.encoding or "onehot"
        return fit_category(column, rows, declared, name, origin, encoding)
    if kind == "time":
        return fit_time(column, rows, declared, name, origin)
    if kind == "text":
        return fit_text(column, rows, declared, name, origin)
    return fit_number(column, rows, declared, name, origin)


def _target(
    output: str,
    columns: list[str],
    table: Table,
    rows: Rows,
    spec: DataSpec,
    wanted: Wanted,
    problems: list[Problem],
) -> TargetPrep:
    specs = {c: column_spec(spec, c, target=True) for c in columns}
    for c in columns:
        kind = specs[c].kind
        if kind in ("time", "text"):
            problem = Problem(f"'{c}' is a target, and cannot be a {kind}", ("data", "columns", c), "number")
            raise ConfigError(problem)
        if specs[c].encoding == "hash":
            message = f"'{c}' is a target, and a hash names no class"
            raise ConfigError(Problem(message, column_path(spec, c, "encoding"), "onehot or index"))
    categorical = wanted.categorical.get(output)
    sequence = next((c for c in columns if specs[c].kind == "sequence"), None)
    if sequence is not None:
        single = next((other for other in columns if other != sequence), None)
        problems += _no_sequence_here(f"output '{output}'", sequence, single, spec)
        return _steps(output, sequence, table, rows, specs[sequence], categorical, problems)
    categories = [c for c in columns if kind_of(table, c, specs[c]) == "category"]
    if categories and len(columns) > 1:
        problems.append(
            Problem(
                f"output '{output}' has {len(columns)} target columns, but '{categories[0]}' is a category",
                ("data", "targets", output),
                "columns of numbers, or one category",
            )
        )
    if categories:
        return _classes(output, categories[0], table, rows, spec, categorical, problems)
    preps: dict[str, ColumnPrep] = {}
    for c in columns:
        preps[c] = fit_number(table.columns[c], rows, specs[c], c, table.at(c))
        if categorical and not _plain(preps[c]):
            problems.append(
                Problem(
                    f"'{c}' holds class numbers for output '{output}'; they cannot be prepared",
                    ("data", "columns", c),
                )
            )
    shape = table.columns[columns[0]].shape if len(columns) == 1 else natural_shape(table, preps, None)
    return TargetPrep(columns=preps, kind="ids" if categorical else "number", shape=shape)


def _steps(
    output: str,
    column: str,
    table: Table,
    rows: Rows,
    declared: ColumnSpec,
    categorical: bool | None,
    problems: list[Problem],
) -> TargetPrep:
    """A target of sequences: a class number, or numbers, for each step that the model puts out."""
    prep = fit_sequence(table, rows, declared, column, None)
    path: Path = ("data", "columns", column)
    problems += fill_problems(column, declared, (*path, "value"), integer=bool(categorical))
    if categorical and not prep.numbers.identity:
        message = f"'{column}' holds class numbers for output '{output}'; they cannot be prepared"
        problems.append(Problem(message, path))
    return TargetPrep(columns={column: prep}, kind="ids" if categorical else "number", shape=prep.shape)


def _plain(prep: ColumnPrep) -> bool:
    return isinstance(prep, NumberPrep) and prep.identity


def _classes(
    output: str,
    column: str,
    table: Table,
    rows: Rows,
    spec: DataSpec,
    categorical: bool | None,
    problems: list[Problem],
) -> TargetPrep:
    """A target of words: class numbers, 0/1 vectors, or (two classes) the numbers 0 and 1."""
    declared = column_spec(spec, column, target=True)
    encoding: Literal["onehot", "index"] = "onehot" if declared.encoding == "onehot" else "index"
    prep = fit_category(table.columns[column], rows, declared, column, table.at(column), encoding)
    where = ("data", "columns", column) if column in spec.columns else ("data",)
    if encoding == "onehot":
        if categorical:
            problems.append(
                Problem(
                    f"the loss of output '{output}' wants class numbers, but '{column}' is one-hot",
                    (*where, "encoding"),
                    "encoding: index",
                )
            )
        return TargetPrep(
            columns={column: prep}, kind="onehot", shape=(prep.classes,), class_names=names_of(prep)
        )
    if categorical is False and prep.classes > 2:
        held, way = numbers_in_words(prep.words) or (f"{prep.classes} classes", None)
        problems.append(
            Problem(
                f"the loss of output '{output}' wants numbers, but '{column}' holds {held}",
                where,
                way
                or "sparse_categorical_crossentropy, or categorical_crossentropy and "
                f"columns: {{{column}: {{type: category, encoding: onehot}}}}",
            )
        )
    return TargetPrep(
        columns={column: prep},
        kind="number" if categorical is False else "ids",
        shape=(),
        class_names=names_of(prep),
    )


def names_of(prep: CategoryPrep) -> tuple[str, ...]:
    """The classes' names, `(other)` last if there is such a class."""
    return (*prep.words, "(other)") if prep.other else prep.words
