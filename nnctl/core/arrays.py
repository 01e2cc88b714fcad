"""What arrays are called in annotations, and two things that are asked of them in many places."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
"""An array of any shape and type."""


def distinct_values(values: Array) -> Array:
    """Each number once, ascending (where nothing else is asked, `np.unique` imports `numpy.ma` first)."""
    return np.unique(values, return_counts=True)[0]


def part_of(number: Array, parts: int) -> int:
    """Into which of so many parts of [0, 1) an array's first number falls, in its own arithmetic."""
    return int(number.reshape(-1)[0] * number.dtype.type(parts))
