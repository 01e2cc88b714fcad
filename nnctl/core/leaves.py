"""A nested config as a flat list of names and values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by dotted path, as `--set` would name them; a named list entry goes by its name."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from flatten(below, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(v, (Mapping, list)) for v in value):
        for index, below in enumerate(value):
            name = below.get("name") if isinstance(below, Mapping) else None
            yield from flatten(below, f"{path}.{name or index}")
    else:
        yield path, value
