"""Functions of each element by formula: one op, its gradient from the input or the output."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import codes, functions
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import Binary
from nnctl.ops.formula import Formula
from nnctl.ops.parallel import COSTLY, widened


@record
class Activation(Op):
    """y = f(x), f's slope a formula of x or of y."""

    value: Formula
    slope: Formula
    from_output: bool = False
    """Whether the slope is a formula of y: then x need not be kept."""
    shares: bool = False
    """Whether the slope, of x, is made with less work beside the value than by itself."""
    bounds: tuple[float, float] | None = None
    """f(x) is x kept between these, if it is no more than that."""

    @property
    def slope_formulas(self) -> tuple[Callable[..., Any], ...]:
        """Functions that lead from x to the slope: one, or f and one of y."""
        return (self.value.function, self.slope.function) if self.from_output else (self.slope.function,)

    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        seen = node.outputs[0] if self.from_output else node.inputs[0]
        return (dy.graph.add1(ActivationGrad(self.slope), dy, seen),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y = inputs[0].reshape(-1), outputs[0].reshape(-1)
        kernel = widened("activation.activation", y.size * _cost(self.value), threads)
        return (KernelCall(kernel, (x, self.value.typed(x.dtype), y), (self.value.function,)),)

    def shared_with(self, later: Op) -> tuple[Op, Op] | None:
        """Its gradient: what is kept of x is the slope."""
        if self.shares and later == ActivationGrad(self.slope):
            return ValueAndSlope(self.value, self.slope), Binary(codes.MULTIPLY)
        return None


@record
class ValueAndSlope(Op):
    """(f(x), f'(x)), made together."""

    value: Formula
    slope: Formula
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((1, 0),)

    def infer(self, *inputs: TensorType) -> Types:
        return inputs[0], inputs[0]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, (y, slope) = inputs[0].reshape(-1), (a.reshape(-1) for a in outputs)
        kernel = widened("activation.value_and_slope", y.size * _cost(self.value), threads)
        args = (x, self.value.typed(x.dtype), self.slope.typed(x.dtype), y, slope)
        return (KernelCall(kernel, args, (self.value.function, self.slope.function)),)


@record
class ActivationGrad(Op):
    """dx = f'(v) dy from (dy, v): v is the input or the output, whichever the slope is a formula of."""

    slope: Formula
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def infer(self, *inputs: TensorType) -> Types:
        dy, v = inputs
        if dy != v:
            raise ValueError(f"the gradient is {dy}, the value {v}")
        return (dy,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, v = (x.reshape(-1) for x in inputs)
        dx = outputs[0].reshape(-1)
        kernel = widened("activation.activation_grad", dx.size * _cost(self.slope), threads)
        return (KernelCall(kernel, (v, dy, self.slope.typed(v.dtype), dx), (self.slope.function,)),)


def _cost(formula: Formula) -> int:
    """How long an element takes, in those of plain arithmetic."""
    return COSTLY if formula.calls else 1


def same(x: float) -> float:
    """x as it is."""
    return x


def one(x: float) -> float:
    """The slope of `same`."""
    return 1


LINEAR = Activation(Formula(same), Formula(one))
"""No activation, where an op may have one."""


def rectified(x: float) -> float:
    """max(x, 0), NaN of NaN."""
    return 0 if x <= 0 else x


def rectified_slope(y: float) -> float:
    """The slope of `rectified` where it gave y."""
    return 1 if y > 0 else 0


RELU = Activation(Formula(rectified), Formula(rectified_slope), from_output=True, bounds=(0.0, inf))
"""max(x, 0): what products and convolutions can do by the way."""
RELU_GRAD = ActivationGrad(RELU.slope)
"""Its gradient, where y is positive: these too."""


def sigmoid_slope(y: float) -> float:
    """The slope of the sigmoid where it gave y."""
    return y * (1 - y)


SIGMOID = Activation(Formula(functions.sigmoid), Formula(sigmoid_slope), from_output=True)
"""1 / (1 + e^-x): some losses read the logits before it."""


def sigmoid(x: Value) -> Value:
    """1 / (1 + e^-x)."""
    return x.graph.add1(SIGMOID, x)


def within(x: float, low: float, high: float) -> float:
    """x, or the end of the range that it lies beyond."""
    return low if x < low else (high if x > high else x)


def is_within(x: float, low: float, high: float) -> float:
    """The slope of `within`."""
    return 1 if low <= x and x <= high else 0


def clip(x: Value, low: float, high: float) -> Value:
    """x with what lies outside of [low, high] brought to its ends."""
    ends = (float(low), float(high))
    return x.graph.add1(Activation(Formula(within, ends), Formula(is_within, ends)), x)
