"""Weights as an NPZ file: an array a weight, by its full name, without pickle."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from nnctl.formats.archive import zipped

Array = np.ndarray[Any, Any]


def npz(arrays: Mapping[str, Array]) -> memoryview:
    """What `numpy.load` opens."""
    return zipped({f"{name}.npy": _npy(array) for name, array in arrays.items()})


def _npy(array: Array) -> Iterator[bytes | memoryview]:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    yield buffer.getbuffer()
