"""An ONNX file as plain records: nodes, constants, inputs and outputs. It may come from a stranger.

Arrays are views of the file's bytes. What lies in other files, in types that NumPy has not, or in graphs in
nodes is not read. Source: onnx.proto (https://github.com/onnx/onnx), whose field numbers these are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from math import prod
from typing import Any, cast

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.core.visible import visible
from nnctl.formats.onnx import wire
from nnctl.formats.onnx.wire import Wire, packed, signed, text

MOST_NODES = 20_000
"""Nodes of a graph, and values of each kind: the largest networks that are written have some thousands."""
_DTYPES = {
    1: "<f4", 2: "|u1", 3: "|i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "|b1", 10: "<f2", 11: "<f8",
    12: "<u4", 13: "<u8",
}  # fmt: skip
_NAMES = {8: "texts", 14: "complex numbers", 15: "complex numbers", 16: "bfloat16"}
_AXES = 32
_LISTED = 1 << 16
"""Numbers of an attribute that are read; lists of axes, scales and the like are short."""


@record
class FileNode:
    """A node: its file, what errors call it, its operator with its domain, what it reads and makes."""

    file: str
    place: str
    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str, default: Any) -> Any:
        """An attribute, of the type that its default has.

        Raises:
            RunError: it is of another type.
        """
        value = self.attributes.get(name, default)
        right = (int, float) if isinstance(default, float) else type(default)
        if default is not None and not isinstance(value, right):
            raise RunError(f"{self.file}, {self.place}: its attribute '{name}' is of another type")
        return float(value) if isinstance(default, float) else value

    def ints(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers."""
        value = self.attributes.get(name, list(default))
        if not isinstance(value, list) or not all(isinstance(n, int) for n in value):
            raise RunError(f"{self.file}, {self.place}: its attribute '{name}' is no list of whole numbers")
        return tuple(value)


@record
class FileValue:
    """An input or an output of a graph: its name, the number of its type, its axes (None: left open)."""

    name: str
    type: int
    shape: tuple[int | None, ...] | None


@record
class FileGraph:
    """A graph. `opset` is the version of ONNX's own operators."""

    name: str
    producer: str
    opset: int
    nodes: tuple[FileNode, ...]
    constants: Mapping[str, Array]
    inputs: tuple[FileValue, ...]
    outputs: tuple[FileValue, ...]


def read_graph(data: bytes, file: str) -> FileGraph:
    """The graph that a file holds.

    Raises:
        RunError: it is damaged, or has what is not read; the place is named.
    """
    w = Wire()
    producer, opset, graph = "", 1, None
    for number, _, value in w.fields(memoryview(data), file):
        if number == 2 and isinstance(value, memoryview):
            producer = text(value)
        elif number == 7 and isinstance(value, memoryview):
            graph = value
        elif number == 8 and isinstance(value, memoryview):
            domain, version = _opset(w, value, file)
            opset = version if domain in ("", "ai.onnx") else opset
    if graph is None:
        raise RunError(f"{file}: holds no graph")
    return _graph(w, graph, visible(producer, 60), opset, file)


def _opset(w: Wire, data: memoryview, file: str) -> tuple[str, int]:
    domain, version = "", 1
    for number, _, value in w.fields(data, f"{file}, opset"):
        if number == 1 and isinstance(value, memoryview):
            domain = text(value)
        elif number == 2 and isinstance(value, int):
            version = value
    return domain, version


def _graph(w: Wire, data: memoryview, producer: str, opset: int, file: str) -> FileGraph:
    name, nodes, constants = "", list[FileNode](), dict[str, Array]()
    inputs, outputs = list[FileValue](), list[FileValue]()
    for number, kind, value in w.fields(data, f"{file}, graph"):
        if kind != wire.BYTES or not isinstance(value, memoryview):
            continue
        if number == 1:
            nodes.append(_node(w, value, len(nodes), file))
        elif number == 2:
            name = visible(text(value), 200)
        elif number == 5:
            called, array = _tensor(w, value, f"{file}, constant {len(constants)}")
            if called in constants:
                raise RunError(f"{file}: the constant '{visible(called, 100)}' is there twice")
            constants[called] = array
        elif number in (11, 12):
            (inputs if number == 11 else outputs).append(_value(w, value, file))
        elif number == 15:
            raise RunError(f"{file}: has constants that are mostly 0, which are not read")
        if max(len(nodes), len(constants), len(inputs), len(outputs)) > MOST_NODES:
            raise RunError(f"{file}: has more than {MOST_NODES:,} nodes, which is more than nnctl reads")
    given = tuple(value for value in inputs if value.name not in constants)
    return FileGraph(name, producer, opset, tuple(nodes), constants, given, tuple(outputs))


def _node(w: Wire, data: memoryview, at: int, file: str) -> FileNode:
    place = f"{file}, node {at}"
    read, made = list[str](), list[str]()
    name = operator = domain = ""
    attributes: dict[str, Any] = {}
    for number, _, value in w.fields(data, place):
        if not isinstance(value, memoryview):
            continue
        if number in (1, 2):
            (read if number == 1 else made).append(text(value))
        elif number == 3:
            name = text(value)
        elif number == 4:
            operator = text(value)
        elif number == 5:
            called, found = _attribute(w, value, place)
            attributes[called] = found
        elif number == 7:
            domain = text(value)
    if domain not in ("", "ai.onnx"):
        operator = f"{domain}.{operator}"
    shown = f" '{visible(name, 100)}'" if name else ""
    where = f"node {at}{shown} ({visible(operator, 100)})"
    return FileNode(file, where, name, operator, tuple(read), tuple(made), attributes)


def _attribute(w: Wire, data: memoryview, place: str) -> tuple[str, Any]:
    """Name and value; None for what is not read (graphs, types)."""
    name, found = "", cast("Any", None)
    floats, ints, texts = list[Any](), list[Any](), list[str]()
    for number, kind, value in w.fields(data, f"{place}, attribute"):
        if number == 3 and isinstance(value, int):
            found = signed(value)
        elif number == 8:
            ints.append(packed(kind, value, "varint", place))
        elif not isinstance(value, memoryview):
            continue
        elif number == 1:
            name = text(value)
        elif number == 2 and len(value) == 4:
            found = wire.float32(value)
        elif number == 4:
            found = text(value)
        elif number == 5:
            found = _tensor(w, value, f"{place}, attribute")[1]
        elif number == 7:
            floats.append(packed(kind, value, "<f4", place))
        elif number == 9:
            texts.append(text(value))
    for parts in (ints, floats):
        if parts:
            whole = np.concatenate(parts)
            found = whole.tolist() if whole.size <= _LISTED else whole
    return name, texts or found


def _tensor(w: Wire, data: memoryview, place: str) -> tuple[str, Array]:
    """The name and the array of a tensor, held against the bytes that are there.

    Raises:
        RunError: its numbers are elsewhere, of a type that is not read, or too few or too many.
    """
    name, type, shape, raw = "", 0, list[int](), None
    parts: dict[int, list[Array]] = {}
    elsewhere = False
    for number, kind, value in w.fields(data, place):
        if number == 1:
            shape += packed(kind, value, "varint", place)[: _AXES + 1].tolist()
        elif number == 2 and isinstance(value, int):
            type = value
        elif number == 8 and isinstance(value, memoryview):
            name = text(value)
        elif number == 9 and isinstance(value, memoryview):
            raw = value
        elif number == 13 or (number == 14 and value == 1):
            elsewhere = True
        elif number in (4, 10):
            parts.setdefault(number, []).append(packed(kind, value, "<f4" if number == 4 else "<f8", place))
        elif number in (5, 7, 11):
            parts.setdefault(number, []).append(packed(kind, value, "varint", place))
    where = f"{place} '{visible(name, 100)}'"
    if elsewhere:
        raise RunError(f"{where}: its numbers lie in another file, which nnctl does not open")
    if len(shape) > _AXES or any(not 0 <= n < 1 << 40 for n in shape):
        raise RunError(f"{where}: has no shape of an array")
    return name, _numbers(type, tuple(shape), raw, parts, where)


def _numbers(
    type: int, shape: tuple[int, ...], raw: memoryview | None, parts: Mapping[int, list[Array]], where: str
) -> Array:
    if type == 8:
        return np.empty(0, object)  # texts: whoever needs them says that there are none
    dtype = _DTYPES.get(type)
    if dtype is None:
        raise RunError(f"{where}: holds {_NAMES.get(type, 'numbers of a type')} that nnctl does not read")
    if raw is not None:
        if len(raw) != prod(shape) * np.dtype(dtype).itemsize:
            raise RunError(f"{where}: has {len(raw)} bytes, not those of its shape {list(shape)}")
        return np.frombuffer(raw, dtype).reshape(shape)
    found = np.concatenate([part for many in parts.values() for part in many]) if parts else np.zeros(0)
    if found.size != prod(shape):
        raise RunError(f"{where}: has {found.size} numbers, not those of its shape {list(shape)}")
    if dtype == "<f2":
        return found.astype(np.uint16).view(dtype).reshape(shape)
    return found.astype(dtype).reshape(shape)


def _value(w: Wire, data: memoryview, file: str) -> FileValue:
    name, type, shape = "", 0, None
    for number, _, value in w.fields(data, f"{file}, a value"):
        if number == 1 and isinstance(value, memoryview):
            name = text(value)
        elif number == 2 and isinstance(value, memoryview):
            for inner, _, tensor in w.fields(value, f"{file}, the type of '{visible(name, 100)}'"):
                if inner == 1 and isinstance(tensor, memoryview):
                    type, shape = _tensor_type(w, tensor, file)
    return FileValue(name, type, shape)


def _tensor_type(w: Wire, data: memoryview, file: str) -> tuple[int, tuple[int | None, ...] | None]:
    type, shape = 0, None
    for number, _, value in w.fields(data, f"{file}, a type"):
        if number == 1 and isinstance(value, int):
            type = value
        elif number == 2 and isinstance(value, memoryview):
            axes = [axis for n, _, axis in w.fields(value, f"{file}, a shape") if n == 1]
            if len(axes) > _AXES:
                raise RunError(f"{file}: a value has {len(axes)} axes")
            shape = tuple(_axis(w, axis, file) for axis in axes)
    return type, shape


def _axis(w: Wire, data: int | memoryview, file: str) -> int | None:
    if isinstance(data, memoryview):
        for number, _, value in w.fields(data, f"{file}, an axis"):
            if number == 1 and isinstance(value, int):
                size = signed(value)
                return size if 0 < size < 1 << 40 else None
    return None
