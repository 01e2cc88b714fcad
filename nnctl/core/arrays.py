"""What arrays are called in annotations; the part of [0, 1) that a drawn number falls into."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
"""An array of any shape and type."""


def part_of(number: Array, parts: int) -> int:
    """Into which of so many parts of [0, 1) an array's first number falls, in its own arithmetic."""
    return int(number.reshape(-1)[0] * number.dtype.type(parts))
