"""How numbers are spread: how many fall into each of equal parts of their range."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record


@record
class Spread:
    """Numbers in short.

    Attributes:
        count: How many there are.
        odd: How many of them are not finite; nothing else here counts those.
        low, high: The least and the largest.
        parts: How many fall into each part of that range.
    """

    count: int
    odd: int
    mean: float
    deviation: float
    low: float
    high: float
    parts: tuple[int, ...]

    def edges(self) -> list[float]:
        """Where the parts begin, and where the last one ends."""
        return [float(edge) for edge in np.linspace(self.low, self.high, len(self.parts) + 1)]


def spread(numbers: Array, parts: int) -> Spread | None:
    """How numbers (...) are spread over so many parts; None where none is finite."""
    flat = numbers.reshape(-1).astype(np.float64)
    finite = flat[np.isfinite(flat)]
    if not len(finite):
        return None
    low, high = float(finite.min()), float(finite.max())
    # Equal numbers have no range: they are the middle of one.
    edges = (low, high) if low < high else (low - 0.5, low + 0.5)
    counts = np.histogram(finite, parts, edges)[0]
    return Spread(
        count=len(flat),
        odd=len(flat) - len(finite),
        mean=float(finite.mean()),
        deviation=float(finite.std()),
        low=edges[0],
        high=edges[1],
        parts=tuple(counts.tolist()),
    )
