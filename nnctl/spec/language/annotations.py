"""Walking the language's types beside a config's data: what may stand at a path, and which keys it knows."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from nnctl.core.errors import Path
from nnctl.core.spec import OneOf, Spec
from nnctl.layers.base import layers
from nnctl.layers.entry import Entry
from nnctl.spec.language.by_output import ByOutput

_LISTS = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)


def alternatives(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The members of a (nested) union, each as (bare type, its Annotated metadata)."""
    origin = get_origin(annotation)
    if origin is Annotated:
        bare, *metadata = get_args(annotation)
        if get_origin(bare) in (Union, types.UnionType):
            yield from alternatives(bare)
        else:
            yield bare, tuple(metadata)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from alternatives(member)
    else:
        yield annotation, ()


def members(annotation: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """The alternatives of an annotation and of what its lists and mappings hold."""
    for bare, metadata in alternatives(annotation):
        yield bare, metadata
        if get_origin(bare) in (*_LISTS, *_MAPPINGS):
            for arg in get_args(bare):
                yield from members(arg)


def is_spec(bare: Any) -> bool:
    """Whether a bare annotation is a Spec class."""
    return isinstance(bare, type) and issubclass(bare, Spec)


def specs(annotation: Any, value: Any) -> Iterator[type[Spec]]:
    """The Spec classes that `value` may be read as under `annotation`; Entry is resolved to its layer."""
    for bare, metadata in alternatives(annotation):
        for mark in metadata:
            choice = mark if isinstance(mark, OneOf) else mark.choice if isinstance(mark, ByOutput) else None
            cls = choice.class_of(value) if choice is not None else None
            if cls is not None:
                yield cls
        if bare is Entry and not (isinstance(value, dict) and "use" in value):
            layer = OneOf(layers).class_of(value)
            if layer is not None:
                yield layer
        elif is_spec(bare):
            yield bare


def kinds(annotation: Any) -> Iterator[str]:
    """The families that `annotation` chooses from."""
    for bare, metadata in alternatives(annotation):
        for mark in metadata:
            choice = mark.choice if isinstance(mark, ByOutput) else mark
            if isinstance(choice, OneOf):
                yield choice.registry.kind
        if bare is Entry:
            yield layers.kind


def field(cls: type[Spec], name: str) -> Any:
    """The annotation of a field with its metadata, or None."""
    info = cls.model_fields.get(name)
    if info is None:
        return None
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def below(annotation: Any, value: Any, step: str | int) -> Iterator[Any]:
    """The annotations of what stands at `step` of `value`."""
    for bare, metadata in alternatives(annotation):
        origin, args = get_origin(bare), get_args(bare)
        if origin in _LISTS and args and isinstance(step, int):
            fixed = origin is tuple and args[-1] is not Ellipsis
            yield args[min(step, len(args) - 1)] if fixed else args[0]
        elif origin in _MAPPINGS and args:
            yield args[1]
        for mark in metadata:
            if isinstance(mark, ByOutput) and not (isinstance(value, dict) and "type" in value):
                many = isinstance(value, dict) and mark.several
                yield Annotated[Any, mark] if many else Annotated[Any, mark.choice]
        if bare is Entry and step == "inputs":
            yield field(Entry, "inputs")
    for cls in specs(annotation, value):
        yield from _fields(cls, value, step)


def _fields(cls: type[Spec], value: Any, step: str | int) -> Iterator[Any]:
    if isinstance(value, dict) or value is None:
        found = field(cls, str(step))
        if found is not None:
            yield found
        return
    for name in cls.model_fields:
        inside = list(below(field(cls, name), value, step)) if isinstance(step, int) else []
        if inside:
            yield from inside
            return


def slots(annotation: Any, data: Any, path: Path) -> list[Any]:
    """The annotations that the value at `path` is read by; several where the language has a choice."""
    found = [annotation]
    for step in path:
        found = [inner for outer in found for inner in below(outer, data, step)]
        data = _get(data, step)
    return found


def _get(data: Any, step: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def value_at(data: Any, path: Path) -> Any:
    """What the data holds at `path`, or None."""
    for step in path:
        data = _get(data, step)
    return data


def known_keys(annotation: Any, value: Any) -> list[str]:
    """The keys that a mapping may have where `annotation` stands."""
    keys: dict[str, None] = {}
    last: dict[str, None] = {}
    for bare, metadata in alternatives(annotation):
        if any(isinstance(mark, OneOf | ByOutput) for mark in metadata):
            keys["type"] = None
        if bare is Entry:
            uses = isinstance(value, dict) and "use" in value
            keys |= dict.fromkeys(("use", "name") if uses else ("type",))
            last["inputs"] = None
    for cls in specs(annotation, value):
        if cls is not Entry:
            above = next(base for base in cls.__mro__[1:] if not vars(base).get("shared_fields"))
            inherited = set(inspect.get_annotations(above))
            keys |= dict.fromkeys(sorted(cls.model_fields, key=lambda name: name in inherited))
    return list(keys | last)
