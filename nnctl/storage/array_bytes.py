"""Arrays as bytes that are the same on every machine."""

from __future__ import annotations

import numpy as np


def little_endian(array: np.ndarray) -> np.ndarray:
    """`array` in C order and little-endian, itself where it already is."""
    return np.require(array, dtype=array.dtype.newbyteorder("<"), requirements="C")


def as_bytes(array: np.ndarray) -> memoryview:
    """The bytes of a C-contiguous array, not copied."""
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
