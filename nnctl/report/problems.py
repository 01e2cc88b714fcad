"""Errors as plain data, for `--json`: what a script or an editor needs to show them at their places."""

from __future__ import annotations

from typing import Any

from nnctl.core.errors import ConfigError, DataError, NnctlError, problem_fields
from nnctl.core.visible import LONGEST


def error_json(error: NnctlError) -> dict[str, Any]:
    """`{"error", "exit_code", "problems"}`: the kind of error, the process's exit code, every problem."""
    return report(_kind(error), error.exit_code, _problems(error))


def report(kind: str, exit_code: int, problems: list[dict[str, Any]]) -> dict[str, Any]:
    """The object that stdout holds instead of a result."""
    return {"error": kind, "exit_code": exit_code, "problems": list(map(_bounded, problems))}


def _bounded(problem: dict[str, Any]) -> dict[str, Any]:
    """The problem, each text but its file's name no longer than anyone reads."""
    return {key: _cut(value) if key != "file" else value for key, value in problem.items()}


def _cut(value: Any) -> Any:
    return f"{value[:LONGEST]}..." if isinstance(value, str) and len(value) > LONGEST else value


def _problems(error: NnctlError) -> list[dict[str, Any]]:
    if isinstance(error, ConfigError):
        return [problem.as_json() for problem in error.problems]
    if isinstance(error, DataError):
        found = problem_fields(
            message=error.message,
            file=error.file,
            row=error.row,
            column_name=error.column,
            hint=error.hint,
        )
        return [found, *(problem.as_json() for problem in error.problems)]
    message, _, hint = str(error).partition("\n")
    return [problem_fields(message=message, hint=hint.strip() or None)]


def _kind(error: NnctlError) -> str:
    """config, data, run, storage: the name of the error's type."""
    kinds = [kind for kind in type(error).__mro__ if NnctlError in kind.__bases__]
    return (kinds or [type(error)])[0].__name__.removesuffix("Error").lower()
