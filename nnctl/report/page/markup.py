"""HTML that is escaped where it is made."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from nnctl.core.visible import visible_lines

_ALONE = frozenset({"meta", "img", "line", "path", "circle", "rect", "polyline"})
"""Elements that hold nothing here."""


class Markup(str):
    """Text that is HTML already; all other text is escaped when it becomes part of an element."""

    __slots__ = ()


Child = str | Markup | None


def tag(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """An element. Children and values of attributes are text unless they are `Markup`; None is nothing.

    Args:
        attributes: By name, `_` for `-`, and one at the end for a word of Python's; True is a bare one, and
            None and False are left out.
    """
    opening = "".join(
        _attribute(key, value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _ALONE:
        return Markup(f"<{name}{opening}>" if name in ("meta", "img") else f"<{name}{opening}/>")
    return Markup(f"<{name}{opening}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Pieces side by side."""
    return Markup("".join(child if isinstance(child, Markup) else text(child) for child in children if child))


def text(value: str) -> Markup:
    """Text as HTML shows it: markup as it is written, what does not print written out."""
    return Markup(escape(visible_lines(value)))


def _attribute(key: str, value: str | int | float | bool) -> str:
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
