"""CSV files: strict, typed by column, every fault named by file, row and column."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, register
from nnctl.data.paths import find
from nnctl.data.reading.bounds import open_bytes, pass_over
from nnctl.data.reading.cells import Cells, check_header
from nnctl.data.reading.dialect import LINES, WHITESPACE, described, guess, written
from nnctl.data.reading.lines import CHUNK, CountedLines, csv_rows, undecodable
from nnctl.data.reading.numerals import Numerals
from nnctl.data.reading.several import Files
from nnctl.data.reading.text_blocks import TextBlocks
from nnctl.data.table import Origin, Pick, Table


def _header(value: Any) -> bool | list[str]:
    if isinstance(value, bool) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
        return value
    raise PydanticCustomError("header", "expected true, false or a list of column names")


HeaderField = Annotated[
    bool | list[str],
    PlainValidator(_header),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _marker(value: Any) -> Any:
    """A number is a marker as it is written."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Marker = Annotated[
    str,
    BeforeValidator(_marker),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}),
]


def _delimiter(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and (len(value) == 1 or value == WHITESPACE)):
        return value
    raise PydanticCustomError("delimiter", "expected one character, or whitespace for runs of blanks")


_UTF8 = ("utf-8", "utf8")
LARGE = 4 << 20
"""From so many bytes on, four times those of a compressed one, a file is read by kernels."""

Delimiter = Annotated[
    str | None,
    PlainValidator(_delimiter),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 1}, {"const": WHITESPACE}, {"type": "null"}]}),
]


@register
class CSV(Files):
    """A text file of rows and columns; `.gz` is unpacked on the way.

    A column is numeric if all its cells are numbers, else it holds words; cells that match `missing` are
    missing values. Blank lines are skipped.
    """

    header: HeaderField = True
    """Whether the first row names the columns; a list names them for a file without such a row."""
    delimiter: Delimiter = None
    """What separates cells: one character, or `whitespace` for any run of blanks and tabs. Default: a comma,
    a tab for .tsv files, or what the first lines show; `check` and `train` say what."""
    decimal: str = Field(default=".", min_length=1, max_length=1)
    """What stands before a number's fraction."""
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    """What may stand between a number's groups of three digits."""
    comment: str | None = Field(default=None, min_length=1)
    """Lines that begin with this are passed over."""
    skip: Annotated[int, Field(ge=0)] = 0
    """So many lines are passed over before the first, the header row or data."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """What encloses a cell that holds delimiters or line ends."""
    missing: tuple[Marker, ...] = ("", "NA", "N/A", "NaN", "nan", "null", "?")
    """Cells that stand for a missing value."""
    encoding: str = "utf-8"
    """The file's character encoding; a byte order mark is skipped."""

    row_is_line: ClassVar[bool] = True
    streams: ClassVar[bool] = True
    endings: ClassVar[tuple[str, ...]] = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")

    @model_validator(mode="after")
    def _agree(self) -> CSV:
        marks = {"delimiter": self.delimiter, "decimal": self.decimal, "thousands": self.thousands}
        taken = [(name, mark) for name, mark in {**marks, "quote": self.quote}.items() if mark]
        for i, (name, mark) in enumerate(taken):
            for other, same in taken[:i]:
                if (other, name) == ("delimiter", "thousands") and mark.strip():
                    # "1,234",5: what stands in quotes separates nothing.
                    continue
                if mark == same or {mark, same} == {WHITESPACE, " "}:
                    raise PydanticCustomError(
                        "marks",
                        "'{a}' and '{b}' are both {mark}",
                        {"a": other, "b": name, "mark": repr(mark)},
                    )
        return self

    @property
    def numerals(self) -> Numerals:
        """How the file writes numbers and missing values."""
        return Numerals(self.missing, self.decimal, self.thousands)

    @property
    def usual(self) -> str:
        """The delimiter of files with this ending."""
        first = self.path if isinstance(self.path, str) else self.path[0]
        if first.lower().removesuffix(".gz").endswith(".tsv"):
            return "\t"
        return ";" if self.decimal == "," else ","

    def told(self, base: Path) -> CSV:
        """The same source with its delimiter: as written, as usual, or as the file's first lines show it."""
        if self.delimiter is not None:
            return self
        told = self.model_copy(update={"delimiter": self.usual})
        with told._text(find(base, self.file)) as lines:
            kept = (line for line in lines.text if not lines.is_comment(line))
            first = list(itertools.islice(kept, LINES))
        width = len(self.header) if isinstance(self.header, list) else None
        return told.model_copy(
            update={"delimiter": guess(first, self.usual, self.quote, self.numerals, width)}
        )

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        told = self.told(base)
        table = told._read(base, hint, rows)
        table.options["delimiter"] = self.delimiter
        if told.delimiter != (self.delimiter or self.usual):
            said = f"cells are separated by {described(str(told.delimiter))}, by the look of the first lines"
            return replace(table, notes=(f"{self.file}: {said} ({written(str(told.delimiter))} says so)",))
        return table

    def _read(self, base: Path, hint: Hint, rows: int | None) -> Table:
        full = find(base, self.file)
        names, lines_before = self._names(full)
        cells = Cells(names, self._origin(full, lines_before, False), self.numerals, hint)
        plain = self._fill(full, cells, rows)
        if cells.late_words:
            cells = cells.again()
            self._fill(full, cells, rows)
        if not cells.count:
            raise DataError("has no rows of data", file=self.file)
        origin = self._origin(full, lines_before, plain)
        cells.origin = origin
        columns = cells.columns()
        total = cells.count if cells.finished else None
        return Table(columns, origin, total, self._options(names), cells.doubts(columns))

    def file_blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]
    ) -> Iterator[Table]:
        if self.delimiter is None:
            yield from self.told(base).file_blocks(base, hint, pick, texts)
            return
        full = find(base, self.file)
        names, _ = self._names(full)
        numerals = self.numerals
        reading = TextBlocks(
            names, self.file, lambda wanted, origin: Cells(wanted, origin, numerals, hint), pick, texts
        )
        with self._text(full) as lines:
            yield from reading.read(lines, header=self.header is True)

    def width(self, base: Path) -> int:
        first = self.apart(base)[0]
        return len(first.told(base)._first(find(base, first.file)))

    def _options(self, names: list[str]) -> dict[str, Any]:
        kept = self.model_dump(exclude={"path", "target"}, mode="json")
        if self.header is not True:
            kept["header"] = names
        return {"type": "csv", **kept}

    def _first(self, full: Path) -> list[str]:
        """The cells of the first row. Raises DataError if there is none."""
        with self._text(full) as lines:
            first = next((row for row in csv_rows(lines) if row), None)
        if first is None:
            raise DataError("is empty", file=self.file)
        return list(first)

    def _names(self, full: Path) -> tuple[list[str], int]:
        """The columns' names, and the number of lines before the data."""
        first = self._first(full)
        if self.header is True:
            check_header(first, self.file, self.skip + 1)
            return [name.strip() for name in first], self.skip + 1
        names = [str(i) for i in range(len(first))] if self.header is False else list(self.header)
        if len(names) != len(first):
            raise DataError(
                f"has {len(first)} columns, but `header` names {len(names)}", file=self.file, row=1
            )
        return names, self.skip

    def _fill(self, full: Path, cells: Cells, limit: int | None) -> bool:
        """Read the file into `cells`; whether line numbers follow from row numbers only."""
        passed, counted = self._fill_fast(full, cells) if limit is None and self._large(full) else (0, 0)
        if cells.finished:
            return counted == self.skip + (self.header is True) + cells.count
        with self._text(full, passed, counted) as lines:
            rows = csv_rows(lines)
            filled = (row for row in rows if row)
            if self.header is True and not passed:
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
            return lines.count == self.skip + (self.header is True) + cells.count

    def _large(self, full: Path) -> bool:
        """Whether a kernel reads the file, or most of it: that pays only from some size on."""
        marks = f"{self.delimiter or self.usual}{self.quote}"
        simple = len(marks) == 2 and marks.isascii() and marks.isprintable() and " " not in marks
        known = self.comment is None and self.numerals.plain and self.encoding.lower() in _UTF8
        packed = 4 if full.name.lower().endswith(".gz") else 1
        return simple and known and packed * full.stat().st_size >= LARGE

    def _fill_fast(self, full: Path, cells: Cells) -> tuple[int, int]:
        """Read well-formed rows, from the first on, into `cells`: how many bytes and lines that were."""
        from nnctl.data.reading.field_blocks import FieldBlocks

        with open_bytes(full, self.file) as content:
            how = self.delimiter or self.usual, self.quote, len(cells.names), "" in self.numerals.words
            blocks = FieldBlocks(content, *how, self.skip, self.header is True)
            blocks.words[:] = cells.words
            for fields in blocks:
                cells.add_fields(fields)
                blocks.words[:] = cells.words
        cells.finished = blocks.finished and cells.count > 0
        return (blocks.passed, blocks.lines) if cells.count else (0, 0)

    @contextmanager
    def _text(self, full: Path, passed: int = 0, counted: int = 0) -> Iterator[CountedLines]:
        """The file's lines; what the decoder and the CSV reader raise becomes a DataError.

        Args:
            passed: How many bytes of whole rows are not read; if any, what comes before the data is gone.
            counted: How many lines these are.
        """
        delimiter = self.delimiter or self.usual
        lines: CountedLines | None = None
        try:
            with open_bytes(full, self.file) as content:
                encoding = "utf-8-sig" if self.encoding.lower() in _UTF8 and not passed else self.encoding
                pass_over(content, passed)
                text = io.TextIOWrapper(content, encoding=encoding, newline="")
                lines = CountedLines(text, delimiter, self.quote, self.comment, 0 if passed else self.skip)
                lines.count += counted
                yield lines
        except LookupError as error:
            known = f"is read as '{self.encoding}', which is no known encoding"
            raise DataError(known, file=self.file) from error
        except UnicodeError as error:
            row = undecodable(full, self.file, self.encoding)
            hint = "say `encoding:` in the source, e.g. latin-1"
            raise DataError(f"is not {self.encoding} text", file=self.file, row=row, hint=hint) from error
        except csv.Error as error:
            row = lines.count if lines else None
            raise DataError(f"is not well-formed CSV: {error}", file=self.file, row=row) from error

    def _origin(self, full: Path, lines_before: int, plain: bool) -> Origin:
        return Origin(self.file, 1 + lines_before, None if plain else lambda i: self._line(full, i))

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
