"""NumPy's files: .npy, one array each, and .npz, several by name. Never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Annotated, ClassVar, Self

from pydantic import Field

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, register
from nnctl.data.paths import DataPaths, expanded, find, named
from nnctl.data.reading.blocks import block_rows
from nnctl.data.reading.bounds import check_expansion
from nnctl.data.reading.npy_format import ArrayStream, NoRows, column_of, read_array
from nnctl.data.reading.several import Files
from nnctl.data.table import Column, Origin, Pick, Table, same_length


@register
class NPY(Files):
    """Arrays in .npy files; the first axis counts the examples."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """What the column is called; default: the file's name without the ending. Several files need it."""
    others: dict[str, DataPaths] = {}
    """More columns from more files, by name (e.g. `label: labels.npy`); as many as `path` has."""

    streams: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = (".npy",)

    def files(self) -> dict[str, str]:
        others = [named(f"others.{name}", paths) for name, paths in self.others.items()]
        return named("path", self.path) | {name: path for each in others for name, path in each.items()}

    def apart(self, base: Path) -> list[Self]:
        parts = super().apart(base)
        if len(parts) > 1 and self.name is None:
            message = f"stands for {len(parts)} files: `name:` says what their column is called"
            raise DataError(message, file=next(iter(self.files().values())))
        others: dict[str, list[str]] = {}
        for name, paths in self.others.items():
            found = [file for path in named(name, paths).values() for file in expanded(base, path)]
            if len(found) != len(parts):
                message = f"stands for {len(found)} files, but `path` for {len(parts)}"
                raise DataError(message, file=next(iter(named(name, paths).values())), column=name)
            others[name] = found
        return [
            part.model_copy(update={"others": {name: files[i] for name, files in others.items()}})
            for i, part in enumerate(parts)
        ]

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        columns: dict[str, Column] = {}
        total = 0
        paths = self._paths()
        for name, path in paths.items():
            full = find(base, path)
            with open(full, "rb") as stream:
                array, total = read_array(stream, full.stat().st_size, path, rows)
            columns[name] = column_of(array, path, name)
        options = {"type": "npy"} | ({"name": self.name} if self.name else {})
        return Table(columns, Origin(self.file), total, options, files=self._elsewhere(paths))

    def file_blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]
    ) -> Iterator[Table]:
        paths = self._paths()
        wanted = pick(list(paths), Origin(self.file))
        with ExitStack() as opened:
            streams = {}
            for name, path in paths.items():
                if name in wanted:
                    full = find(base, path)
                    stream = opened.enter_context(open(full, "rb"))
                    streams[name] = ArrayStream(stream, full.stat().st_size, path)
            yield from _tables(streams, Origin(self.file), self._elsewhere(paths))

    def _paths(self) -> dict[str, str]:
        """The file of each column."""
        own = self.name or PurePath(self.file).stem
        return {own: self.file, **{name: path for name, path in self.others.items() if isinstance(path, str)}}

    def _elsewhere(self, paths: dict[str, str]) -> dict[str, str]:
        return {name: path for name, path in paths.items() if name in self.others}


@register
class NPZ(Files):
    """Arrays by name in one .npz file; the first axis counts the examples."""

    streams: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = (".npz",)

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        full = find(base, self.file)
        columns: dict[str, Column] = {}
        totals: dict[str, int] = {}
        single: DataError | None = None
        with self._readable(), zipfile.ZipFile(full) as archive:
            members, unread = self._members(archive, full.stat().st_size)
            for name, info in members.items():
                file = f"{self.file}/{info.filename}"
                try:
                    with self._readable(file), archive.open(info) as stream:
                        array, totals[name] = read_array(stream, info.file_size, file, rows)
                    columns[name] = column_of(array, self.file, name)
                except NoRows as error:
                    single = error
                except DataError as error:
                    unread[name] = error
        if not columns:
            raise next(iter(unread.values()), single or DataError("holds no array", file=self.file))
        total = max(totals[name] for name in columns)
        return Table(columns, Origin(self.file), total, {"type": "npz"}, unread=unread)

    def file_blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]
    ) -> Iterator[Table]:
        full = find(base, self.file)
        with self._readable(), ExitStack() as opened:
            archive = opened.enter_context(zipfile.ZipFile(full))
            members, unread = self._members(archive, full.stat().st_size)
            wanted = pick([*members, *unread], Origin(self.file))
            streams = {}
            for name in [name for name in (*members, *unread) if name in wanted]:
                if name in unread:
                    raise unread[name]
                member = members[name]
                stream = opened.enter_context(archive.open(member))
                streams[name] = ArrayStream(stream, member.file_size, f"{self.file}/{member.filename}")
            yield from _tables(streams, Origin(self.file), {})

    @contextmanager
    def _readable(self, file: str | None = None) -> Iterator[None]:
        """What zipfile raises for a damaged archive, or a `file` in it, becomes a DataError."""
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise DataError(f"is not a readable .npz file ({error})", file=file or self.file) from error

    def _members(
        self, archive: zipfile.ZipFile, size: int
    ) -> tuple[dict[str, zipfile.ZipInfo], dict[str, DataError]]:
        """The archive's arrays and what else it holds, after holding their claims against the file's size."""
        members = archive.infolist()
        names = [m.filename for m in members]
        if len(set(names)) < len(names):
            raise DataError("holds two arrays of the same name", file=self.file)
        if sum(m.compress_size for m in members) > size:
            raise DataError("claims more compressed data than the file holds", file=self.file)
        check_expansion(self.file, size, sum(m.file_size for m in members))
        arrays: dict[str, zipfile.ZipInfo] = {}
        unread: dict[str, DataError] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if not member.filename.endswith(".npy"):
                unread[name] = DataError(f"holds '{member.filename}', which is no .npy array", file=self.file)
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or (
                member.flag_bits & 1
            ):
                unread[name] = DataError(
                    f"'{member.filename}' is encrypted or packed in an unknown way", file=self.file
                )
            else:
                arrays[name] = member
        return arrays, unread


def _tables(streams: Mapping[str, ArrayStream], origin: Origin, files: dict[str, str]) -> Iterator[Table]:
    """The rows of several arrays side by side, block by block."""
    total = same_length({name: stream.rows for name, stream in streams.items()}, origin)
    step = block_rows(sum(stream.row_bytes for stream in streams.values()))
    for first in range(0, total, step):
        rows = min(step, total - first)
        columns = {name: column_of(s.take(rows), s.file, name) for name, s in streams.items()}
        yield Table(columns, replace(origin, first=origin.first + first), files=files)
