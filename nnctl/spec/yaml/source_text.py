"""A text a user wrote, with its name and its lines: what places and carets refer to."""

from __future__ import annotations

import re
from functools import cached_property
from typing import NamedTuple

from nnctl.core.errors import ConfigError, Place, Problem

_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class SourceText:
    """A text and the name it goes by in errors (a file, or `--set`)."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def lines(self) -> list[str]:
        """The lines, broken where the YAML parser counts a new one."""
        return _BREAK.split(self.text)

    def place(self, line: int, column: int) -> Place:
        """The place at `line` and `column`, both counted from 0."""
        text = self.lines[line] if line < len(self.lines) else ""
        return Place(self.file, line + 1, column + 1, text)

    def place_at(self, index: int) -> Place:
        """The place of the character at `index`."""
        before = _BREAK.split(self.text[:index])
        return self.place(len(before) - 1, len(before[-1]))


class Span(NamedTuple):
    """A stretch of a source; `line` and `column` (of its start) count from 0."""

    source: SourceText
    start: int
    end: int
    line: int
    column: int

    @property
    def place(self) -> Place:
        """Where the stretch begins."""
        return self.source.place(self.line, self.column)

    @property
    def text(self) -> str:
        """The stretch as written."""
        return self.source.text[self.start : self.end]


def refuse(message: str, place: Place, expected: str | None = None) -> ConfigError:
    """The error that one thing at `place` is wrong."""
    return ConfigError(Problem(message, expected=expected, place=place))
