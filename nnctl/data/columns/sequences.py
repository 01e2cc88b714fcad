"""Cells that hold sequences of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.reading.numerals import Numerals
from nnctl.data.sequence_fields import BLANKS
from nnctl.data.table import Origin, Rows, Words

_USUAL = (";", "|", ",", "/", BLANKS)
"""What may stand between the numbers of a cell, if another separator finds none."""


def parts(cell: str, separator: str | None) -> list[str]:
    """What stands in a cell; of a blank one, nothing."""
    blanks = separator is None or separator == BLANKS
    return cell.split() if blanks or not cell.strip() else cell.split(separator)


def from_cells(
    words: Words, separator: str | None, numerals: Numerals, name: str, origin: Origin, *, empty: bool
) -> tuple[list[npt.NDArray[np.float64]], Rows]:
    """The numbers of each cell that occurs, the last of none, and which of them each row has.

    Raises:
        DataError: a cell holds what is no number, or is missing and no sequence of no steps.
    """
    if not empty and (words.codes < 0).any():
        row = int(np.argmax(words.codes < 0))
        hint = f"columns: {{{name}: {{missing: empty}}}} makes it a sequence of no steps"
        raise origin.error("the sequence is missing", row, name, hint=hint)
    found = []
    for code, cell in enumerate(words.vocabulary):
        cells = parts(cell, separator)
        numbers = numerals.parse(cells)
        if numbers is None:
            row = int(np.argmax(words.codes == code))
            raise _no_number(cells, cell, numerals, name, row, origin)
        found.append(numbers)
    codes = np.where(words.codes < 0, len(found), words.codes).astype(np.int64)
    return [*found, np.empty(0)], codes


def _no_number(
    cells: Sequence[str], cell: str, numerals: Numerals, name: str, row: int, origin: Origin
) -> DataError:
    """The error for a cell with a part that is no number, and what would read it."""
    bad = next(part for part in cells if not numerals.missing(part) and not numerals.number(part))
    other = next((s for s in _USUAL if numerals.parse(parts(cell, s)) is not None), None)
    way = f'"{other}"' if other != BLANKS else BLANKS
    hint = f"columns: {{{name}: {{separator: {way}}}}} reads it" if other else None
    return origin.error(f"'{bad.strip()}' is not a number", row, name, hint=hint)


def look_like_sequences(cells: Sequence[str]) -> bool:
    """Whether the cells are numbers one behind another, not names: most of them more than one."""
    numerals = Numerals()
    for separator in (BLANKS, ";", "|"):
        cut = [parts(cell, separator) for cell in cells]
        several = 2 * sum(len(numbers) > 1 for numbers in cut) > len(cells)
        if several and all(numerals.parse(numbers) is not None for numbers in cut):
            return True
    return False
