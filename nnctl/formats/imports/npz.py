"""Weights in an NPZ file. Never unpickled."""

from __future__ import annotations

import io
from collections.abc import Mapping
from math import prod
from tokenize import TokenError
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import RunError
from nnctl.core.visible import visible
from nnctl.formats.imports.base import ArrayInfo, Imported, ImportFormat, Opened, Weights, register
from nnctl.formats.imports.by_name import weights_by_name
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.members import Members
from nnctl.graph.model import LayerGraph
from nnctl.spec.language.model import ModelSpec

_HEADER = 4096
"""The longest header of an array that is read."""
_KINDS = "fiub"
_LONGEST = 100


@register
class npz(ImportFormat):
    """Weights by name, of a config's model: `nnctl import config.yaml --weights w.npz`."""

    written_by = "`nnctl export --format npz`, `numpy.savez`"
    ending = ".npz"

    def recognises(self, opened: Opened) -> bool:
        if not opened.head.startswith(b"PK"):
            return False
        names = Members(opened.file, opened.path.name).names
        return bool(names) and all(name.endswith(".npy") for name in names)

    def read(self, opened: Opened, findings: Findings, layers: Mapping[str, Any]) -> Imported:
        members = Members(opened.file, opened.path.name)
        arrays = tuple(_described(members, name, opened) for name in members.names)

        def read(name: str) -> Array:
            info = next(info for info in arrays if info.path == name)
            size = prod(info.shape) * np.dtype(info.dtype).itemsize
            data = members.read(f"{name}.npy", size + _HEADER)
            try:
                return np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
            except ValueError as error:
                raise RunError(f"{opened.path}: '{name}' cannot be read: {error}") from None

        def weights(spec: ModelSpec, graph: LayerGraph, dtype: str, findings: Findings) -> Weights:
            return weights_by_name(arrays, read, graph, dtype, findings)

        return Imported("NPZ, weights alone", weights=weights, arrays=arrays)


def _described(members: Members, member: str, opened: Opened) -> ArrayInfo:
    name = member.removesuffix(".npy")
    head = io.BytesIO(members.start(member, _HEADER))
    try:
        version = np.lib.format.read_magic(head)
        header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = header(head)
    except (ValueError, TypeError, EOFError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        # Python's parser answers with each of these to what it finds too deep.
        raise RunError(f"{opened.path}: '{name}' is no array: {visible(str(error), _LONGEST)}") from None
    if dtype.kind not in _KINDS:
        raise RunError(f"{opened.path}: '{name}' holds {dtype}, not numbers")
    if prod(shape) * dtype.itemsize > members.size(member):
        raise RunError(f"{opened.path}: '{name}' has fewer bytes than its shape needs")
    return ArrayInfo(name, dtype.name, shape)
