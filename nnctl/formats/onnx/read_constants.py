"""What follows from constants alone, and shapes that a graph computes: worked out here, no layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.shapes import broadcast_shapes
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import BATCH, Reading, Unread, reads

_MOST = 1 << 24
"""Elements of an array that is worked out."""


@reads("Constant")
def constant(r: Reading, node: FileNode) -> None:
    """A number, a list or an array of the node's own."""
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = node.attributes.get(name)
        if value is not None:
            kind = np.float32 if "float" in name else np.int64
            r.constants[node.outputs[0]] = value if name == "value" else np.array(value, kind)
            return
    raise Unread("a constant that is no array of numbers")


@reads("Shape")
def shape(r: Reading, node: FileNode) -> None:
    """The axes of a flow: what varies is not known, the batch is told."""
    known = r.constant(node, 0)
    if known is not None:
        r.constants[node.outputs[0]] = np.array(known.shape, np.int64)
        return
    flow = r.flow(node)
    sizes = [BATCH if here == 0 else flow.length(axis) for axis, here in enumerate(flow.axes)]
    start, end = node.get("start", 0), node.get("end", len(sizes))
    r.sizes[node.outputs[0]] = sizes[start:end]


def computed(r: Reading, node: FileNode) -> bool:
    """Whether a node's only output is worked out, since all that it reads is known; then it is."""
    names = [name for name in node.inputs if name]
    if names and all(name in r.constants for name in names):
        found = _FOLDED.get(node.operator)
        if found is not None:
            r.constants[node.outputs[0]] = _bounded(found, r, node)
            return True
    if _zeros(r, node, names):
        r.zeros.add(node.outputs[0])
        return True
    if any(name in r.sizes for name in names) and all(
        name in r.sizes or name in r.constants for name in names
    ):
        r.sizes[node.outputs[0]] = _sizes(r, node)
        return True
    return False


def _zeros(r: Reading, node: FileNode, names: list[str]) -> bool:
    """Whether a node makes zeros, of a shape that is not known: states that a recurrence begins with."""
    if node.operator == "ConstantOfShape" and names[0] in r.sizes:
        value = node.attributes.get("value")
        return value is None or not np.any(value)
    first = names[0] if names else ""
    zeros = first in r.zeros or (first in r.constants and not r.constants[first].any())
    return node.operator in ("Expand", "Slice", "Unsqueeze", "Squeeze", "Cast", "Identity") and zeros


def _bounded(found: Callable[[Reading, FileNode, list[Array]], Array], r: Reading, node: FileNode) -> Array:
    arrays = [r.constants[name] for name in node.inputs if name]
    try:
        with np.errstate(all="ignore"):
            return np.asarray(found(r, node, arrays))
    except (ValueError, IndexError, TypeError, MemoryError, OverflowError):
        raise Unread("its constants do not fit together") from None


def _sizes(r: Reading, node: FileNode) -> list[Any]:
    """A list of sizes from lists of sizes and constants."""
    first, *rest = (
        r.sizes[n] if n in r.sizes else r.constants[n].reshape(-1).tolist() for n in node.inputs if n
    )
    match node.operator:
        case "Gather":
            places = np.asarray(r.constants.get(node.inputs[1], np.zeros(0))).reshape(-1)
            return [first[int(at)] for at in places if -len(first) <= at < len(first)]
        case "Concat":
            return [n for part in (first, *rest) for n in part]
        case "Unsqueeze" | "Squeeze" | "Cast" | "Identity" | "Reshape":
            return list(first)
        case "Slice":
            start, end = int(rest[0][0]), int(rest[1][0])
            return first[start:end]
        case "Add" | "Sub" | "Mul" | "Div":
            pairs = zip(
                first * len(rest[0]) if len(first) == 1 else first, rest[0] * len(first), strict=False
            )
            return [_arithmetic(node.operator, a, b) for a, b in pairs]
    raise Unread("a shape is computed in a way that nnctl does not follow")


def _arithmetic(operator: str, a: Any, b: Any) -> int | None:
    if not isinstance(a, int) or not isinstance(b, int) or (operator == "Div" and b == 0):
        return None
    made: int = {"Add": a + b, "Sub": a - b, "Mul": a * b, "Div": a // b if operator == "Div" else 0}[
        operator
    ]
    return made


def _two(function: Callable[[Array, Array], Array]) -> Callable[[Reading, FileNode, list[Array]], Array]:
    def made(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
        a, b = arrays
        _check(broadcast_shapes(a.shape, b.shape))
        return function(a, b)

    return made


def _check(shape: tuple[int, ...]) -> None:
    if np.prod(shape, dtype=object) > _MOST:
        raise Unread("a constant would become larger than nnctl works out")


def _divide(a: Array, b: Array) -> Array:
    return a // b if a.dtype.kind == "i" else a / b


def _reshape(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    x, target = arrays
    sizes = [x.shape[at] if n == 0 else n for at, n in enumerate(target.tolist())]
    return x.reshape(sizes)


def axes_of(r: Reading, node: FileNode, arrays: list[Array] | None = None) -> list[int] | None:
    """The axes that a node names: an input since opset 13, an attribute before; None: none."""
    if len(node.inputs) > 1 and node.inputs[1]:
        found: list[int] = r.need_constant(node, 1, "list of axes").reshape(-1).tolist()
        return found
    return list(node.ints("axes")) if "axes" in node.attributes else None


def _unsqueeze(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    return np.expand_dims(arrays[0], tuple(axes_of(r, node) or ()))


def _squeeze(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    axes = axes_of(r, node)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


def _slice(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    x, starts, ends, *rest = arrays
    axes = rest[0].tolist() if rest else range(len(starts))
    steps = rest[1].tolist() if len(rest) > 1 else [1] * len(starts)
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        index[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
    return x[tuple(index)]


def _joined(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    _check((sum(array.size for array in arrays),))
    return np.concatenate(arrays, node.get("axis", 0))


def _picked(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    x, places = arrays
    axis = node.get("axis", 0)
    _check((places.size, x.size // max(x.shape[axis], 1)))
    return np.take(x, places, axis=axis)


def _filled(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    shape = tuple(arrays[0].tolist())
    _check(shape)
    value = node.attributes.get("value")
    return np.full(
        shape, 0.0 if value is None else value.reshape(-1)[0], np.float32 if value is None else value.dtype
    )


def _expand(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    x, target = arrays
    shape = broadcast_shapes(x.shape, tuple(target.tolist()))
    _check(shape)
    return np.broadcast_to(x, shape)


_TYPES = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def _cast(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    to = node.get("to", 1)
    if to not in _TYPES:
        raise Unread("a constant becomes one of a type that nnctl does not read")
    return arrays[0].astype(_TYPES[to])


def _transposed(r: Reading, node: FileNode, arrays: list[Array]) -> Array:
    return arrays[0].transpose(node.ints("perm") or None)


_FOLDED: Mapping[str, Callable[[Reading, FileNode, list[Array]], Array]] = {
    "Identity": lambda r, node, arrays: arrays[0],
    "Cast": _cast,
    "Transpose": _transposed,
    "Reshape": _reshape,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Concat": _joined,
    "Gather": _picked,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Add": _two(np.add),
    "Sub": _two(np.subtract),
    "Mul": _two(np.multiply),
    "Div": _two(_divide),
    "Pow": _two(np.power),
    "Neg": lambda r, node, arrays: -arrays[0],
    "Sqrt": lambda r, node, arrays: np.sqrt(arrays[0]),
    "Reciprocal": lambda r, node, arrays: 1 / arrays[0],
    "Exp": lambda r, node, arrays: np.exp(arrays[0]),
}
"""Operators whose result is worked out where all that they read is constant."""
