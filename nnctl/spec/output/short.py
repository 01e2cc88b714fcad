"""A config as somebody would write it by hand: no defaults, names where a mapping says nothing more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from nnctl.core.spec import Spec
from nnctl.layers.base import Layer
from nnctl.layers.entry import Entry, entry_names, numbered
from nnctl.spec.language.model import ModelSpec

Section = dict[str, Any]


def short_model(model: ModelSpec) -> Section:
    """The `model` section that validates to the same model."""
    told: Section = {}
    inputs = model.inputs or {}
    if inputs:
        told["inputs"] = {
            name: _mapping({"shape": list(i.shape) if i.shape is not None else None, "dtype": i.dtype})
            for name, i in inputs.items()
        }
    entries = model.layers or ()
    told["layers"] = _entries(entries, tuple(inputs))
    if model.outputs and list(model.outputs) != entry_names(entries, tuple(inputs))[-1:]:
        told["outputs"] = list(model.outputs)
    return told


def _mapping(values: Section) -> Section:
    return {name: value for name, value in values.items() if value is not None}


def _entries(entries: Sequence[Entry], inputs: Sequence[str]) -> list[Any]:
    """A list of entries: names that are given anyway are left out, and what reads the entry before does
    not say so."""
    names = entry_names(entries, inputs)
    given: list[str | None] = [
        None if entry.is_input is False else name for entry, name in zip(entries, names, strict=True)
    ]
    _keep_names(given, names, [entry.base_name for entry in entries], inputs)
    before: str | None = inputs[0] if len(inputs) == 1 else None
    listed = []
    for entry, name, said in zip(entries, names, given, strict=True):
        told = _entry(entry, said)
        reads = entry.inputs
        if reads is not None and not (isinstance(reads, tuple) and reads == (before,)):
            told["inputs"] = dict(reads) if isinstance(reads, Mapping) else _one_or_list(reads)
        before = name
        kind = told.get("type")
        listed.append(kind if list(told) == ["type"] else told)
    return listed


def _keep_names(
    given: list[str | None], names: Sequence[str], bases: Sequence[str], inputs: Sequence[str]
) -> None:
    """Give their names to those that would be called otherwise (`number_names`)."""
    used = {*inputs, *(name for name in given if name is not None)}
    numbers: dict[str, int] = {}
    for at, (name, base) in enumerate(zip(names, bases, strict=True)):
        if given[at] is not None:
            continue
        number = numbers.get(base, 0)
        while numbered(base, number) in used:
            number += 1
        if numbered(base, number) != name:
            given[at] = name  # the number is still free
        numbers[base] = number
        used.add(name)


def _one_or_list(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _entry(entry: Entry, name: str | None) -> Section:
    if entry.use is not None:
        return {"use": entry.use, **({"name": name} if name is not None else {}), **entry.arguments}
    return _short(entry.layer, name)


def _short(layer: Layer, name: str | None) -> Section:
    told: Section = {"type": type(layer).__name__}
    if name is not None:
        told["name"] = name
    return told | {field: value for field, value in _own(layer).items() if field != "name"}


def _own(spec: Spec) -> Section:
    """The fields that are not at their defaults."""
    told: Section = {}
    for field, info in type(spec).model_fields.items():
        value = getattr(spec, field)
        if info.is_required() or not _is_default(value, info.default):
            told[field] = _as_scalar(spec, field, value)
    return told


def _is_default(value: Any, default: Any) -> bool:
    if isinstance(value, Spec) and isinstance(default, str):  # by its name
        cls = type(value)
        return cls.__name__.replace("_", "").lower() == default.replace("_", "").lower() and not _own(value)
    return type(value) is type(default) and bool(value == default)


def _as_scalar(spec: Spec, field: str, value: Any) -> Any:
    """One number where a field that takes it makes as many of it: `kernel_size: 3`."""
    if isinstance(value, tuple) and len(value) > 1 and type(value[0]) is int and len(set(value)) == 1:
        given = {name: getattr(spec, name) for name in type(spec).model_fields}
        try:
            if getattr(type(spec).model_validate(given | {field: value[0]}), field) == value:
                return value[0]
        except ValidationError:
            pass
    return _value(value)


def _value(value: Any) -> Any:
    if isinstance(value, Spec):
        told = (
            _short(value, value.name)
            if isinstance(value, Layer)
            else {"type": type(value).__name__, **_own(value)}
        )
        return told["type"] if list(told) == ["type"] else told
    if isinstance(value, tuple):
        entries = bool(value) and isinstance(value[0], Entry)
        return _entries(value, ()) if entries else [_value(part) for part in value]
    return value
