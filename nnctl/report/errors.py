"""Errors and warnings on stderr: places, lines with carets, suggestions; coloured on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from nnctl.core.errors import ConfigError, NnctlError, Problem
from nnctl.core.visible import LONGEST, visible
from nnctl.spec.output.render import render

_MOST = 200
"""Lines of an error; a config's diff is the longest."""
_RED, _YELLOW, _BOLD = "\x1b[31m", "\x1b[33m", "\x1b[1m"
_DIM, _GREEN, _OFF = "\x1b[2m", "\x1b[32m", "\x1b[0m"


def show_error(error: NnctlError) -> None:
    """Write what is wrong, every problem in one go, and how many there are."""
    _write(error_lines(error, colour=_coloured()))


def show_warnings(problems: Sequence[Problem]) -> None:
    """Write every warning, in the form of an error."""
    _write(problem_lines(problems, colour=_coloured()))


def _coloured() -> bool:
    return sys.stderr is not None and sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _write(lines: Sequence[str]) -> None:
    if sys.stderr is not None:  # else it is closed
        for line in lines:
            print(line, file=sys.stderr)


def error_lines(error: NnctlError, *, colour: bool = False) -> list[str]:
    """The lines of an error."""
    if not isinstance(error, ConfigError):
        lines = [visible(line, LONGEST) for line in str(error).split("\n")[:_MOST]]
        head, *rest = lines if lines[0] else [type(error).__name__]
        return [f"{_paint('error:', _RED, colour)} {head}", *rest]
    lines = problem_lines(error.problems, colour=colour)
    if len(error.problems) > 1:
        lines.append(f"{len(error.problems)} problems")
    return lines


def problem_lines(problems: Sequence[Problem], *, colour: bool = False) -> list[str]:
    """The lines of problems, errors or warnings: place, message, line with caret, what was expected."""
    lines: list[str] = []
    for problem in problems:
        part = render(problem)
        paint = _YELLOW if problem.severity == "warning" else _RED
        where = f"{_paint(part.where, _BOLD, colour)}: " if part.where else ""
        lines.append(f"{where}{_paint(problem.severity + ':', paint, colour)} {part.message}")
        if part.line:
            lines += [f"  {part.line}", f"  {_paint(part.caret, paint, colour)}"]
        if part.expected:
            lines.append(f"  {_paint('expected:', _DIM, colour)} {part.expected}")
        if part.suggestion:
            lines.append(f"  did you mean '{_paint(part.suggestion, _GREEN, colour)}'?")
    return lines


def _paint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_OFF}" if colour else text
