"""Errors as plain data, for `--json`: what a script or an editor needs to show them at their places."""

from __future__ import annotations

from typing import Any

from nnctl.core.errors import ConfigError, DataError, NnctlError, Problem
from nnctl.core.visible import LONGEST

FIELDS = (
    "message",
    "file",
    "line",
    "column",
    "path",
    "row",
    "column_name",
    "expected",
    "suggestion",
    "hint",
)
"""What every problem has, null where it is not known.

`line` and `column` are a place in a config, `row` and `column_name` one in data; `path` holds the keys and
list indices that lead to the value from the config's root.
"""


def error_json(error: NnctlError) -> dict[str, Any]:
    """`{"error", "exit_code", "problems"}`: the kind of error, the process's exit code, every problem."""
    return report(_kind(error), error.exit_code, _problems(error))


def report(kind: str, exit_code: int, problems: list[dict[str, Any]]) -> dict[str, Any]:
    """The object that stdout holds instead of a result."""
    return {"error": kind, "exit_code": exit_code, "problems": problems}


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem of a config or a command line."""
    place = problem.place
    return entry(
        message=problem.message,
        file=place.file if place else None,
        line=(place.line or None) if place else None,
        column=(place.column or None) if place and place.line else None,
        path=list(problem.path) or None,
        expected=problem.expected,
        suggestion=problem.suggestion,
    )


def entry(**known: Any) -> dict[str, Any]:
    """A problem with every field, null where `known` has none."""
    return dict.fromkeys(FIELDS) | {key: _cut(value) for key, value in known.items()}


def _cut(value: Any) -> Any:
    """No more text than anyone reads."""
    return f"{value[:LONGEST]}..." if isinstance(value, str) and len(value) > LONGEST else value


def _problems(error: NnctlError) -> list[dict[str, Any]]:
    if isinstance(error, ConfigError):
        return [problem_json(problem) for problem in error.problems]
    if isinstance(error, DataError):
        found = entry(
            message=error.message,
            file=error.file,
            row=error.row,
            column_name=error.column,
            hint=error.hint,
        )
        return [found, *map(problem_json, error.problems)]
    message, _, hint = str(error).partition("\n")
    return [entry(message=message, hint=hint.strip() or None)]


def _kind(error: NnctlError) -> str:
    """config, data, run, storage: the name of the error's type."""
    kinds = [kind for kind in type(error).__mro__ if NnctlError in kind.__bases__]
    return (kinds or [type(error)])[0].__name__.removesuffix("Error").lower()
