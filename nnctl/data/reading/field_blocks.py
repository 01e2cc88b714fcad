"""The rows of a large CSV file as blocks of fields, cut by a kernel: a file of 100 MB in about a second.

What a file holds besides well-formed rows (another number of cells, bytes that are no UTF-8, ...) is not read
here: whoever reads goes on with the CSV reader, which says what is wrong.
"""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nnctl.core.records import record
from nnctl.data.reading.cells import Spelled
from nnctl.data.reading.lines import CountedLines, csv_rows
from nnctl.data.table import Rows
from nnctl.kernels.fields import cut_fields, tell_apart

BLOCK = 2 << 20
"""Bytes that are cut at a time, unless a row is longer."""
FIELDS = 1 << 18
"""The most fields of a block, unless a row has more."""


@record
class Fields:
    """A block of rows; the next block takes its place.

    Attributes:
        text: The bytes of the block.
        starts: Where each field begins (rows, columns).
        stops: Where it ends (rows, columns).
        values: The fields as numbers (columns, rows).
        others: 1 for a field that is to be looked at: a word, a rare form of a number, a missing value
            (columns, rows).
        largest: The largest magnitude of each column.
        quote: What encloses a field that holds it, doubled.
    """

    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int32]
    stops: npt.NDArray[np.int32]
    values: npt.NDArray[np.float64]
    others: npt.NDArray[np.uint8]
    largest: npt.NDArray[np.float64]
    quote: str

    def __len__(self) -> int:
        return len(self.starts)

    def distinct(self, column: int, rows: Rows) -> Spelled:
        """The cells of `rows` of a column, each once, in the order of their first rows."""
        table = np.full(1 << (2 * len(rows)).bit_length(), -1, np.int32)
        codes, firsts = np.empty(len(rows), np.int32), np.empty(len(rows), np.int64)
        count = np.empty(1, np.int64)
        tell_apart(self.text, self.starts, self.stops, rows, column, table, codes, firsts, count)
        first = rows[firsts[: count[0]]]
        spans = zip(self.starts[first, column].tolist(), self.stops[first, column].tolist(), strict=True)
        return Spelled([self._cell(start, stop) for start, stop in spans], codes, first)

    def _cell(self, start: int, stop: int) -> str:
        cell = self.text[start:stop].tobytes().decode()
        if cell.startswith(self.quote):
            return cell[1:-1].replace(2 * self.quote, self.quote)
        return cell


class FieldBlocks:
    """Goes through the rows of a text in UTF-8.

    Args:
        content: The file.
        delimiter: What separates fields, one ASCII character, no blank.
        quote: What encloses fields, one ASCII character.
        width: The number of fields in a row.
        empty: Whether an empty field is a missing value.
        skip: How many lines are passed over before the first.
        header: Whether a row of names comes before the data.

    Attributes:
        words: 1 for a column that is not to be read as numbers, of each (C,).
        passed: How many bytes have been read as rows.
        lines: Their lines.
        finished: Whether that is all of the file.
    """

    def __init__(
        self,
        content: io.BufferedReader,
        delimiter: str,
        quote: str,
        width: int,
        empty: bool,
        skip: int,
        header: bool,
    ) -> None:
        self.content, self.width = content, width
        self.delimiter, self.quote, self.empty = delimiter, quote, empty
        self.words = np.zeros(width, np.uint8)
        self.passed, self.lines, self.finished = 0, 0, False
        head = content.peek()
        self._suited = b"\n" in head and head.count(b"\r") == head.count(b"\r\n")
        if head.startswith(BOM_UTF8):
            self.passed = len(content.read(len(BOM_UTF8)))
        if self._suited:
            lines = CountedLines(self._before(), delimiter, quote, None, skip)
            if header:
                next(row for row in csv_rows(lines) if row)
            self.lines = lines.count

    def _before(self) -> Iterator[str]:
        for line in self.content:
            self.passed += len(line)
            yield line.decode()

    def __iter__(self) -> Iterator[Fields]:
        """The blocks, as long as there is nothing but well-formed rows."""
        if not self._suited:
            return
        rows = max(1, FIELDS // self.width)
        places = np.empty((2, rows, self.width), np.int32)
        values, others = np.empty((self.width, rows)), np.empty((self.width, rows), np.uint8)
        largest, found = np.empty(self.width), np.empty(4, np.int64)
        text, size, ends = np.empty(BLOCK, np.uint8), 0, False
        how = ord(self.delimiter), ord(self.quote), csv.field_size_limit(), self.empty, self.words
        while True:
            if not ends:
                if size == len(text):
                    text = np.concatenate([text, np.empty_like(text)])
                read = _fill(self.content, text[size:])
                size, ends = size + read, size + read < len(text)
            cut_fields(text, size, ends, *how, *places, values, others, largest, found)
            count, used, lines, odd = found.tolist()
            if not _is_text(text[:used]):
                return
            self.passed, self.lines = self.passed + used, self.lines + lines
            if count:
                starts, stops = places[:, :count]
                yield Fields(text, starts, stops, values[:, :count], others[:, :count], largest, self.quote)
            self.finished = ends and used == size
            if odd or self.finished:
                return
            text[: size - used] = text[used:size].copy()
            size -= used


def _fill(content: io.BufferedReader, part: npt.NDArray[np.uint8]) -> int:
    """Read as many bytes as there are, up to the length of `part`; how many."""
    return content.readinto(part.data)


def _is_text(part: npt.NDArray[np.uint8]) -> bool:
    """Whether these bytes are UTF-8."""
    text = part.tobytes()
    try:
        return text.isascii() or text.decode() != ""
    except UnicodeError:
        return False
