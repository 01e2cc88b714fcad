"""Texts: a folder with a folder for each class, a file of lines, or JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, Verbatim, register
from nnctl.data.paths import expanded, files_of, find
from nnctl.data.reading.blocks import BLOCK_ROWS
from nnctl.data.reading.bounds import open_bytes
from nnctl.data.reading.cells_of_rows import column_of, float_of, words_of
from nnctl.data.reading.classes import by_folder
from nnctl.data.reading.ragged import FlatRows, Ragged
from nnctl.data.reading.several import Files, behind_another
from nnctl.data.table import Column, Kind, Numbers, Origin, Pick, Table, Words

_JSON = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_ESCAPED = "\\ud"
"""How half a character is written, which is text only beside the other half."""
_LONGEST = 1 << 26
"""No text of a folder has more bytes."""


@register
class Text(Files):
    """Texts in UTF-8, for columns of `type: text`; `.gz` is unpacked on the way.

    A folder with a folder for each class gives a column `text`, a file's content each, and `label`. A file
    of JSON Lines (`.jsonl`, `.ndjson`) gives a column for each key; any other a row for each line, `text`.
    """

    format: Literal["folder", "lines", "jsonl"] | None = None
    """What the path holds; default: by its ending, and a folder is one."""

    of_folder: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = _JSON

    @classmethod
    def reads(cls, path: Path) -> bool:
        return path.is_dir() or path.name.lower().endswith((*_JSON, ".txt", ".txt.gz"))

    def contents(self, base: Path) -> dict[str, list[str]]:
        return {name: files_of(base, path) for name, path in self.files().items()}

    def apart(self, base: Path) -> list[Self]:
        paths = list(self.files().values())
        if any(self._is_folder(base, path) for path in paths):
            if len(paths) > 1:
                raise DataError("is a folder of texts, beside which stand no other paths", file=paths[0])
            return [self]
        files = [file for path in paths for file in expanded(base, path)]
        return [self.model_copy(update={"path": file}) for file in files]

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        tables = []
        left = rows
        for table in self._pieces(base, hint):
            tables.append(table)
            left = None if left is None else left - table.longest
            if left is not None and left <= 0:
                break
        if not tables:
            raise DataError("has no rows of data", file=self.file)
        table = tables[0] if len(tables) == 1 else behind_another(tables)
        whole = left is None or left > 0
        table = replace(table, total=table.longest if whole else None)
        return table if rows is None or table.longest <= rows else _first(table, rows)

    def file_blocks(self, base: Path, hint: Hint, pick: Pick, texts: Verbatim) -> Iterator[Table]:
        for table in self._pieces(base, hint):
            yield table.only(pick(table.names, table.origin))

    def _pieces(self, base: Path, hint: Hint) -> Iterator[Table]:
        if self._is_folder(base, self.file):
            return self._of_folder(base)
        if self.format == "jsonl" or (self.format is None and self.file.lower().endswith(_JSON)):
            return self._of_objects(base)
        return self._of_lines(base)

    def _is_folder(self, base: Path, path: str) -> bool:
        there = (base / path).is_dir()
        if self.format == "folder" and not there:
            raise DataError("is no folder", file=path)
        if there and self.format in ("lines", "jsonl"):
            raise DataError("is a directory, not a file", file=path)
        return there

    def _of_folder(self, base: Path) -> Iterator[Table]:
        files = files_of(base, self.file)
        label = by_folder(self.file, files)
        for first in range(0, len(files), BLOCK_ROWS):
            some = files[first : first + BLOCK_ROWS]
            columns: dict[str, Column] = {"text": words_of([_content(base, file) for file in some])}
            if label is not None:
                columns["label"] = Words(label.codes[first : first + BLOCK_ROWS], label.vocabulary)
            origin = Origin(self.file, parts=lambda i, some=some: (Origin(some[i]), None))  # type: ignore[misc]
            yield Table(columns, origin, len(some), self._options())

    def _of_lines(self, base: Path) -> Iterator[Table]:
        first = 1
        lines = self._lines(base)
        while block := list(islice(lines, BLOCK_ROWS)):
            yield Table({"text": words_of(block)}, Origin(self.file, first), len(block), self._options())
            first += len(block)

    def _of_objects(self, base: Path) -> Iterator[Table]:
        keys: list[str] | None = None
        numbered = ((i, line) for i, line in enumerate(self._lines(base), 1) if line.strip())
        while block := list(islice(numbered, BLOCK_ROWS)):
            rows = [self._object(line, number) for number, line in block]
            if keys is None:
                keys = list(dict.fromkeys(key for row in rows for key in row))
            numbers = [number for number, _ in block]
            origin = Origin(self.file, locate=numbers.__getitem__)
            for i, row in enumerate(rows):
                if unknown := next((key for key in row if key not in keys), None):
                    raise origin.error(f"has a key '{unknown}', which no row before has", i)
            columns: dict[str, Column] = {}
            unread: dict[str, DataError] = {}
            kinds: dict[str, Kind] = {}
            for key in keys:
                cells = [row.get(key) for row in rows]
                try:
                    if any(isinstance(cell, list) for cell in cells):
                        columns[key], kinds[key] = _sequences(cells, key, origin), "sequence"
                    else:
                        columns[key] = column_of(cells, key, origin)
                except DataError as error:
                    unread[key] = error
            yield Table(columns, origin, len(rows), self._options(), unread=unread, kinds=kinds)

    def _object(self, line: str, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line, object_pairs_hook=_object_of)
            if _ESCAPED in line.lower():
                json.dumps(row, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise DataError(f"is not JSON ({_told(error)})", file=self.file, row=number) from None
        if not isinstance(row, dict):
            raise DataError("expected an object of names and values", file=self.file, row=number)
        return row

    def _lines(self, base: Path) -> Iterator[str]:
        with open_bytes(find(base, self.file), self.file) as stream:
            for number, raw in enumerate(stream, 1):
                try:
                    yield raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError:
                    raise DataError("is not UTF-8", file=self.file, row=number) from None

    def _options(self) -> dict[str, Any]:
        return {"type": "text", "format": None if self.format == "folder" else self.format}


def _content(base: Path, file: str) -> str:
    with open_bytes(base / file, file) as stream:
        raw = stream.read(_LONGEST + 1)
    if len(raw) > _LONGEST:
        raise DataError(f"has more than {_LONGEST} bytes, as no text of a folder may", file=file)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError("is not UTF-8", file=file, row=line) from None


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Twice(next(name for name in names if names.count(name) > 1))
    return found


class _Twice(ValueError):
    """A name stands twice in an object."""


def _told(error: ValueError | RecursionError) -> str:
    if isinstance(error, _Twice):
        return f"the key '{error}' stands there twice"
    if isinstance(error, json.JSONDecodeError):
        return error.msg
    if isinstance(error, UnicodeEncodeError):
        return "half of a surrogate pair"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"


def _sequences(cells: Sequence[Any], name: str, origin: Origin) -> Numbers:
    steps: list[float] = []
    for row, cell in enumerate(cells):
        if not isinstance(cell, list) or not all(isinstance(n, int | float | None) for n in cell):
            said = "the list is missing" if cell is None else "expected a list of numbers, as rows before it"
            raise origin.error(said, row, name)
        steps += [float_of(number) for number in cell]
    lengths = np.array([len(cell) for cell in cells], dtype=np.int64)
    return Numbers(FlatRows(np.array(steps, dtype=np.float64), Ragged.behind_another(lengths)))


def _first(table: Table, rows: int) -> Table:
    """The first rows of a table in memory."""
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        if isinstance(column, Words):
            columns[name] = Words(column.codes[:rows], column.vocabulary)
        elif isinstance(column.values, FlatRows):
            lengths = column.values.ragged.lengths[:rows]
            columns[name] = Numbers(FlatRows(column.values.steps, Ragged.behind_another(lengths)))
        else:
            names = column.names and Words(column.names.codes[:rows], column.names.vocabulary)
            columns[name] = Numbers(column.values[:rows], names)  # type: ignore[index]
    return replace(table, columns=columns, total=None)
