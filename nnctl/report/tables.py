"""Plain text tables: columns lined up, as wide as the terminal at the most."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Sequence
from typing import Any

from nnctl.core.visible import visible

_GAP = 2
_LEAST = 4
"""Characters that a column keeps, however narrow the terminal."""


def terminal_width() -> int | None:
    """How wide what goes to stdout may be; None where nobody looks at it: a pipe or a file gets all."""
    if "COLUMNS" not in os.environ and not (sys.stdout and sys.stdout.isatty()):
        return None
    return shutil.get_terminal_size().columns


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    right: Collection[int] = (),
    drop: Sequence[int] = (),
    width: int | None = None,
) -> list[str]:
    """Lines of a table.

    Args:
        right: Columns that are right-aligned: numbers, which are never cut.
        drop: Columns that are left out, in this order, where `width` is too little for all.
        width: The longest line; default: what the terminal has.
    """
    width = terminal_width() if width is None else width
    cells = [[visible(str(c)) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    shown = list(range(len(header)))
    if width is not None:
        for i in drop:
            if _total(widths, shown) <= width:
                break
            shown.remove(i)
        least = [
            max((len(row[i]) for row in cells[1:]), default=0) if i in right else _LEAST
            for i in range(len(header))
        ]
        _shrink(widths, shown, least, width)
    lines = ["  ".join(_cell(row[i], widths[i], i in right) for i in shown).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * widths[i] for i in shown))
    return lines


def _total(widths: Sequence[int], shown: Sequence[int]) -> int:
    return sum(widths[i] for i in shown) + _GAP * (len(shown) - 1)


def _shrink(widths: list[int], shown: Sequence[int], least: Sequence[int], width: int) -> None:
    """Take from the widest columns until all fit."""
    while _total(widths, shown) > width:
        widest = max((i for i in shown if widths[i] > least[i]), key=lambda i: widths[i], default=None)
        if widest is None:
            return
        widths[widest] -= 1


def _cell(text: str, width: int, right: bool) -> str:
    if len(text) > width:
        text = f"{text[: width - 1]}…"
    return text.rjust(width) if right else text.ljust(width)
