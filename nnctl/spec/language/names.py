"""What the entries of a `layers` list are called, and what they read by name; on plain data, right or not."""

from __future__ import annotations

from typing import Any

from nnctl.core.errors import Path
from nnctl.core.records import record
from nnctl.core.registry import snake_case
from nnctl.layers.base import Layer, layers
from nnctl.layers.entry import number_names

IMPLIED_INPUT = "input"
"""What the input is called where a model declares none."""

_RESERVED = "/:."

_LayerClass = type[Layer]


@record
class Named:
    """An entry of a `layers` list, as far as its names go."""

    name: str
    type: str | None
    use: str | None
    raw: Any
    known: bool = True
    """Whether it has a name of its own or a type that nnctl has; else its name is only a stand-in."""
    layer: _LayerClass | None = None
    """The class that its type names."""

    @property
    def is_input(self) -> bool:
        """Whether it adds an input."""
        return self.layer is not None and self.layer.is_input

    @property
    def reads(self) -> list[tuple[Path, str]]:
        """What it names as its inputs, with the path below the entry."""
        given = self.raw.get("inputs") if isinstance(self.raw, dict) else None
        if isinstance(given, str):
            return [(("inputs",), given)]
        listed = (
            given.items() if isinstance(given, dict) else enumerate(given) if isinstance(given, list) else ()
        )
        return [(("inputs", at), name) for at, name in listed if isinstance(name, str)]

    @property
    def says_inputs(self) -> bool:
        """Whether it says what it reads."""
        return isinstance(self.raw, dict) and self.raw.get("inputs") is not None


def named_entries(raw: Any, taken: list[str]) -> list[Named]:
    """The entries of a `layers` list with the names they go by."""
    entries = raw if isinstance(raw, list) else []
    kinds = [_kind(entry) for entry in entries]
    names = number_names([(given, base) for given, base, *_ in kinds], taken)
    above: set[str] = set()
    found = []
    for name, (given, _, kind, use, layer), entry in zip(names, kinds, entries, strict=True):
        is_there = use in above if use is not None else layer is not None
        found.append(Named(name, kind, use, entry, given is not None or is_there, layer))
        above.add(name)
    return found


def _kind(entry: Any) -> tuple[str | None, str, str | None, str | None, _LayerClass | None]:
    """(given name, base name, type, use, class of the type) of one entry, whatever it is."""
    fields = entry if isinstance(entry, dict) else {"type": entry}
    kind, use, name = fields.get("type"), fields.get("use"), fields.get("name")
    given = name if isinstance(name, str) and name else None
    if isinstance(use, str):
        return given, use, None, use, None
    cls = layers.get(kind) if isinstance(kind, str) else None
    known = cls.__name__ if cls is not None else kind if isinstance(kind, str) else None
    return given, snake_case(known or "entry") or "entry", known, None, cls


def wrong_name(name: str) -> str | None:
    """Why `name` cannot be the name of a layer or an input, or None."""
    if not name.strip() or name != name.strip():
        return "it is empty or begins or ends with a space"
    found = [char for char in name if char in _RESERVED or not char.isprintable()]
    if found:
        return f"it holds {found[0]!r}"
    return "it is a number" if name.isdigit() else None
