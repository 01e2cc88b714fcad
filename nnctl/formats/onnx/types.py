"""ONNX's numbers for the types of elements (onnx.proto, TensorProto.DataType)."""

from __future__ import annotations

_TYPES = {"float32": 1, "uint8": 9, "int32": 6, "int64": 7, "str": 8, "bool": 9, "float64": 11}
"""By NumPy's names. Ops have uint8 for masks: those are truth values here."""


def element_type(dtype: str) -> int:
    """The number of a NumPy type."""
    return _TYPES[dtype]
