"""What can go wrong, as types: each error knows its exit code and carries data, not only prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal

from nnctl.core.records import record
from nnctl.core.visible import visible

Path = tuple[str | int, ...]
"""Where in a config: keys and list indices from the root, e.g. ("model", "layers", 0, "filters")."""


@record
class Place:
    """A position in a text a user wrote; `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    text: str = ""
    """The line itself, for the caret."""


@record
class Problem:
    """One thing that is wrong, as a user should read it."""

    message: str
    path: Path = ()
    expected: str | None = None
    suggestion: str | None = None
    at_key: bool = False
    """The fault is the key at the end of `path`, not its value."""
    place: Place | None = None
    severity: Literal["error", "warning"] = "error"
    """A warning is about what is legal and surely a mistake: nothing is refused because of it."""

    def below(self, prefix: Path) -> Problem:
        """The same problem, seen from further up in the document."""
        return replace(self, path=prefix + self.path)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        place = self.place
        return problem_fields(
            severity=self.severity,
            message=self.message,
            file=place.file if place else None,
            line=(place.line or None) if place else None,
            column=(place.column or None) if place and place.line else None,
            path=list(self.path) or None,
            expectation=self.expected,
            suggestion=self.suggestion,
        )


PROBLEM_FIELDS = (
    "severity",
    "message",
    "file",
    "line",
    "column",
    "path",
    "row",
    "column_name",
    "expectation",
    "suggestion",
    "hint",
)
"""What every problem has as JSON, null where it is not known.

`line` and `column` are a place in a config, `row` and `column_name` one in data; `path` holds the keys and
list indices that lead to the value from the config's root.
"""


def problem_fields(**known: Any) -> dict[str, Any]:
    """A problem as JSON with every field, null where `known` has none; an error, if nothing else is said."""
    return dict.fromkeys(PROBLEM_FIELDS) | {"severity": "error"} | known


def warning(message: str, path: Path, expected: str | None = None, *, at_key: bool = False) -> Problem:
    """A problem that refuses nothing: what is wrong, where, and the way out."""
    return Problem(message, path, expected, at_key=at_key, severity="warning")


class NnctlError(Exception):
    """The base of every error that nnctl raises on purpose."""

    exit_code = 1


class ConfigError(NnctlError):
    """The command line or the config is wrong; holds every problem found, in document order."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("; ".join(p.message for p in self.problems))


class ShapeError(ValueError):
    """A layer, loss or metric cannot take the shapes that came in. Caught and placed by `graph`.

    Attributes:
        path: The field that says what does not fit, below the layer, loss or metric; empty for all of it.
    """

    def __init__(self, message: str, *, field: str | None = None, expected: str | None = None) -> None:
        super().__init__(message)
        self.path: Path = (field,) if field is not None else ()
        self.expected = expected


class FormulaError(TypeError):
    """A function that is to be a formula uses what formulas have not.

    Attributes:
        file, line: Where, if that is known.
    """

    def __init__(self, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(f"{file}:{line}: {message}" if file else message)
        self.message, self.file, self.line = message, file, line


@dataclass
class DataError(NnctlError):
    """The data is wrong; names the file, and the row (from 1, header included) and column if known."""

    message: str
    file: str | None = None
    row: int | None = None
    column: str | None = None
    hint: str | None = None
    problems: tuple[Problem, ...] = field(default=())
    exit_code = 3

    def __str__(self) -> str:
        where = self.file or ""
        if self.row is not None:
            where += f":{self.row}"
        if self.column is not None:
            where += f", column '{self.column}'" if where else f"column '{self.column}'"
        # A word of the data may hold a line's end, an error's line none.
        message = visible(self.message)
        text = f"{where}: {message}" if where else message
        return f"{text}\n  {self.hint}" if self.hint else text


class RunError(NnctlError):
    """A run directory or checkpoint cannot be used as asked."""

    exit_code = 2


class StorageError(NnctlError):
    """Disk full, I/O error, unwritable directory: the run ends, older checkpoints stay intact."""

    exit_code = 1


class ResourceError(NnctlError):
    """The machine, or a limit on this process, does not give what is needed: memory, threads."""

    exit_code = 1


def nearest(word: str, known: Sequence[str]) -> str | None:
    """The known word a user most likely meant, or None."""
    lowered = {k.lower(): k for k in known}
    found = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None
