"""Text in Markdown."""

from __future__ import annotations

from nnctl.core.visible import visible


def markdown(text: str) -> str:
    """Text that Markdown shows as it is, in a cell of a table, too."""
    shown = visible(text).replace("\\", "\\\\")
    for sign in "`*_{}[]<>()#+!|~&":
        shown = shown.replace(sign, "\\" + sign)
    return shown
