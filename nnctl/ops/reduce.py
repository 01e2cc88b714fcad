"""Sums of everything, in a fixed order, and multiplication by one number: each is in the other's gradient."""

from __future__ import annotations

from itertools import groupby
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels import codes
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import multiply, scale, unary
from nnctl.ops.parallel import PARALLEL_FROM
from nnctl.ops.shape import reshape
from nnctl.ops.sums import Spread, sum_axes


@record
class SumAll(Op):
    """y (1,) = scale * the sum of all x, of their squares or of their absolute values, by code."""

    code: int = codes.SUM
    scale: float = 1.0

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((1,), inputs[0].dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        (x,) = node.inputs
        if self.code == codes.SUM_OF_SQUARES:
            return (scale_by(scale(x, 2.0 * self.scale), dy),)
        if self.code == codes.SUM_OF_ABSOLUTES:
            return (scale_by(scale(unary(x, codes.SIGN), self.scale), dy),)
        spread = dy.graph.add1(Spread((1, x.type.size), 1, 1, self.scale), dy)
        return (reshape(spread, x.shape),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.reduce import whole_sum_scratch

        return whole_sum_scratch(inputs[0].size) * np.dtype(inputs[0].dtype).itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x = inputs[0].reshape(-1)
        parallel = threads > 1 and x.size >= PARALLEL_FROM
        kernel = "reduce.sum_all_parallel" if parallel else "reduce.sum_all"
        return (KernelCall(kernel, (x, self.code, self.scale, scratch.view(x.dtype), outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@record
class ScaleBy(Op):
    """y = factor x, for a factor (1,) that the program computes."""

    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x, factor = node.inputs
        return scale_by(dy, factor), sum_all(multiply(dy, x))

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (
            KernelCall("elementwise.scale_by", (inputs[0].reshape(-1), inputs[1], outputs[0].reshape(-1))),
        )


def sum_to(x: Value, shape: tuple[int, ...]) -> Value:
    """x summed over the axes that `broadcast_to` would stretch `shape` along: its transpose."""
    narrow = (1,) * (len(x.shape) - len(shape)) + shape
    runs = groupby(range(len(narrow)), lambda axis: narrow[axis] != x.shape[axis])
    # From the last run of stretched axes to the first, so that those in front keep their places.
    for axes in reversed([list(run) for stretched, run in runs if stretched]):
        x = sum_axes(x, axes)
    return reshape(x, shape)


def sum_all(x: Value, factor: float = 1.0) -> Value:
    """factor * the sum of everything, as (1,)."""
    return x.graph.add1(SumAll(codes.SUM, float(factor)), x)


def sum_of_squares(x: Value, factor: float = 1.0) -> Value:
    """factor * the sum of all squares, as (1,)."""
    return x.graph.add1(SumAll(codes.SUM_OF_SQUARES, float(factor)), x)


def sum_of_absolutes(x: Value, factor: float = 1.0) -> Value:
    """factor * the sum of all absolute values, as (1,)."""
    return x.graph.add1(SumAll(codes.SUM_OF_ABSOLUTES, float(factor)), x)


def scale_by(x: Value, factor: Value) -> Value:
    """factor x, for a factor (1,)."""
    return x.graph.add1(ScaleBy(), x, factor)
