"""Numbers and missing values as a text file writes them: one rule for cells and markers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnctl.data.table import word

EXACT = 2.0**53
"""From here on float64 no longer tells neighbouring whole numbers apart."""
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")


def numbers_in_words(words: Sequence[str]) -> tuple[str, str] | None:
    """(what they are, what reads them) where all words are numbers with commas in them; else None."""
    if not any("," in word for word in words):
        return None
    if all(map(_THOUSANDS.fullmatch, words)):
        return "numbers with commas between thousands", 'thousands: "," in the source'
    if all(map(_DECIMAL_COMMA.fullmatch, words)):
        more = ' and thousands: "."' if any("." in word for word in words) else ""
        return "numbers with a decimal comma", f'decimal: ","{more} in the source'
    return None


class Numerals:
    """The numbers and the missing values of a text file.

    Blanks around cells and markers do not count. A marker that is a number stands for every cell of that
    value, however it is written (-999 and -999.0).

    Args:
        missing: What is written where a value is missing.
        decimal: What stands before the fraction.
        thousands: What stands between groups of three digits, if anything may.
    """

    def __init__(self, missing: Sequence[str] = (), decimal: str = ".", thousands: str | None = None) -> None:
        self.plain = decimal == "." and thousands is None
        self.decimal, self.thousands = decimal, thousands
        mark, group = re.escape(decimal), re.escape(thousands or "")
        grouped = rf"|\d{{1,3}}(?:{group}\d{{3}})+" if thousands else ""
        self._written = re.compile(
            rf"[+-]?(?:(?:\d+{grouped})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity|nan)",
            re.I,
        )
        self.words = frozenset(marker.strip() for marker in missing)
        self.values = frozenset(v for m in missing if not math.isnan(v := self._marked(m)))

    def value(self, cell: str) -> float | None:
        """The number that a cell holds, None if it holds none (float() alone would take 1_000 too)."""
        written = self._decimal(cell.strip())
        if written is None or "_" in written:
            return None
        try:
            return float(written)
        except ValueError:
            return None

    def _marked(self, marker: str) -> float:
        """The number that a marker holds, as the file writes it or else as YAML does; NaN if none."""
        value = self.value(marker)
        if value is None and not self.plain:
            value = Numerals().value(marker)
        return math.nan if value is None else value

    def _decimal(self, cell: str) -> str | None:
        """The cell as Python writes numbers."""
        if self.plain:
            return cell
        if not self._written.fullmatch(cell):
            return None
        return cell.replace(self.thousands or "\0", "").replace(self.decimal, ".")

    def number(self, cell: str) -> bool:
        """Whether a cell is a number."""
        return self.value(cell) is not None

    def missing(self, cell: str) -> bool:
        """Whether a cell says, as a word, that its value is missing."""
        return cell.strip() in self.words

    def parse(self, cells: Sequence[str]) -> npt.NDArray[np.float64] | None:
        """The cells (n,) as float64, missing ones NaN; None if one of them is no number."""
        values = self._quickly(cells)
        if values is None:
            found = [math.nan if self.missing(c) else self.value(c) for c in cells]
            if None in found:
                return None
            values = np.array(found, dtype=np.float64)
        return self.without_markers(values)

    def _quickly(self, cells: Sequence[str]) -> npt.NDArray[np.float64] | None:
        """The same for cells that are plain numbers, all of them."""
        if not self.plain or "_" in "".join(cells):
            return None
        try:
            return np.array(list(map(float, cells)), dtype=np.float64)
        except ValueError:
            return None

    def without_markers(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The values with NaN for those that stand for a missing one."""
        for marker in self.values:
            values[values == marker] = math.nan
        return values

    def name(self, cell: str) -> str:
        """A number as the name of a class or an id: 7, 7.0 and +7 are one, and no digit is lost."""
        written = self._decimal(cell.strip()) or ""
        if not _WHOLE.fullmatch(written):
            return word(float(written))
        # As text: Python refuses to make integers of thousands of digits.
        digits = written.partition(".")[0].lstrip("+-0") or "0"
        return f"-{digits}" if written.startswith("-") and digits != "0" else digits
