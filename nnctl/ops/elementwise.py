"""Arithmetic element by element: of two tensors, with a row, with numbers."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import codes
from nnctl.ops.base import Arrays, Calls, Gradients, Graph, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.parallel import widened
from nnctl.ops.sums import sum_axes


@record
class Binary(Op):
    """y = x1 (code) x2, all of one shape. Codes: kernels.codes.ADD and so on."""

    code: int
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (0, 1))

    def infer(self, *inputs: TensorType) -> Types:
        x1, x2 = inputs
        if x1 != x2:
            raise ValueError(f"elementwise arithmetic of {x1} and {x2}")
        return (x1,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x1, x2 = node.inputs
        if self.code == codes.ADD:
            return dy, dy
        if self.code == codes.SUBTRACT:
            return dy, scale(dy, -1.0)
        if self.code == codes.MULTIPLY:
            return multiply(dy, x2), multiply(dy, x1)
        if self.code == codes.DIVIDE:
            quotient = divide(dy, x2)
            return quotient, scale(multiply(quotient, node.outputs[0]), -1.0)
        return dy.graph.add(ExtremumGrad(self.code), x1, x2, dy)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x1, x2 = (x.reshape(-1) for x in inputs)
        y = outputs[0].reshape(-1)
        return (KernelCall(widened("elementwise.binary", y.size, threads), (x1, x2, self.code, y)),)


@record
class ExtremumGrad(Op):
    """Gradients of maximum or minimum: to the input that won, halved where equal."""

    code: int

    def infer(self, *inputs: TensorType) -> Types:
        return inputs[0], inputs[1]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x1, x2, dy = (x.reshape(-1) for x in inputs)
        dx1, dx2 = (x.reshape(-1) for x in outputs)
        return (KernelCall("elementwise.extremum_grad", (x1, x2, self.code, dy, dx1, dx2)),)


@record
class Affine(Op):
    """y = a x + b for numbers a and b."""

    a: float
    b: float
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (scale(dy, self.a),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        return (KernelCall(widened("elementwise.affine", y.size, threads), (x, self.a, self.b, y)),)


@record
class BinaryRow(Op):
    """y[..., c] = x[..., c] (code) row[c]; x (..., C), row (C,). ADD, SUBTRACT or MULTIPLY."""

    code: int
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def infer(self, *inputs: TensorType) -> Types:
        x, row = inputs
        if row.shape != x.shape[-1:]:
            raise ValueError(f"a row of {row.shape} does not fit {x.shape}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x, row = node.inputs
        axes = tuple(range(len(x.shape) - 1))
        if self.code == codes.MULTIPLY:
            return multiply_row(dy, row), sum_axes(multiply(dy, x), axes)
        total = sum_axes(dy, axes)
        return dy, total if self.code == codes.ADD else scale(total, -1.0)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        columns = inputs[1].size
        x, y = inputs[0].reshape(-1, columns), outputs[0].reshape(-1, columns)
        return (KernelCall("elementwise.binary_row", (x, inputs[1], self.code, y)),)


@record
class Unary(Op):
    """y = f(x) by code: kernels.codes.SQUARE, ABSOLUTE and so on."""

    code: int
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        (x,), (y,) = node.inputs, node.outputs
        match self.code:
            case codes.NEGATE:
                return (scale(dy, -1.0),)
            case codes.ABSOLUTE:
                return (multiply(dy, unary(x, codes.SIGN)),)
            case codes.SQUARE:
                return (multiply(dy, scale(x, 2.0)),)
            case codes.SQRT:
                return (scale(divide(dy, y), 0.5),)
            case codes.EXP:
                return (multiply(dy, y),)
            case codes.LOG:
                return (divide(dy, x),)
        return super().grad(node, *dys)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("elementwise.unary", (inputs[0].reshape(-1), self.code, outputs[0].reshape(-1))),)


@record
class Fill(Op):
    """A tensor of one value."""

    type: TensorType
    value: float

    def infer(self, *inputs: TensorType) -> Types:
        return (self.type,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("elementwise.fill", (self.value, outputs[0].reshape(-1))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class Cast(Op):
    """x in another dtype. No gradient flows through."""

    dtype: str

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(inputs[0].shape, self.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        (x,) = node.inputs
        return (cast(dy, x.dtype) if dy is not None and x.dtype.startswith("float") else None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("elementwise.cast", (inputs[0].reshape(-1), outputs[0].reshape(-1))),)


def _binary(code: int, x1: Value, x2: Value) -> Value:
    return x1.graph.add1(Binary(code), x1, x2)


def add(x1: Value, x2: Value) -> Value:
    """x1 + x2."""
    return _binary(codes.ADD, x1, x2)


def subtract(x1: Value, x2: Value) -> Value:
    """x1 - x2."""
    return _binary(codes.SUBTRACT, x1, x2)


def multiply(x1: Value, x2: Value) -> Value:
    """x1 * x2."""
    return _binary(codes.MULTIPLY, x1, x2)


def divide(x1: Value, x2: Value) -> Value:
    """x1 / x2."""
    return _binary(codes.DIVIDE, x1, x2)


def maximum(x1: Value, x2: Value) -> Value:
    """The larger of x1 and x2."""
    return _binary(codes.MAXIMUM, x1, x2)


def minimum(x1: Value, x2: Value) -> Value:
    """The smaller of x1 and x2."""
    return _binary(codes.MINIMUM, x1, x2)


def affine(x: Value, a: float, b: float) -> Value:
    """a x + b."""
    return x.graph.add1(Affine(float(a), float(b)), x)


def scale(x: Value, c: float) -> Value:
    """c x."""
    return affine(x, c, -0.0)


def shift(x: Value, c: float) -> Value:
    """x + c."""
    return affine(x, 1.0, c)


def add_row(x: Value, row: Value) -> Value:
    """x + row, along the last axis."""
    return x.graph.add1(BinaryRow(codes.ADD), x, row)


def multiply_row(x: Value, row: Value) -> Value:
    """x * row, along the last axis."""
    return x.graph.add1(BinaryRow(codes.MULTIPLY), x, row)


def unary(x: Value, code: int) -> Value:
    """f(x) by code."""
    return x.graph.add1(Unary(code), x)


def fill(graph: Graph, shape: tuple[int, ...], value: float, dtype: str | None = None) -> Value:
    """A tensor of `shape` with one value everywhere."""
    return graph.add1(Fill(TensorType(shape, dtype or graph.dtype), float(value)))


def at_least(x: Value, least: float) -> Value:
    """x, or `least` where that is larger; a NaN stays."""
    return maximum(x, fill(x.graph, x.shape, least, x.dtype))


def at_most(x: Value, most: float) -> Value:
    """x, or `most` where that is smaller; a NaN stays."""
    return minimum(x, fill(x.graph, x.shape, most, x.dtype))


def cast(x: Value, dtype: str) -> Value:
    """x as `dtype`, itself where it is that already."""
    return x if x.dtype == dtype else x.graph.add1(Cast(dtype), x)
