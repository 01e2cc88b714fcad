"""Pydantic's error locations as paths in the document; of a union's errors the ones that matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import Path
from nnctl.core.records import record

KIND_ERRORS = frozenset(
    [
        "not_a_choice",
        "literal_error",
        "enum",
        "int_type",
        "int_from_float",
        "float_type",
        "bool_type",
        "string_type",
        "list_type",
        "tuple_type",
        "dict_type",
        "mapping_type",
        "set_type",
        "model_type",
        "model_attributes_type",
        "none_required",
        "is_instance_of",
        "missing_type",
    ]
)
"""Errors that say: this member of the union is not what the value was meant to be."""


@record
class Fault:
    """One of Pydantic's errors, placed.

    Attributes:
        path: Where in the document.
        tags: What Pydantic put between: (length of the path so far, the union member's tag).
        kind: The error's type.
        builtin: Whether the type is one of Pydantic's own.
        missing: The key that is not there, for `missing`.
    """

    path: Path
    tags: tuple[tuple[int, str], ...]
    kind: str
    message: str
    input: Any
    context: Mapping[str, Any]
    builtin: bool
    missing: str | int | None
    at_key: bool


def read_faults(error: ValidationError, data: Any) -> list[Fault]:
    """Pydantic's errors with their locations followed through the data."""
    faults = [_read(dict(details), data) for details in error.errors(include_url=True)]
    # Pydantic counts only the good entries, so that a list with wrong ones is "too short" besides.
    full = {fault.path[:end] for fault in faults for end in range(len(fault.path))}
    return [fault for fault in faults if fault.kind != "too_short" or fault.path not in full]


def _read(details: dict[str, Any], data: Any) -> Fault:
    path: list[str | int] = []
    tags: list[tuple[int, str]] = []
    steps, kind = list(details["loc"]), details["type"]
    missing = steps.pop() if kind == "missing" and steps else None
    at_key = bool(steps) and steps[-1] == "[key]"
    for step in steps:
        inside = isinstance(data, dict) and step in data
        if isinstance(data, list | tuple) and isinstance(step, int):
            inside = step < len(data)
        if inside:
            path.append(step)
            data = data[step]
        elif step != "[key]":
            tags.append((len(path), str(step)))
    return Fault(
        tuple(path),
        tuple(tags),
        kind,
        details["msg"],
        details.get("input"),
        details.get("ctx") or {},
        "url" in details,
        missing,
        at_key,
    )


def prune(faults: list[Fault], depth: int = 0) -> list[Fault]:
    """Of each union's faults, those of the member that was meant; one fault where none fits at all."""
    groups: dict[Path, list[Fault]] = {}
    kept: list[Fault] = []
    for fault in faults:
        if len(fault.tags) > depth:
            groups.setdefault(fault.path[: fault.tags[depth][0]], []).append(fault)
        else:
            kept.append(fault)
    for path, members in groups.items():
        kept += prune(_meant(path, members, depth), depth + 1)
    return kept


def _meant(path: Path, faults: list[Fault], depth: int) -> list[Fault]:
    members: dict[str, list[Fault]] = {}
    for fault in faults:
        members.setdefault(fault.tags[depth][1], []).append(fault)
    if len(members) == 1:
        return faults
    fitting = [m for m in members.values() if not any(f.path == path and f.kind in KIND_ERRORS for f in m)]
    if fitting:
        return min(fitting, key=len)
    return next(iter(members.values()))[:1]
