"""CSV files: strict, typed by column, every fault named by file, row and column."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from nnctl.core.errors import DataError
from nnctl.core.spec import ConfigPath
from nnctl.data.base import Hint, Source, find, no_hint, register
from nnctl.data.blocks import Pick
from nnctl.data.bounds import open_bytes
from nnctl.data.sources.cells import Cells, check_header
from nnctl.data.sources.lines import CHUNK, Lines, csv_rows, undecodable
from nnctl.data.sources.numerals import Numerals
from nnctl.data.sources.text_blocks import TextBlocks
from nnctl.data.table import Origin, Table


def _header(value: Any) -> bool | list[str]:
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return value
    raise PydanticCustomError("header", "expected true, false or a list of column names")


Header = Annotated[
    bool | list[str],
    PlainValidator(_header),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]}),
]


@register
class CSV(Source):
    """A text file of rows and columns; `.gz` is unpacked on the way.

    A column is numeric if all its cells are numbers, else it holds words; cells that match `missing` are
    missing values. Blank lines are skipped.
    """

    path: ConfigPath
    """The file."""
    header: Header = True
    """Whether the first row names the columns; a list names them for a file without such a row."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """What separates cells; default: a comma, a tab for .tsv files."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """What encloses a cell that holds delimiters or line ends."""
    missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "null", "?")
    """Cells that stand for a missing value."""
    encoding: str = "utf-8"
    """The file's character encoding; a byte order mark is skipped."""

    endings: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")

    def files(self) -> dict[str, str]:
        return {"path": self.path}

    def read(self, base: Path, hint: Hint = no_hint, rows: int | None = None) -> Table:
        full = find(base, self.path)
        names, lines_before = self._names(full)
        cells = Cells(names, self._origin(full, lines_before, False), Numerals(self.missing), hint)
        plain = self._fill(full, cells, rows)
        if cells.late_words:
            cells = cells.again()
            self._fill(full, cells, rows)
        if not cells.count:
            raise DataError("has no rows of data", file=self.path)
        origin = self._origin(full, lines_before, plain)
        cells.origin = origin
        columns = cells.columns()
        total = cells.count if cells.finished else None
        return Table(columns, origin, total, self._options(names), cells.doubts(columns))

    def blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool] = lambda name: False
    ) -> Iterator[Table]:
        full = find(base, self.path)
        names, _ = self._names(full)
        numerals = Numerals(self.missing)
        reading = TextBlocks(
            names, self.path, lambda wanted, origin: Cells(wanted, origin, numerals, hint), pick, texts
        )
        with self._text(full) as lines:
            yield from reading.read(lines, header=self.header is True)

    def width(self, base: Path) -> int:
        return len(self._first(find(base, self.path)))

    def _options(self, names: list[str]) -> dict[str, Any]:
        kept = self.model_dump(include={"header", "quote", "missing", "encoding", "delimiter"}, mode="json")
        if self.header is not True:
            kept["header"] = names
        return {"type": "csv", **kept}

    def _first(self, full: Path) -> list[str]:
        """The cells of the first row. Raises DataError if there is none."""
        with self._text(full) as lines:
            first = next((row for row in csv_rows(lines) if row), None)
        if first is None:
            raise DataError("is empty", file=self.path)
        return list(first)

    def _names(self, full: Path) -> tuple[list[str], int]:
        """The columns' names, and the number of header rows."""
        first = self._first(full)
        if self.header is True:
            check_header(first, self.path)
            return [name.strip() for name in first], 1
        names = [str(i) for i in range(len(first))] if self.header is False else list(self.header)
        if len(names) != len(first):
            raise DataError(
                f"has {len(first)} columns, but `header` names {len(names)}", file=self.path, row=1
            )
        return names, 0

    def _fill(self, full: Path, cells: Cells, limit: int | None) -> bool:
        """Read the file into `cells`; whether line numbers follow from row numbers alone."""
        with self._text(full) as lines:
            rows = csv_rows(lines)
            filled = (row for row in rows if row)
            if self.header is True:
                next(filled)
            if limit is None:
                lines.fast(cells)
            while limit is None or cells.count < limit:
                size = CHUNK if limit is None else min(CHUNK, limit - cells.count)
                chunk = list(itertools.islice(filled, size))
                if not chunk:
                    cells.finished = True
                    break
                cells.add(chunk)
            else:
                cells.finished = next(filled, None) is None
            return lines.count == cells.count + (self.header is True)

    @contextmanager
    def _text(self, full: Path) -> Iterator[Lines]:
        """The file's lines; what the decoder and the CSV reader raise becomes a DataError."""
        tab = self.path.lower().removesuffix(".gz").endswith(".tsv")
        delimiter = self.delimiter or ("\t" if tab else ",")
        lines: Lines | None = None
        try:
            with open_bytes(full, self.path) as content:
                encoding = "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding
                lines = Lines(io.TextIOWrapper(content, encoding=encoding, newline=""), delimiter, self.quote)
                yield lines
        except LookupError as error:
            known = f"is read as '{self.encoding}', which is no known encoding"
            raise DataError(known, file=self.path) from error
        except UnicodeError as error:
            row = undecodable(full, self.path, self.encoding)
            hint = "say `encoding:` in the source, e.g. latin-1"
            raise DataError(f"is not {self.encoding} text", file=self.path, row=row, hint=hint) from error
        except csv.Error as error:
            row = lines.count if lines else None
            raise DataError(f"is not well-formed CSV: {error}", file=self.path, row=row) from error

    def _origin(self, full: Path, lines_before: int, plain: bool) -> Origin:
        return Origin(self.path, 1 + lines_before, None if plain else lambda i: self._line(full, i))

    def _line(self, full: Path, i: int) -> int:
        """The line on which row `i` (from 0) of the data begins: found by reading again."""
        wanted = i + (self.header is True)
        before = 0
        with self._text(full) as lines:
            for row in csv_rows(lines):
                if row:
                    if wanted == 0:
                        return before + 1
                    wanted -= 1
                before = lines.count
        return before
