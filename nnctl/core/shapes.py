"""Shapes as users see them: the batch axis left out, None for a length that varies."""

from __future__ import annotations

Shape = tuple[int | None, ...]
"""One tensor's shape without its batch axis; None is a length that varies."""


def show(shape: Shape) -> str:
    """The shape as a config would write it: (28, null, 1)."""
    inner = ", ".join("null" if n is None else str(n) for n in shape)
    return f"({inner})"


def broadcast_shapes(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that arrays of these broadcast to, by NumPy's rule, made of the numbers that are given.

    Raises:
        ValueError: they do not fit.
    """
    rank = max(map(len, shapes))
    padded = [(*(1,) * (rank - len(shape)), *shape) for shape in shapes]
    whole = tuple(next((n for n in axis if n != 1), 1) for axis in zip(*padded, strict=True))
    if any(n not in (1, most) for shape in padded for n, most in zip(shape, whole, strict=True)):
        raise ValueError(f"shapes {shapes} do not broadcast")
    return whole
