"""The arithmetic of sliding windows: how many fit along an axis, and what is padded around it."""

from __future__ import annotations

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show


def positions(length: int | None, window: int, stride: int, padding: str) -> int | None:
    """How many windows of extent `window` fit along an axis; None where its length varies."""
    if length is None:
        return None
    if padding == "valid":
        return (length - window) // stride + 1 if length >= window else 0
    return -(-length // stride)


def around(length: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """(before, after): the zeros around an axis. `same` puts the odd one after, `causal` all before."""
    if padding == "valid":
        return (0, 0)
    if padding == "causal":
        return (window - 1, 0)
    total = max((-(-length // stride) - 1) * stride + window - length, 0)
    return (total // 2, total - total // 2)


def around_each(
    lengths: tuple[int, ...], windows: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> list[tuple[int, int]]:
    """`around`, axis by axis."""
    return [around(n, w, s, padding) for n, w, s in zip(lengths, windows, strides, strict=True)]


def slide(
    layer: str, field: str, lengths: Shape, windows: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> Shape:
    """The spatial shape that windows sliding over `lengths` give.

    Raises:
        ShapeError: a window is longer than its axis; `field` is the config field that sets the windows.
    """
    out = tuple(positions(n, w, s, padding) for n, w, s in zip(lengths, windows, strides, strict=True))
    if 0 in out:
        raise ShapeError(
            f"{layer}'s window of {show(windows)} is larger than the {show(lengths)} that comes in",
            field=field,
            expected=f"a {field} that fits, or padding: same",
        )
    return out
