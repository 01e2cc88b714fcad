"""Weights as an NPZ file: an array a weight, by its full name, without pickle."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.archive import zipped


def npz(arrays: Mapping[str, Array]) -> memoryview:
    """What `numpy.load` opens."""
    return zipped({f"{name}.npy": _npy(array) for name, array in arrays.items()})


def _npy(array: Array) -> Iterator[bytes | memoryview]:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    yield buffer.getbuffer()
