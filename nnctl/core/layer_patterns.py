"""Layers by name or pattern (`conv*`, `encoder/*`); a nested model's name stands for its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

_SHOWN = 8


def matches(name: str, pattern: str) -> bool:
    """Whether a layer is named by a name or pattern: itself, or a nested model that it is in."""
    return any(fnmatchcase(above, pattern) for above in (name, *_above(name)))


def is_pattern(text: str) -> bool:
    """Whether it may name several layers."""
    return any(char in text for char in "*?[")


def listed(names: Iterable[str]) -> str:
    """Names as messages list them: the first eight, and how many more."""
    shown = [f"'{name}'" for name in names]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more or "nothing"


def _above(name: str) -> Iterator[str]:
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name
