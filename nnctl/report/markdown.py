"""Text in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nnctl.core.visible import visible


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a cell of a table, too."""
    shown = visible(text).replace("\\", "\\\\")
    for sign in "`*_{}[]<>()#+!|~&":
        shown = shown.replace(sign, "\\" + sign)
    return shown


def code_block(lines: Sequence[str]) -> Iterator[str]:
    """Lines that Markdown shows as they stand, whatever signs are in them."""
    shown = [visible(line) for line in lines]
    fence = "`" * max(3, 1 + max((len(run) for line in shown for run in re.findall("`+", line)), default=0))
    yield f"{fence}text"
    yield from shown
    yield fence
