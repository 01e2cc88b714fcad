"""Weights in a safetensors file, nnctl's or PyTorch's; read without the package of that name.

Source: https://github.com/huggingface/safetensors, "Format".
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import RunError
from nnctl.formats.imports.base import ArrayInfo, Imported, ImportFormat, Opened, Weights, register
from nnctl.formats.imports.by_name import weights_by_name
from nnctl.formats.json_text import MAX_BYTES, parse_json
from nnctl.formats.keras.reading.found import Findings
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec

MOST_TENSORS = 20_000
"""The most tensors that are read; the largest models have some thousands."""
_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U8": "|u1",
    "BOOL": "|b1",
}


@register
class safetensors(ImportFormat):
    """Weights by name, of a config's model: `nnctl import config.yaml --weights w.safetensors`."""

    written_by = "`nnctl export --format safetensors`, `safetensors.torch.save_file(model.state_dict(), ...)`"
    ending = ".safetensors"

    def recognises(self, opened: Opened) -> bool:
        return (
            len(opened.head) > 9
            and opened.head[8:9] == b"{"
            and int.from_bytes(opened.head[:8], "little") < opened.size
        )

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        length = int.from_bytes(opened.head[:8], "little")
        if length > min(MAX_BYTES, opened.size - 8):
            raise RunError(f"{opened.path}: its header of {length:,} bytes is longer than nnctl reads")
        opened.file.seek(8)
        header = parse_json(opened.file.read(length), f"{opened.path.name}, header")
        if not isinstance(header, dict):
            raise RunError(f"{opened.path}: its header is no JSON object")
        if len(header) > MOST_TENSORS:
            raise RunError(
                f"{opened.path}: its header has {len(header):,} tensors, "
                f"more than nnctl reads ({MOST_TENSORS:,})"
            )
        places = {
            name: _place(name, entry, opened, 8 + length)
            for name, entry in header.items()
            if name != "__metadata__"
        }
        arrays = tuple(
            ArrayInfo(name, np.dtype(dtype).name, shape) for name, (dtype, shape, _) in places.items()
        )

        def read(name: str) -> Array:
            dtype, shape, start = places[name]
            opened.file.seek(start)
            found = np.frombuffer(opened.file.read(prod(shape) * np.dtype(dtype).itemsize), dtype)
            return found.reshape(shape)

        def weights(spec: ModelSpec, graph: LayerGraph, dtype: str, findings: Findings) -> Weights:
            return weights_by_name(arrays, read, graph, dtype, findings)

        return Imported("safetensors, weights alone", weights=weights, arrays=arrays)


def _place(name: str, entry: Any, opened: Opened, start: int) -> tuple[str, tuple[int, ...], int]:
    """Type, shape and place in the file; held against the file's size."""
    try:
        dtype = _TYPES.get(entry["dtype"])
        shape = tuple(entry["shape"])
        begin, end = entry["data_offsets"]
    except (TypeError, KeyError, ValueError):
        raise RunError(f"{opened.path}: '{name}' is not described as it should be") from None
    if dtype is None:
        raise RunError(
            f"{opened.path}: '{name}' is of the type {str(entry['dtype'])[:20]}, which nnctl does not read"
        )
    whole = all(type(n) is int and 0 <= n < 1 << 40 for n in (*shape, begin, end)) and len(shape) < 33
    if not whole or end - begin != prod(shape) * np.dtype(dtype).itemsize or start + end > opened.size:
        raise RunError(f"{opened.path}: '{name}' does not lie in the file as its shape says")
    return dtype, shape, start + begin
