"""Arithmetic element by element, casts, choices by masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer, turned
from nnctl.kernels import codes
from nnctl.ops.base import Node, Value
from nnctl.ops.elementwise import Affine, Binary, BinaryRow, Cast, Fill, Unary
from nnctl.ops.embedding import NotEqual
from nnctl.ops.masks import Both, Either, Select
from nnctl.ops.reduce import ScaleBy

_BINARY = {
    codes.ADD: "Add",
    codes.SUBTRACT: "Sub",
    codes.MULTIPLY: "Mul",
    codes.DIVIDE: "Div",
    codes.MAXIMUM: "Max",
    codes.MINIMUM: "Min",
}
_UNARY = {
    codes.NEGATE: ("Neg",),
    codes.ABSOLUTE: ("Abs",),
    codes.SIGN: ("Sign",),
    codes.SQRT: ("Sqrt",),
    codes.RSQRT: ("Sqrt", "Reciprocal"),
    codes.RECIPROCAL: ("Reciprocal",),
    codes.EXP: ("Exp",),
    codes.LOG: ("Log",),
}


@emits(Binary)
def binary(w: Writer, node: Node) -> None:
    """x1 and x2; what only repeats is left to broadcasting, but for one of them."""
    operator, (y,) = _BINARY[node.op.code], node.outputs  # type: ignore[attr-defined]
    if any(map(w.has_first, node.inputs)):
        names = [_first_or_loose(w, x) for x in node.inputs]
        w.give_first(y, w.node(operator, *names))
    else:
        w.give(y, w.node(operator, *_broadcast(w, node.inputs)))


def _first_or_loose(w: Writer, x: Value) -> str:
    return w.first(x) if w.has_first(x) else w.loose_first(x) or w.first(x)


def _broadcast(w: Writer, values: Sequence[Value]) -> list[str]:
    """Names that broadcast to the shape of all: one of them has it."""
    names = [w.loose(x) for x in values]
    whole = any(w.is_whole(x) for x in values)
    return names if whole else [w.plain(values[0]), *names[1:]]


@emits(BinaryRow)
def binary_row(w: Writer, node: Node) -> None:
    """x and a row of its last axis."""
    operator, (x, row), (y,) = _BINARY[node.op.code], node.inputs, node.outputs  # type: ignore[attr-defined]
    if w.has_first(x):
        shape = turned((1,) * (len(x.shape) - 1) + row.shape)
        w.give_first(y, w.node(operator, w.first(x), w.seen(row, shape)))
    else:
        w.give(y, w.node(operator, w.plain(x), w.plain(row)))


@emits(Affine)
def affine(w: Writer, node: Node) -> None:
    """a x + b, without what changes nothing."""
    op = node.op
    assert isinstance(op, Affine)

    def made(name: str) -> str:
        if op.a != 1.0:
            name = w.node("Mul", name, w.number(op.a, node.inputs[0].dtype))
        if op.b != 0.0:
            name = w.node("Add", name, w.number(op.b, node.inputs[0].dtype))
        return name

    w.in_place(node, made)


@emits(Unary)
def unary(w: Writer, node: Node) -> None:
    """A function by code."""
    code = node.op.code  # type: ignore[attr-defined]

    def made(name: str) -> str:
        if code == codes.SQUARE:
            return w.node("Mul", name, name)
        if code == codes.LOG1P:
            return w.node("Log", w.node("Add", name, w.number(1.0)))
        for operator in _UNARY[code]:
            name = w.node(operator, name)
        return name

    w.in_place(node, made)


@emits(ScaleBy)
def scale_by(w: Writer, node: Node) -> None:
    """x times a factor (1,)."""
    factor = node.inputs[1]
    w.in_place(node, lambda name: w.node("Mul", name, w.plain(factor)))


@emits(Fill)
def nothing(w: Writer, node: Node) -> None:
    """What is made when it is asked for."""


@emits(Cast)
def cast(w: Writer, node: Node) -> None:
    """x in another type."""
    to = element_type(node.outputs[0].dtype)
    w.in_place(node, lambda name: w.node("Cast", name, to=to))


@emits(NotEqual)
def not_equal(w: Writer, node: Node) -> None:
    """Whether x is not a value; of a mask, which is 0 or 1, the mask or its opposite."""
    (x,), (y,), value = node.inputs, node.outputs, node.op.value  # type: ignore[attr-defined]
    if x.dtype == "uint8":
        assert value in (0, 1)
        name = w.plain(x)
        w.give(y, name if value == 0 else w.node("Not", name))
        return
    w.give(y, w.node("Not", w.node("Equal", w.plain(x), w.number(value, x.dtype))))


@emits(Either)
def either(w: Writer, node: Node) -> None:
    """Where one of two masks counts."""
    w.give(node.outputs[0], w.node("Or", *_broadcast(w, node.inputs)))


@emits(Both)
def both(w: Writer, node: Node) -> None:
    """Where two masks count."""
    w.give(node.outputs[0], w.node("And", *_broadcast(w, node.inputs)))


@emits(Select)
def select(w: Writer, node: Node) -> None:
    """x where the mask, of its leading axes, counts; else a value."""
    mask, x = node.inputs
    behind = (1,) * (len(x.shape) - len(mask.shape))
    value = np.array(node.op.value, x.dtype)  # type: ignore[attr-defined]
    chosen = w.node("Where", w.seen(mask, (*mask.shape, *behind)), w.plain(x), w.constant(value))
    w.give(node.outputs[0], chosen)
