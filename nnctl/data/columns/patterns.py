"""Names with `*` in a config: which columns they stand for, and which they took."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nnctl.data.spec import ONLY, ColumnSpec, DataSpec

if TYPE_CHECKING:
    from nnctl.data.columns.roles import Roles


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is, or is one of those that, `pattern` stands for."""
    return name == pattern or ("*" in pattern and fnmatchcase(name, pattern))


def pattern_for(spec: DataSpec, name: str) -> str | None:
    """The first pattern of `columns` that reaches the input `name`, which has no line of its own."""
    if name in spec.columns or any(p.startswith("!") and matches(p[1:], name) for p in spec.columns):
        return None
    return next((pattern for pattern in spec.columns if matches(pattern, name)), None)


def column_spec(spec: DataSpec, name: str, *, target: bool = False) -> ColumnSpec:
    """What the config says about a column: under its name, or (inputs only) under a pattern."""
    if name in spec.columns:
        return spec.columns[name]
    pattern = None if target else pattern_for(spec, name)
    return ColumnSpec() if pattern is None else spec.columns[pattern]


def taken(spec: DataSpec, roles: Roles) -> dict[str, list[str]]:
    """The columns that patterns stand for, by the place in the data section: `inputs`, `columns.p*`."""
    found = {}
    for name, names in (spec.inputs or {}).items():
        if any("*" in n or n.startswith("!") for n in names):
            only = name == ONLY
            found["inputs" if only else f"inputs.{name}"] = (
                next(iter(roles.inputs.values())) if only else roles.inputs[name]
            )
    inputs = list(dict.fromkeys(c for columns in roles.inputs.values() for c in columns))
    for pattern in spec.columns:
        if "*" in pattern and not pattern.startswith("!"):
            found[f"columns.{pattern}"] = [c for c in inputs if pattern_for(spec, c) == pattern]
    return found
