"""Names with `*` in a config: which columns they stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from nnctl.core.errors import Path
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.spec import DataSpec
from nnctl.data.table import Kind


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is, or is one of those that, `pattern` stands for."""
    return name == pattern or ("*" in pattern and fnmatchcase(name, pattern))


def pattern_for(spec: DataSpec, name: str) -> str | None:
    """The first pattern of `columns` that reaches the input `name`, which has no line of its own."""
    if name in spec.columns or any(p.startswith("!") and matches(p[1:], name) for p in spec.columns):
        return None
    return next((pattern for pattern in spec.columns if matches(pattern, name)), None)


def with_kinds(spec: DataSpec, kinds: Mapping[str, Kind], targets: Collection[str]) -> DataSpec:
    """The config with what the source knows of its columns, where the config does not say what they are."""
    columns = dict(spec.columns)
    for name, kind in kinds.items():
        said = column_spec(spec, name, target=name in targets)
        if said.kind is None:
            columns[name] = said.model_copy(update={"type": kind})
    return spec.model_copy(update={"columns": columns})


def column_path(spec: DataSpec, name: str, *field: str) -> Path:
    """Where the config says something of the input `name`: under its name or a pattern, if it does."""
    said = name if name in spec.columns else pattern_for(spec, name)
    return ("data", "columns") if said is None else ("data", "columns", said, *field)


def target_patterns(spec: DataSpec) -> set[str]:
    """The patterns that `target` or `targets` hold: what they stand for is meant to be predicted."""
    names = [*(spec.target or ()), *(n for names in (spec.targets or {}).values() for n in names)]
    return {name for name in names if "*" in name}


def column_spec(spec: DataSpec, name: str, *, target: bool = False) -> ColumnSpec:
    """What the config says about a column: under its name or a pattern (a target's must be one of theirs)."""
    if name in spec.columns:
        return spec.columns[name]
    pattern = pattern_for(spec, name)
    if pattern is None or (target and pattern not in target_patterns(spec)):
        return ColumnSpec()
    return spec.columns[pattern]
