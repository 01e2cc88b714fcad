"""NumPy's files: .npy, one array each, and .npz, several by name. Never unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import ClassVar

from nnctl.core.errors import DataError
from nnctl.core.spec import ConfigPath
from nnctl.data.base import Hint, Source, find, no_hint, register
from nnctl.data.reading.blocks import block_rows
from nnctl.data.reading.bounds import check_expansion
from nnctl.data.reading.npy_format import ArrayStream, NoRows, column_of, read_array
from nnctl.data.table import Column, Origin, Pick, Table, same_length


@register
class NPY(Source):
    """Arrays in .npy files; the first axis counts the examples."""

    path: ConfigPath
    """A file; its column is called by the file's name without the ending."""
    others: dict[str, ConfigPath] = {}
    """More columns from more files, by name (e.g. `label: labels.npy`)."""

    endings: ClassVar[tuple[str, ...]] = (".npy",)

    def files(self) -> dict[str, str]:
        return {"path": self.path, **{f"others.{name}": path for name, path in self.others.items()}}

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        columns: dict[str, Column] = {}
        total = 0
        for name, path in {PurePath(self.path).stem: self.path, **self.others}.items():
            full = find(base, path)
            with open(full, "rb") as stream:
                array, total = read_array(stream, full.stat().st_size, path, rows)
            columns[name] = column_of(array, path, name)
        return Table(columns, Origin(self.path), total, {"type": "npy"}, files=dict(self.others))

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]) -> Iterator[Table]:
        paths = {PurePath(self.path).stem: self.path, **self.others}
        wanted = pick(list(paths), Origin(self.path))
        with ExitStack() as opened:
            streams = {}
            for name, path in paths.items():
                if name in wanted:
                    full = find(base, path)
                    stream = opened.enter_context(open(full, "rb"))
                    streams[name] = ArrayStream(stream, full.stat().st_size, path)
            yield from _tables(streams, Origin(self.path), dict(self.others))


@register
class NPZ(Source):
    """Arrays by name in one .npz file; the first axis counts the examples."""

    path: ConfigPath
    """The file."""

    endings: ClassVar[tuple[str, ...]] = (".npz",)

    def files(self) -> dict[str, str]:
        return {"path": self.path}

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        full = find(base, self.path)
        columns: dict[str, Column] = {}
        totals: dict[str, int] = {}
        single: DataError | None = None
        with self._readable(), zipfile.ZipFile(full) as archive:
            members, unread = self._members(archive, full.stat().st_size)
            for name, info in members.items():
                file = f"{self.path}/{info.filename}"
                try:
                    with self._readable(file), archive.open(info) as stream:
                        array, totals[name] = read_array(stream, info.file_size, file, rows)
                    columns[name] = column_of(array, self.path, name)
                except NoRows as error:
                    single = error
                except DataError as error:
                    unread[name] = error
        if not columns:
            raise next(iter(unread.values()), single or DataError("holds no array", file=self.path))
        total = max(totals[name] for name in columns)
        return Table(columns, Origin(self.path), total, {"type": "npz"}, unread=unread)

    def blocks(self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]) -> Iterator[Table]:
        full = find(base, self.path)
        with self._readable(), ExitStack() as opened:
            archive = opened.enter_context(zipfile.ZipFile(full))
            members, unread = self._members(archive, full.stat().st_size)
            wanted = pick([*members, *unread], Origin(self.path))
            streams = {}
            for name in [name for name in (*members, *unread) if name in wanted]:
                if name in unread:
                    raise unread[name]
                member = members[name]
                stream = opened.enter_context(archive.open(member))
                streams[name] = ArrayStream(stream, member.file_size, f"{self.path}/{member.filename}")
            yield from _tables(streams, Origin(self.path), {})

    @contextmanager
    def _readable(self, file: str | None = None) -> Iterator[None]:
        """What zipfile raises for a damaged archive, or a `file` in it, becomes a DataError."""
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
            raise DataError(f"is not a readable .npz file ({error})", file=file or self.path) from error

    def _members(
        self, archive: zipfile.ZipFile, size: int
    ) -> tuple[dict[str, zipfile.ZipInfo], dict[str, DataError]]:
        """The archive's arrays and what else it holds, after holding their claims against the file's size."""
        members = archive.infolist()
        names = [m.filename for m in members]
        if len(set(names)) < len(names):
            raise DataError("holds two arrays of the same name", file=self.path)
        if sum(m.compress_size for m in members) > size:
            raise DataError("claims more compressed data than the file holds", file=self.path)
        check_expansion(self.path, size, sum(m.file_size for m in members))
        arrays: dict[str, zipfile.ZipInfo] = {}
        unread: dict[str, DataError] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            if not member.filename.endswith(".npy"):
                unread[name] = DataError(f"holds '{member.filename}', which is no .npy array", file=self.path)
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or (
                member.flag_bits & 1
            ):
                unread[name] = DataError(
                    f"'{member.filename}' is encrypted or packed in an unknown way", file=self.path
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
