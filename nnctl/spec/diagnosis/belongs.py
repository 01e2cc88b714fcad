"""Where a key that stands in the wrong mapping belongs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnctl.core.errors import Path
from nnctl.core.spec import Spec
from nnctl.spec.language.annotations import alternatives, field, is_spec, known_keys, slots, value_at

_SEARCHED = 50
"""So many keys or entries of a mapping or list are looked into."""


def where_it_belongs(model: type[Spec], data: Any, above: Path, key: str) -> str | None:
    """A hint where `key`, unknown in the mapping at `above`, is known: below, one level up, or elsewhere."""
    mapping = value_at(data, above)
    written = list(mapping.items())[:_SEARCHED] if isinstance(mapping, dict) else []
    for name, value in written:
        if name != key and _knows(model, data, (*above, name), key):
            return f"'{key}' inside '{name}'"
        for index, part in enumerate(value[:_SEARCHED] if isinstance(value, list) else ()):
            if isinstance(part, dict) and _knows(model, data, (*above, name, index), key):
                return f"'{key}' inside the {part.get('type', 'entry')} of '{name}'"
    for end in reversed(range(len(above))):
        if _knows(model, data, above[:end], key):
            outer = ".".join(map(str, above[:end]))
            return f"'{key}' in '{outer}'" if outer else f"'{key}' at the top level"
    for path in (("training", "optimizer"), ("data", "source")):
        if _knows(model, data, path, key):
            return f"'{key}' in '{'.'.join(path)}'"
    home = next((path for path in _sections(model, key)), None)
    return f"'{key}' in '{'.'.join(home)}'" if home else _in_a_layer(data, key)


def _knows(model: type[Spec], data: Any, path: Path, key: str) -> bool:
    value = value_at(data, path)
    return any(key in known_keys(a, value) for a in slots(model, data, path))


def _sections(model: type[Spec], key: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The fixed sections of the language (no choices by `type`) that have the key."""
    if path and key in model.model_fields:
        yield path
    for name in model.model_fields:
        for bare, _ in alternatives(field(model, name)):
            if is_spec(bare):
                yield from _sections(bare, key, (*path, name))


def _in_a_layer(data: Any, key: str) -> str | None:
    from nnctl.layers.base import layers

    found = value_at(data, ("model", "layers"))
    for entry in found[:_SEARCHED] if isinstance(found, list) else ():
        kind = entry.get("type") if isinstance(entry, dict) else entry
        cls = layers.get(kind) if isinstance(kind, str) else None
        if cls is not None and key in cls.model_fields:
            return f"'{key}' inside an entry of 'model.layers' such as {kind}"
    return None
