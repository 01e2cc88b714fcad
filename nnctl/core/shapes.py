"""Shapes as users see them: the batch axis left out, None for a length that varies."""

from __future__ import annotations

Shape = tuple[int | None, ...]
"""One tensor's shape without its batch axis; None is a length that varies."""


def show(shape: Shape) -> str:
    """The shape as a config would write it: (28, null, 1)."""
    inner = ", ".join("null" if n is None else str(n) for n in shape)
    return f"({inner})"
