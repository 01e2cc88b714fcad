"""The lines of a text file on their way to a CSV reader, with a short cut for lines of plain numbers."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.data.reading.bounds import open_bytes
from nnctl.data.reading.cells import Cells, beyond
from nnctl.data.reading.dialect import WHITESPACE, blanks_as_one

CHUNK = 16384
"""Rows that are handled at a time."""


class CountedLines:
    """Lines (with their ends) that count themselves.

    Args:
        text: The lines.
        delimiter: What separates cells.
        quote: What encloses cells; a line that holds it is left to the CSV reader.
        comment: What lines begin with that are passed over.
        skip: How many lines are passed over before the first.
    """

    def __init__(
        self, text: Iterable[str], delimiter: str, quote: str, comment: str | None = None, skip: int = 0
    ) -> None:
        self.text: Iterator[str] = iter(text)
        self.delimiter, self.quote, self.comment = delimiter, quote, comment
        self.count = sum(1 for _ in itertools.islice(self.text, skip))
        self.quoted = False

    def __iter__(self) -> CountedLines:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self.text)
            self.count += 1
            if self.quoted or not self.is_comment(line):
                break
        if self.comment and line.count(self.quote) % 2:
            # What stands within quotes is no comment, whatever it begins with.
            self.quoted = not self.quoted
        return blanks_as_one(line, self.quote) if self.delimiter == WHITESPACE else line

    def is_comment(self, line: str) -> bool:
        """Whether a line that no quoted cell spans is passed over."""
        return self.comment is not None and line.lstrip().startswith(self.comment)

    def fast(self, cells: Cells) -> None:
        """Move lines into `cells` for as long as they hold nothing but numbers, one row per line.

        NumPy's reader is several times as fast as csv.reader and parses to the same bits.
        """
        while cells.numeric:
            values = self.numbers(len(cells.names))
            if values is None:
                return
            cells.add_numbers(values)

    def numbers(self, width: int) -> npt.NDArray[np.float64] | None:
        """The numbers (n, width) of the next lines; None, and no line is gone, if they hold anything else."""
        lines = list(itertools.islice(self.text, CHUNK))
        values = self._numbers(lines, width) if lines else None
        if values is None:
            self.text = itertools.chain(lines, self.text)
        else:
            self.count += len(lines)
        return values

    def _numbers(self, lines: list[str], width: int) -> npt.NDArray[np.float64] | None:
        """The numbers (lines, width), or None if these lines need the CSV reader."""
        if self.quote in "".join(lines[:64]):
            return None
        if self.comment:
            lines = [line for line in lines if not self.is_comment(line)]
            if not lines:
                return None
        blanks = self.delimiter == WHITESPACE
        try:
            values = np.loadtxt(lines, delimiter=None if blanks else self.delimiter, comments=None, ndmin=2)
        except ValueError:
            return None
        return None if values.shape != (len(lines), width) or beyond(values) else values


def csv_rows(lines: CountedLines) -> Any:
    """A strict csv.reader over `lines`."""
    blanks = lines.delimiter == WHITESPACE
    return csv.reader(
        lines,
        delimiter=" " if blanks else lines.delimiter,
        quotechar=lines.quote,
        skipinitialspace=lines.delimiter != " ",
        strict=True,
    )


def undecodable(full: Path, file: str, encoding: str) -> int | None:
    """The line of the first byte that is not `encoding`; None where lines cannot be told without decoding."""
    if encoding.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")):
        return None
    with open_bytes(full, file) as content:
        for number, line in enumerate(content, 1):
            try:
                line.decode(encoding)
            except UnicodeError:
                return number
    return None
