"""How two arrays of one type differ, bit by bit."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record


@record
class BitDifference:
    """Where two arrays of one shape and type are not the same.

    Attributes:
        differing: How many elements have other bits, of `elements`.
        index: Where the largest difference is: at a NaN, if one side has one there; the first of several.
        a, b: What stands there.
        largest: How far these are apart; None where one is not finite.
        ulps: How many numbers of the type lie between them, the second included; None for what is no float.
    """

    differing: int
    elements: int
    index: tuple[int, ...]
    a: float
    b: float
    largest: float | None
    ulps: int | None

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {**asdict(self), "index": list(self.index)}


def bit_difference(a: Array, b: Array) -> BitDifference | None:
    """How two arrays of one shape and type differ; None where all bits are the same.

    -0.0 and 0.0 are not the same, a NaN and the same NaN are.

    Raises:
        ValueError: they are of different shapes or types.
    """
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(f"{a.dtype}{a.shape} and {b.dtype}{b.shape} cannot be compared")
    flat_a, flat_b = np.ascontiguousarray(a).reshape(-1), np.ascontiguousarray(b).reshape(-1)
    bits = f"u{a.dtype.itemsize}"
    places = np.flatnonzero(flat_a.view(bits) != flat_b.view(bits))
    if not places.size:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(_wide(flat_a[places]) - _wide(flat_b[places]))
    at = places[int(np.argmax(np.where(np.isnan(apart), np.inf, apart)))]
    one, other = flat_a[at], flat_b[at]
    largest = float(np.abs(_wide(one) - _wide(other))) if np.isfinite(one) and np.isfinite(other) else None
    return BitDifference(
        differing=int(places.size),
        elements=int(flat_a.size),
        index=tuple(int(n) for n in np.unravel_index(at, a.shape)),
        a=one.item(),
        b=other.item(),
        largest=largest,
        ulps=abs(_ordinal(one) - _ordinal(other)) if a.dtype.kind == "f" else None,
    )


def _wide(values: Any) -> Any:
    """Numbers whose difference is not rounded away: float64 of everything."""
    return np.asarray(values, np.float64)


def _ordinal(value: Any) -> int:
    """A float's place among all floats of its type, 0 for both zeros."""
    size = value.dtype.itemsize
    bits = int(value.view(f"u{size}"))
    sign = 1 << (8 * size - 1)
    return -(bits - sign) if bits & sign else bits
