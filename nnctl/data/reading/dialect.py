"""What separates the cells of a text file, guessed from its first lines where the config does not say."""

from __future__ import annotations

import csv
from collections.abc import Sequence

from nnctl.data.reading.numerals import Numerals

WHITESPACE = "whitespace"
"""The delimiter that is any run of blanks and tabs."""
CANDIDATES = (",", ";", "\t", "|", WHITESPACE)
LINES = 50
"""So many lines are looked at."""
_NAMES = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'", WHITESPACE: "blanks"}


def described(delimiter: str) -> str:
    """A delimiter as a sentence names it."""
    return _NAMES.get(delimiter, f"'{delimiter}'")


def written(delimiter: str) -> str:
    """A delimiter as a config says it."""
    return 'delimiter: "\\t"' if delimiter == "\t" else f'delimiter: "{delimiter}"'


def guess(lines: Sequence[str], usual: str, quote: str, numerals: Numerals, width: int | None = None) -> str:
    """The delimiter that gives every line the same number of cells, more than one; `usual` where it does.

    Blanks separate words of a sentence as well, so they are taken only where the cells are numbers.

    Args:
        width: How many columns there must be, if it is known.
    """
    found: dict[str, int] = {}
    for delimiter in CANDIDATES:
        if delimiter == numerals.decimal:
            continue
        rows = _rows(lines, delimiter, quote)
        cells = {len(row) for row in rows}
        if len(cells) != 1 or cells == {1} or (width is not None and cells != {width}):
            continue
        if delimiter == WHITESPACE and not _numeric(rows[1:], numerals):
            continue
        found[delimiter] = cells.pop()
    if len(found) > 1:
        # Between groups of digits it may separate nothing, unless nothing else does.
        found.pop(numerals.thousands or "", None)
    if not found:
        return ";" if usual == numerals.thousands else usual
    if usual in found:
        return usual
    return max(found, key=lambda delimiter: (found[delimiter], -CANDIDATES.index(delimiter)))


def delimiter_hint(names: Sequence[str]) -> str | None:
    """What to try where a header row was not cut into cells, but holds what may separate some."""
    near = [d for d in CANDIDATES if len(names) == 1 and d in names[0]]
    return f"if {described(near[0])} separates cells, say {written(near[0])} in the source" if near else None


def _rows(lines: Sequence[str], delimiter: str, quote: str) -> list[list[str]]:
    """The lines cut by `delimiter`; none if they cannot be."""
    if delimiter == WHITESPACE:
        lines, delimiter = [blanks_as_one(line, quote) for line in lines], " "
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error:
        return []
    # The last line may be one of several that a quoted cell spans.
    return rows[:-1] if len(lines) >= LINES else rows


def _numeric(rows: Sequence[Sequence[str]], numerals: Numerals) -> bool:
    """Whether all columns but one at most hold numbers, or nothing."""
    columns = list(zip(*rows, strict=True))
    words = [c for c in columns if any(numerals.value(x) is None and not numerals.missing(x) for x in c)]
    return bool(columns) and len(words) <= 1


def blanks_as_one(line: str, quote: str) -> str:
    """The line without blanks at its end, and with blanks for tabs outside of quotes."""
    end = "\n" if line.endswith(("\n", "\r")) else ""
    if "\t" in line:
        parts = line.split(quote)
        parts[::2] = [part.replace("\t", " ") for part in parts[::2]]
        line = quote.join(parts)
    return line.rstrip() + end
