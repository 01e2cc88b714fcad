"""The angles of points in the plane."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import codes
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import add, at_least, divide, multiply, scale, unary


@record
class Angle(Op):
    """arctan2(y, x) from (y, x): the angle of each point (x, y), from -pi to pi.

    The gradient is 0 where both are.
    """

    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (0, 1))

    def infer(self, *inputs: TensorType) -> Types:
        y, x = inputs
        if y != x:
            raise ValueError(f"angles of {x} and {y}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        y, x = node.inputs
        square = add(unary(x, codes.SQUARE), unary(y, codes.SQUARE))
        share = divide(dy, at_least(square, float(np.finfo(x.dtype).tiny)))
        return multiply(share, x), scale(multiply(share, y), -1.0)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        y, x = (part.reshape(-1) for part in inputs)
        return (KernelCall("angle.angles", (y, x, outputs[0].reshape(-1))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 40 * outputs[0].size


def angle(y: Value, x: Value) -> Value:
    """The angle of each point (x, y), from -pi to pi."""
    return y.graph.add1(Angle(), y, x)
