"""Parquet files, and folders of them: columns by name, read as they are typed."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from urllib.parse import unquote

import numpy as np
from pydantic import Field, PrivateAttr

from nnctl.core.errors import DataError, nearest
from nnctl.core.visible import listed
from nnctl.data.base import Hint, Verbatim, register
from nnctl.data.paths import files_of, find
from nnctl.data.reading.blocks import block_rows
from nnctl.data.reading.extra import extra
from nnctl.data.reading.numerals import Numerals
from nnctl.data.reading.several import Files
from nnctl.data.table import Column, Numbers, Origin, Pick, Table, Words

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

_PARTITION = re.compile(r"([^=]+)=(.*)")
_NOTHING = "__HIVE_DEFAULT_PARTITION__"
_FREE, _RATIO = 1 << 30, 2000
"""A file of constants is small: a bomb has more than so many bytes, and so many for each of the file's."""


@register
class Parquet(Files):
    """Columns of Parquet files; lists are sequences, timestamps times, dictionaries categories.

    `path` may be a folder: all files in it and below are one table, and what its folders are called
    (`year=2024/month=5`) is a column, too. Needs `nnctl[parquet]`.
    """

    columns: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Only these columns are read (`p*`: those that match); default: those that the experiment uses."""

    _needed: frozenset[str] | None = PrivateAttr(None)

    of_folder: ClassVar[bool] = True
    streams: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    @classmethod
    def reads(cls, path: Path) -> bool:
        return path.is_dir()

    def contents(self, base: Path) -> dict[str, list[str]]:
        none = f"holds no file that ends in {' or '.join(self.endings)}"
        return {name: files_of(base, path, self.endings, none) for name, path in self.files().items()}

    def apart(self, base: Path) -> list[Self]:
        files = [file for files in self.contents(base).values() for file in files]
        return [self.model_copy(update={"path": file}) for file in files]

    def narrowed(self, names: Collection[str]) -> Self:
        found = self.model_copy()
        found._needed = frozenset(names)
        return found

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        import_arrow()
        with self._opened(base) as file:
            total: int = file.metadata.num_rows
            chosen = self._chosen(file)
            names = [name for name in chosen if self._needed is None or name in self._needed]
            count = total if rows is None else min(rows, total)
            found = file.read(columns=names) if rows is None else self._first(file, names, rows)
            table = self._table(found, self._origin(), count)
            others = {n: self._origin().error("was not read", column=n) for n in chosen if n not in names}
            return replace(table, total=total, unread=table.unread | others)

    def file_blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        import_arrow()
        with self._opened(base) as file:
            partitions = self._partitions()
            wanted = pick([*self._chosen(file), *partitions], self._origin())
            names = [name for name in self._chosen(file) if name in wanted]
            size = block_rows(_row_bytes(file, names))
            first = 0
            for batch in _batches(file, size, names):
                origin = replace(self._origin(), first=1 + first)
                table = self._table(batch, origin, len(batch))
                first += len(batch)
                yield table.only(wanted)

    def _origin(self) -> Origin:
        return Origin(self.file)

    @contextmanager
    def _opened(self, base: Path) -> Iterator[ParquetFile]:
        """The file; what Arrow raises for one that is damaged becomes a DataError."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        full = find(base, self.file)
        try:
            with ParquetFile(full, memory_map=False) as file:
                self._check_size(file, full.stat().st_size)
                yield file
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            said = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise DataError(f"is not a readable Parquet file ({said})", file=self.file) from error

    def _check_size(self, file: ParquetFile, stored: int) -> None:
        meta = file.metadata
        expanded = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        expanded = max(expanded, meta.num_rows * _row_bytes(file, file.schema_arrow.names))
        if expanded > _FREE and expanded > _RATIO * stored:
            message = f"expands from {stored} to {expanded} bytes or more, over the bound of {_RATIO} to 1"
            raise DataError(message, file=self.file)

    def _chosen(self, file: ParquetFile) -> list[str]:
        """The file's columns that are read."""
        names: list[str] = file.schema_arrow.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise DataError("two columns have the same name", file=self.file, column=twice)
        if self.columns is None:
            return names
        known = [*names, *self._partitions()]
        for wanted in self.columns:
            if not any(fnmatchcase(name, wanted) for name in known):
                near = nearest(wanted, known)
                hint = f"did you mean '{near}'?" if near else f"it has: {listed(known)}"
                raise DataError(f"has no column '{wanted}'", file=self.file, hint=hint)
        return [name for name in names if self._is_chosen(name)]

    def _is_chosen(self, name: str) -> bool:
        return self.columns is None or any(fnmatchcase(name, wanted) for wanted in self.columns)

    def _first(self, file: ParquetFile, names: list[str], rows: int) -> Any:
        """The first rows, or none."""
        import pyarrow as pa

        batches = []
        for batch in file.iter_batches(max(1, rows), columns=names):
            batches.append(batch)
            if sum(map(len, batches)) >= rows:
                break
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
        return pa.Table.from_batches(batches, schema).slice(0, rows)

    def _table(self, found: Any, origin: Origin, count: int) -> Table:
        from nnctl.data.reading.arrow import read_columns

        read = read_columns(zip(found.schema.names, found.columns, strict=True), origin)
        columns = dict(read.columns)
        for name, value in self._partitions().items():
            if name not in columns and self._is_chosen(name):
                columns[name] = _constant(value, count)
        options: dict[str, Any] = {"type": "parquet"}
        return Table(columns, origin, count, options, unread=read.unread, kinds=read.kinds)

    def _partitions(self) -> dict[str, str]:
        """What the folders that the file is in say of its rows."""
        parts = [_PARTITION.fullmatch(part) for part in PurePath(self.file).parts[:-1]]
        return {unquote(part[1]): unquote(part[2]) for part in parts if part}


def _batches(file: ParquetFile, size: int, names: list[str]) -> Iterator[Any]:
    """The rows of a file, group by group: going through all groups at once, Arrow keeps what it has read."""
    for group in range(file.metadata.num_row_groups):
        yield from file.iter_batches(size, row_groups=[group], columns=names)


def import_arrow() -> None:
    """Import Arrow, or say what installs it. Raises ConfigError."""
    extra("pyarrow.parquet", "pyarrow", "parquet", "parquet")


def _constant(value: str, count: int) -> Column:
    """A column that holds one value: a number, if it is written as one."""
    if value == _NOTHING:
        return Words(np.full(count, -1, dtype=np.int32), ())
    number = Numerals().parse([value])
    if number is None:
        return Words(np.zeros(count, dtype=np.int32), (value,))
    whole = number[0].is_integer() and abs(number[0]) < 2**53
    return Numbers(np.full(count, int(value) if whole else number[0]))


def _row_bytes(file: ParquetFile, names: list[str]) -> int:
    """About how many bytes a row takes; of texts and lists nothing is known."""
    total = 0
    for name in names:
        of = file.schema_arrow.field(name).type
        while hasattr(of, "list_size"):
            total, of = total + of.list_size * 8, of.value_type
        total += 8
    return total
