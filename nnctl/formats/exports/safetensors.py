"""Weights as a safetensors file.

The file is the length of a header (8 bytes, little-endian), the header (JSON: each tensor's dtype, shape and
offsets, and texts under `__metadata__`), and the tensors' bytes, C-order and little-endian, without gaps.
Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from nnctl.core.arrays import Array
from nnctl.formats.exports.base import WEIGHTS, ExportFormat, TrainedModel, register
from nnctl.storage.array_bytes import as_bytes, little_endian

_KINDS = {"f": "F", "i": "I", "u": "U"}
_ALIGNED = 8
"""The tensors begin at a multiple of it, so that they can be used where the file is in memory."""


@register
class safetensors(ExportFormat):
    """Every weight by its full name, and the run's `weights_sha256` in the metadata."""

    opened_by = "`safetensors.numpy.load_file` and its like in other frameworks and languages"
    ending = ".safetensors"
    keeps = (WEIGHTS,)

    def pieces(self, model: TrainedModel) -> list[bytes | memoryview]:
        # The widest numbers first, as the reference writer does: then each tensor is aligned to its own.
        flat = {name: little_endian(array) for name, array in model.weights.items()}
        ordered = dict(sorted(flat.items(), key=lambda entry: (-entry[1].itemsize, entry[0])))
        told = {"format": "np", "name": model.name, "weights_sha256": model.weights_sha256}
        header = _header(told, ordered)
        return [len(header).to_bytes(8, "little"), header, *map(as_bytes, ordered.values())]

    def hint(self, model: TrainedModel, file: str) -> str:
        return f"safetensors.numpy.load_file('{file}') gives an array a weight"


def _header(metadata: Mapping[str, str], tensors: Mapping[str, Array]) -> bytes:
    """The JSON header, filled up with spaces; offsets count from its end."""
    entries: dict[str, object] = {"__metadata__": metadata}
    start = 0
    for name, array in tensors.items():
        end = start + array.nbytes
        dtype = f"{_KINDS[array.dtype.kind]}{array.itemsize * 8}"
        entries[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": (start, end)}
        start = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    return text.ljust(-(-len(text) // _ALIGNED) * _ALIGNED)
