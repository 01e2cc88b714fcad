"""Bounds of numbers: what activations and layers say of their outputs, and losses of what they read."""

from __future__ import annotations

from math import inf, ulp

Range = tuple[float, float]
"""The least and the largest value, both possible or approached."""

ANY: Range = (-inf, inf)
"""Every number."""

POSITIVE: Range = (ulp(0.0), inf)
"""Every number above 0."""

UNIT: Range = (0.0, 1.0)
"""What a probability can be."""


def within(inner: Range, outer: Range) -> bool:
    """Whether every number of `inner` is in `outer`."""
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def show_range(range_: Range) -> str:
    """As a user reads it: `numbers from 0 to 1`, `any number`, `numbers from 0 on`."""
    low, high = range_
    if range_ == ANY:
        return "any number"
    if range_ == POSITIVE:
        return "numbers above 0"
    if high == inf:
        return f"numbers from {low:g} on"
    return f"numbers up to {high:g}" if low == -inf else f"numbers from {low:g} to {high:g}"
