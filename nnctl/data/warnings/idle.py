"""Patterns that say something of nothing."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Problem, warning
from nnctl.data.columns.roles import taken
from nnctl.data.warnings.base import Evidence


def idle_pattern(evidence: Evidence) -> Iterator[Problem]:
    """A pattern in `columns` that reaches no input: what it says is said to nobody."""
    for place, columns in taken(evidence.spec, evidence.roles).items():
        where, _, pattern = place.partition(".")
        if where == "columns" and not columns:
            yield warning(
                f"'{pattern}' reaches no input",
                ("data", "columns", pattern),
                "the name of a target, or a pattern that inputs match",
                at_key=True,
            )
