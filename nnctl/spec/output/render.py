"""Problems as a user reads them: place and message, the line with a caret, what was expected."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from nnctl.core.errors import Place, Problem
from nnctl.core.records import record
from nnctl.core.visible import LONGEST, visible, without_passwords

WIDTH = 100
"""Lines longer than this are cut around the caret."""

_MARGIN = 30
_TAB = 4


@record
class Rendered:
    """One problem in parts, for who wants to colour them."""

    where: str
    """`file:line:column`, or only the file, or nothing."""
    message: str
    line: str
    """The line, cut to a readable width; empty if there is none to show."""
    caret: str
    """Spaces and a caret that stand below `line`."""
    expected: str | None
    suggestion: str | None

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        below = [f"  {self.line}", f"  {self.caret}"] if self.line else []
        if self.expected:
            below.append(f"  expected: {self.expected}")
        if self.suggestion:
            below.append(f"  did you mean '{self.suggestion}'?")
        return "\n".join([head, *below])


def render(problem: Problem) -> Rendered:
    """One problem in parts; control characters are made visible."""
    where, line, caret = "", "", ""
    if problem.place is not None:
        where = _where(problem.place)
        line, caret = excerpt(problem.place.text, problem.place.column)
    expected = problem.expected and _clean(problem.expected)
    suggestion = problem.suggestion and _clean(problem.suggestion)
    return Rendered(where, _clean(problem.message), line, caret, expected, suggestion)


def render_all(problems: Iterable[Problem]) -> str:
    """All problems, one after the other, as plain text."""
    return "\n".join(str(render(problem)) for problem in problems)


def excerpt(text: str, column: int) -> tuple[str, str]:
    """The line as shown and the line below it with a caret under `column` (from 1).

    Tabs become spaces, a long line is cut around the caret, wide characters count two columns.
    """
    if not text.strip() or column < 1:
        return "", ""
    text = without_passwords(text)
    at = min(column - 1, len(text))
    start = max(0, at - (WIDTH - _MARGIN)) if len(text) > WIDTH else 0
    end = min(len(text), start + WIDTH)
    before = ("..." if start else "") + _clean(text[start:at])
    after = _clean(text[at:end]) + ("..." if end < len(text) else "")
    return (before + after).rstrip(), " " * _columns(before) + "^"


def _where(place: Place) -> str:
    file = _clean(place.file)
    return f"{file}:{place.line}:{place.column}" if place.line else file


def _clean(text: str) -> str:
    return visible(without_passwords(text).replace("\t", " " * _TAB), LONGEST)


def _columns(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
