"""Arithmetic element by element (`ops/elementwise.py`, `ops/activation.py`)."""

from __future__ import annotations

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import C_TYPES, number
from nnctl.formats.c.writer import Writer
from nnctl.kernels import codes
from nnctl.ops.activation import Activation
from nnctl.ops.base import Node
from nnctl.ops.elementwise import Affine, Binary, BinaryRow, Cast, Fill, Unary

_COMBINED = {
    codes.ADD: "{a} + {b}",
    codes.SUBTRACT: "{a} - {b}",
    codes.MULTIPLY: "{a} * {b}",
    codes.DIVIDE: "{a} / {b}",
    codes.MAXIMUM: "{a} >= {b} || {a} != {a} ? {a} : {b}",
    codes.MINIMUM: "{a} <= {b} || {a} != {a} ? {a} : {b}",
}
_FUNCTIONS = {
    codes.NEGATE: "-x[i]",
    codes.ABSOLUTE: "ABS(x[i])",
    codes.SIGN: "x[i] > 0 ? 1 : x[i] < 0 ? -1 : x[i]",
    codes.SQUARE: "x[i] * x[i]",
    codes.SQRT: "SQRT(x[i])",
    codes.RSQRT: "1 / SQRT(x[i])",
    codes.RECIPROCAL: "1 / x[i]",
    codes.EXP: "exp_r(x[i])",
    codes.LOG: "log_r(x[i])",
    codes.LOG1P: "log1p_r(x[i])",
}
_HELPERS = {codes.EXP: "exp_r", codes.LOG: "log_r", codes.LOG1P: "log1p_r"}


@emits(Activation)
def _activation(w: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Activation)
    (x,), (y,) = node.inputs, node.outputs
    w.loop(x.type.size, f"y[i] = {w.applied(op.value)('x[i]')}", x=x, y=y)


@emits(Binary)
def _binary(w: Writer, node: Node) -> None:
    op, (a, b) = node.op, node.inputs
    assert isinstance(op, Binary)
    value = _COMBINED[op.code].format(a="a[i]", b="b[i]")
    w.loop(a.type.size, f"y[i] = {value}", a=a, b=b, y=node.outputs[0])


@emits(BinaryRow)
def _binary_row(w: Writer, node: Node) -> None:
    op, (x, row) = node.op, node.inputs
    assert isinstance(op, BinaryRow)
    value = _COMBINED[op.code].format(a="x[i]", b=f"row[i % {row.type.size}]")
    w.loop(x.type.size, f"y[i] = {value}", x=x, row=row, y=node.outputs[0])


@emits(Affine)
def _affine(w: Writer, node: Node) -> None:
    op, (x,) = node.op, node.inputs
    assert isinstance(op, Affine)
    value = f"x[i] * {number(op.a, w.dtype)} + {number(op.b, w.dtype)}"
    w.loop(x.type.size, f"y[i] = {value}", x=x, y=node.outputs[0])


@emits(Unary)
def _unary(w: Writer, node: Node) -> None:
    op, (x,) = node.op, node.inputs
    assert isinstance(op, Unary)
    if op.code in _HELPERS:
        w.helpers.need(_HELPERS[op.code])
    w.loop(x.type.size, f"y[i] = {_FUNCTIONS[op.code]}", x=x, y=node.outputs[0])


@emits(Fill)
def _fill(w: Writer, node: Node) -> None:
    op, (y,) = node.op, node.outputs
    assert isinstance(op, Fill)
    w.loop(y.type.size, f"y[i] = {number(op.value, y.dtype)}", y=y)


helper(
    "whole",
    """
/* x without its fraction; the least number of all for what is none, or too large. */
static int64_t whole(double x) { return x >= -0x1p63 && x < 0x1p63 ? (int64_t)x : INT64_MIN; }
""",
)


@emits(Cast)
def _cast(w: Writer, node: Node) -> None:
    (x,), (y,) = node.inputs, node.outputs
    value = "x[i] != 0" if y.dtype == "bool" else f"({C_TYPES[y.dtype]})x[i]"
    if x.dtype.startswith("float") and "int" in y.dtype:
        w.helpers.need("whole")
        value = f"({C_TYPES[y.dtype]})whole(x[i])"
    w.loop(y.type.size, f"y[i] = {value}", x=x, y=y)
