"""Weights as an NPZ file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.archive import zipped
from nnctl.formats.exports.base import WEIGHTS, ExportFormat, TrainedModel, register


@register
class npz(ExportFormat):
    """Every weight by its full name, without pickle."""

    opened_by = "`numpy.load`"
    ending = ".npz"
    keeps = (WEIGHTS,)

    def pieces(self, model: TrainedModel) -> list[memoryview]:
        return [zipped({f"{name}.npy": _npy(array) for name, array in model.weights.items()})]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"numpy.load('{file}') gives an array a weight"


def _npy(array: Array) -> Iterator[bytes | memoryview]:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    yield buffer.getbuffer()
