"""Numbers of classes, counted; and bins that numbers fall into."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import cast


@record
class CountRows(Op):
    """y (R, D): how often each of 0 .. D - 1 is among numbers (R, T), by weights (R, T) if there are any.

    Numbers that are none of these do not count.
    """

    depth: int
    dtype: str
    once: bool = False
    """Whether what occurs counts as one, however often."""

    def infer(self, *inputs: TensorType) -> Types:
        numbers = inputs[0]
        if numbers.dtype != "int64" or len(numbers.shape) != 2:
            raise ValueError(f"counts of {numbers}")
        if inputs[1:] and inputs[1] != TensorType(numbers.shape, self.dtype):
            raise ValueError(f"counts of {numbers} by {inputs[1]}")
        return (TensorType((numbers.shape[0], self.depth), self.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        numbers, *weights = node.inputs
        return None, *(dy.graph.add1(PickRows(), numbers, dy) for _ in weights)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        weights = inputs[1] if inputs[1:] else np.empty((0, 0), self.dtype)
        return (KernelCall("categories.count_rows", (inputs[0], weights, self.once, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@record
class PickRows(Op):
    """y (R, T) = x (R, D) at numbers (R, T), row by row; 0 at a number that is no column."""

    def infer(self, *inputs: TensorType) -> Types:
        numbers, x = inputs
        return (TensorType(numbers.shape, x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        numbers, x = node.inputs
        return None, dy.graph.add1(CountRows(x.shape[1], x.dtype), numbers, dy)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("categories.pick_rows", (*inputs, outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class Bins(Op):
    """y = how many of the boundaries (D,), which never fall, are at most x; int64 of x's shape."""

    def infer(self, *inputs: TensorType) -> Types:
        x, boundaries = inputs
        if boundaries.dtype != x.dtype or len(boundaries.shape) != 1:
            raise ValueError(f"bins of {x} with boundaries {boundaries}")
        return (TensorType(x.shape, "int64"),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return None, None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, boundaries = inputs
        return (KernelCall("categories.bins", (x.reshape(-1), boundaries, outputs[0].reshape(-1))),)


def count_rows(numbers: Value, depth: int, dtype: str, weights: Value | None = None) -> Value:
    """How often, or by which weights, each of 0 .. depth - 1 occurs in a row of numbers (R, T)."""
    by = () if weights is None else (cast(weights, dtype),)
    return numbers.graph.add1(CountRows(depth, dtype), cast(numbers, "int64"), *by)


def occur(numbers: Value, depth: int, dtype: str) -> Value:
    """1 for each of 0 .. depth - 1 that is in a row of numbers (R, T), else 0."""
    return numbers.graph.add1(CountRows(depth, dtype, once=True), cast(numbers, "int64"))


def bins(x: Value, boundaries: Value) -> Value:
    """How many of the boundaries (D,) are at most x."""
    return x.graph.add1(Bins(), x, boundaries)
