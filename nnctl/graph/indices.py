"""Holding the indices that data gives against the tables that layers look them up in."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import ConfigError, Path, Problem
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data
from nnctl.data.preprocessing import CategoryPrep, HashPrep, TextPrep
from nnctl.graph.model import CallNode, LayerGraph, Ref
from nnctl.graph.targets import outside


def check_table_sizes(model: LayerGraph, data: Data) -> None:
    """Every index that the experiment's data gives a layer is a row of its table.

    Raises:
        ConfigError: with the place of the field that says how many there are.
    """
    problems = []
    for node, name, path, size in _looked_up(model):
        field = str(path[-1])
        if (classes := _too_many(node, name, path, size, data)) is not None:
            problems.append(classes)
            continue
        for split in (data.train, data.validation, data.test):
            found = _first(split, name, size) if split is not None else None
            if split is None or found is None:
                continue
            at, index, most = found
            origin, row = split.place(split.inputs[name], at)
            problems.append(
                Problem(
                    f"'{node.name}' has {_room(field, size)} (0 to {size - 1}), but the index {index} "
                    f"occurs ({origin.place(row)})",
                    (*node.path, *path),
                    expected=f"{field}: {most + 1}" if index >= 0 else "indices from 0 on",
                )
            )
            break
    if problems:
        raise ConfigError(problems)


def check_computed_indices(model: LayerGraph) -> None:
    """Every class number that a layer gives another one is a row of its table.

    Raises:
        ConfigError: with the place of the field that says how many there are.
    """
    problems = []
    for node in model.nodes:
        found, (read, *_) = node.layer.looks_up(), node.at_parameters(node.inputs)
        giving = _giving(model, read) if found is not None and read is not None else None
        given = giving.layer.numbers_given() if giving is not None else None
        if found is None or giving is None or given is None:
            continue
        path, size = found
        if given[0] < 0 or given[1] >= size:
            problems.append(
                Problem(
                    f"'{node.name}' has {_room(str(path[-1]), size)} (0 to {size - 1}), "
                    f"but '{giving.name}' gives numbers from {given[0]} to {given[1]}",
                    (*node.path, *path),
                    expected=f"{path[-1]}: {given[1] + 1}" if given[0] >= 0 else "numbers from 0 on",
                )
            )
    if problems:
        raise ConfigError(problems)
    if model.held is not None:
        check_computed_indices(model.held)


def _giving(model: LayerGraph, read: Ref) -> CallNode | None:
    """The call whose numbers a tensor has, behind those that only move them; None for an input's."""
    while read.name not in model.inputs:
        node = model.node(read.name)
        if not node.layer.keeps_range:
            return node
        read = node.inputs[0]
    return None


def _too_many(node: CallNode, name: str, path: Path, size: int, data: Data) -> Problem | None:
    """A problem where a category has more classes than the table has rows, be they in the data yet or not."""
    prepared, field = data.preprocessing.inputs.get(name), str(path[-1])
    for column, prep in prepared.columns.items() if prepared else ():
        if not isinstance(prep, CategoryPrep | HashPrep | TextPrep):
            continue
        most = prep.num_bins if isinstance(prep, HashPrep) else prep.classes
        if most > size:
            what = "classes"
            if isinstance(prep, HashPrep):
                what = "bins (`num_bins`)"
            elif isinstance(prep, TextPrep):
                what = "tokens, padding and the unknown one included (see `max_tokens`)"
            elif prep.other:
                what = "classes, that of unknown and missing words included"
            return Problem(
                f"'{node.name}' has {_room(field, size)}, but '{column}' has {most} {what}",
                (*node.path, *path),
                expected=f"{field}: {most}",
            )
    return None


def _room(field: str, size: int) -> str:
    """What a layer has for so many indices."""
    return f"a table of {size} rows" if field == "input_dim" else f"{field}: {size}"


def check_indices(model: LayerGraph, examples: Dataset) -> None:
    """Hold the indices of a file given to `eval` or `predict` against a trained model's tables.

    Raises:
        DataError: an index is no row of the table; names file and row.
    """
    for node, name, _, size in _looked_up(model):
        found = _first(examples, name, size)
        if found is not None:
            at, index, _ = found
            message = f"the index {index} is none of the 0 to {size - 1} that '{node.name}' knows"
            origin, row = examples.place(examples.inputs[name], at)
            raise origin.error(message, row)


def _looked_up(model: LayerGraph) -> Iterator[tuple[CallNode, str, Path, int]]:
    """Every call that looks a model input up in a table: call, input, field with the rows, rows."""
    for node in model.nodes:
        found = node.layer.looks_up()
        if found is not None:
            read, *_ = node.at_parameters(node.inputs)
            if read is not None and read.name in model.inputs:
                yield node, read.name, *found


def _first(split: Dataset, name: str, size: int) -> tuple[int, int, int] | None:
    """As `outside`; inputs that are read from disk as batches need them are passed by."""
    part = split.inputs[name]
    return outside(split, part, size) if part.feed.kept() else None
