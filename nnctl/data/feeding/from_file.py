"""Reading a file that is no part of an experiment's config: for `predict` and `eval --data`."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, DataError, Problem, RunError
from nnctl.core.spec import first_fault
from nnctl.data.base import Source, by_ending, sources
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.flat import flat_columns, in_rows
from nnctl.data.feeding.table_feeds import TableFeeds
from nnctl.data.feeding.windows import first_rows
from nnctl.data.preprocessing import InputPrep, Preprocessing
from nnctl.data.table import Column, Numbers, Table


def read_examples(source: Path | Table, preprocessing: Preprocessing, dtype: str = "float32") -> Dataset:
    """The examples of a file or table with targets (and sample weights, if training had them).

    Raises:
        ConfigError: the file's ending is not known.
        DataError: it cannot be read, or lacks a column.
    """
    if isinstance(source, Path):
        source = reader(source, preprocessing).read(Path(), preprocessing.kind_of)
    table = named(in_rows(source, flat_columns(preprocessing)), preprocessing)
    feeds = TableFeeds(table, preprocessing, dtype)
    window, firsts = preprocessing.window, feeds.rows
    if window is not None:
        firsts = first_rows(table, firsts, window, window.horizon, "the file")
    return feeds.dataset(table.origin.file, firsts)


def without_targets(preprocessing: Preprocessing) -> Preprocessing:
    """What a prediction needs: whatever stands where the targets were is no matter."""
    return preprocessing.model_copy(update={"targets": {}, "sample_weight": None, "weights": {}})


def reader(path: Path, preprocessing: Preprocessing) -> Source:
    """The source that reads a file as training read its own.

    Raises:
        ConfigError: the file's ending is not known.
        DataError: it has no names for its columns, and another number of them.
        RunError: a stranger has written how training read its own.
    """
    stored = sources.get(str(preprocessing.reader.get("type", "")))
    cls = stored if stored is not None and stored.reads(path) else by_ending(path.name)
    if cls is None:
        raise ConfigError(
            Problem(
                f"cannot tell what '{path.name}' holds by its ending",
                expected=", ".join(e for c in sources.classes() for e in c.endings),
            )
        )
    options: dict[str, Any] = dict(preprocessing.reader) if cls is stored else {}
    try:
        source = cls.of_path(str(path), {k: v for k, v in options.items() if k != "type"})
    except ValidationError as error:
        message = "how the training file was read is not stored as it should be"
        raise RunError(f"{message}: {first_fault(error)}") from None
    names = options.get("header")
    if isinstance(names, list):
        source = source.model_copy(update={"header": _names(source, names, preprocessing)})
    return source


def _names(source: Source, names: list[str], preprocessing: Preprocessing) -> list[str]:
    """The columns of a file without a header row: those of the training file, or only the inputs."""
    width = source.width(Path())
    inputs = list(dict.fromkeys(c for i in preprocessing.inputs.values() for c in i.columns))
    ordered = [n for n in names if n in inputs]
    for candidate in (names, ordered):
        if len(candidate) == width:
            return candidate
    raise DataError(
        f"has {width} columns, but the training data had {len(names)} ({len(ordered)} of them inputs)",
        file=next(iter(source.files().values())),
    )


def named(table: Table, preprocessing: Preprocessing) -> Table:
    """The table with each array that stands for a whole model input spread into the columns it is made of."""
    columns = dict(table.columns)
    for name, prep in preprocessing.inputs.items():
        if all(c in columns for c in prep.columns):
            continue
        only = len(preprocessing.inputs) == 1 and len(table.columns) == 1
        key = next(iter(table.columns)) if only else name
        if key in table.columns:
            columns |= _spread(table, table.columns[key], prep)
    return replace(table, columns=columns)


def _spread(table: Table, column: Column, prep: InputPrep) -> dict[str, Column]:
    names = list(prep.columns)
    if not isinstance(column, Numbers):
        return {}
    if len(names) == 1:
        return {names[0]: column}
    if not isinstance(column.values, np.ndarray):
        raise table.origin.error(f"a large array cannot stand for {len(names)} columns; store them by name")
    width = prod(column.shape)
    if width != len(names):
        raise DataError(
            f"gives {width} numbers an example, but the model was trained on {len(names)} columns "
            f"({names[0]} ... {names[-1]})",
            file=table.origin.file,
        )
    flat = column.values.reshape(len(column), width)
    return {n: Numbers(np.ascontiguousarray(flat[:, i])) for i, n in enumerate(names)}
