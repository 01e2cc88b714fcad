"""A file for `predict`, read, prepared and handed on block by block."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core.errors import DataError, nearest
from nnctl.core.records import record
from nnctl.core.visible import listed
from nnctl.data.base import Source, no_hint
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.flat import flat_columns, in_rows
from nnctl.data.feeding.from_file import named, reader, without_targets
from nnctl.data.feeding.table_feeds import TableFeeds
from nnctl.data.feeding.windows import Windowed, require_series
from nnctl.data.preprocessing import Preprocessing
from nnctl.data.reading.blocks import BLOCK_ROWS, values
from nnctl.data.table import Origin, Rows, Table

ROW = "row"
"""A name under which the number of a row in its file can be carried over, if no column is called so."""


@record
class Block:
    """Examples that follow each other in a file, and what is carried over of each."""

    examples: Dataset
    kept: dict[str, list[Any]]


def read_blocks(
    source: Path | Table, preprocessing: Preprocessing, dtype: str = "float32", keep: Sequence[str] = ()
) -> Iterator[Block]:
    """The examples of a file or table in order, without targets, prepared as the training data was.

    CSV columns and arrays are found by name. A file without such names may hold one array for each model
    input (by the input's name, or one array for a model with one input), or, without a header, the input
    columns in their order. Of a window, what is carried over is that of its last row.

    Args:
        keep: Columns to carry over, as they are written; "row" is the number of the row in the file.

    Raises:
        ConfigError: the file's ending is not known.
        DataError: it cannot be read, or does not hold what the model needs, or a column to carry over.
    """
    wanted = _Wanted(preprocessing, keep)
    windowed = Windowed(preprocessing.window) if preprocessing.window is not None else None
    last = preprocessing.window.length - 1 if preprocessing.window is not None else 0
    count, origin = 0, Origin("")
    inputs = without_targets(preprocessing)
    flat = flat_columns(inputs)
    if flat and not isinstance(source, Table):
        source = reader(source, preprocessing).read(Path(), inputs.kind_of)
    if isinstance(source, Table):
        whole = in_rows(source, flat)
        tables = iter([whole.only(wanted.pick(whole.names, whole.origin))])
    else:
        pick = wanted.pick
        tables = reader(source, preprocessing).blocks(Path(), inputs.kind_of, pick, lambda name: name in keep)
    for table in tables:
        origin = table.origin
        if windowed is not None:
            table, firsts = windowed.add(table)
        else:
            firsts = np.arange(table.longest, dtype=np.int64)
        if not len(firsts):
            continue
        feeds = TableFeeds(named(table, preprocessing), preprocessing, dtype, targets=False)
        step = BLOCK_ROWS if flat else len(firsts)
        for part in (firsts[start : start + step] for start in range(0, len(firsts), step)):
            kept = {name: carried(table, name, part + last) for name in keep}
            yield Block(feeds.dataset(origin.file, part), kept)
        count += len(firsts)
    if windowed is not None and windowed.rows and not count:
        raise DataError(
            f"has {windowed.rows} rows, too few for a window of {windowed.window.length}", file=origin.file
        )


def kept_of(source: Source, base: Path, keep: Sequence[str], rows: Rows) -> dict[str, list[Any]]:
    """What is carried over of `rows` of a source, in their order.

    Raises:
        DataError: it cannot be read, or lacks one of the columns.
    """
    order = np.argsort(rows, kind="stable")
    places: dict[str, list[Any]] = {name: [None] * len(rows) for name in keep}
    first, at = 0, 0

    def pick(names: Sequence[str], origin: Origin) -> Collection[str]:
        require(keep, names, origin)
        return [name for name in keep if name in names] or names[:1]

    for table in source.blocks(base, no_hint, pick, lambda name: name in keep):
        n = table.longest
        upto = at + int(np.searchsorted(rows[order[at:]], first + n))
        for name in keep:
            found = carried(table, name, rows[order[at:upto]] - first)
            for place, value in zip(order[at:upto].tolist(), found, strict=True):
                places[name][place] = value
        first, at = first + n, upto
    return places


def carried(table: Table, name: str, rows: Rows) -> list[Any]:
    """The cells of column `name` at `rows`, or the numbers of the rows in the file."""
    if name == ROW and name not in table.columns:
        return [table.origin.row(i) for i in rows.tolist()]
    return values(table, name, rows)


def require(keep: Sequence[str], names: Sequence[str], origin: Origin) -> None:
    """Raise DataError unless all that shall be carried over is there."""
    for name in keep:
        if name not in names and name != ROW:
            near = nearest(name, list(names))
            hint = f"did you mean '{near}'?" if near else f"it has: {listed(names)}"
            raise origin.error(f"has no column '{name}' to keep", hint=hint)


@record
class _Wanted:
    """Which columns of a file a model needs."""

    preprocessing: Preprocessing
    keep: Sequence[str]

    def pick(self, names: Sequence[str], origin: Origin) -> Collection[str]:
        """Each input's columns, or the array that stands for them; a window's group; what is kept."""
        require(self.keep, names, origin)
        inputs = self.preprocessing.inputs
        found = {name for name in self.keep if name in names}
        for name, prep in inputs.items():
            if all(column in names for column in prep.columns):
                found |= set(prep.columns)
            elif len(inputs) == 1 and len(names) == 1:
                found.add(names[0])
            elif name in names:
                found.add(name)
            else:
                lacking = next(column for column in prep.columns if column not in names)
                raise origin.error(f"has no column '{lacking}'", hint=f"it has: {listed(names)}")
        for name in self.preprocessing.lengths:
            if name not in names:
                raise origin.error(f"has no column '{name}'", hint=f"it has: {listed(names)}")
            found.add(name)
        window = self.preprocessing.window
        if window is not None and window.group is not None:
            require_series(window, names, origin)
            found.add(window.group)
        return found
