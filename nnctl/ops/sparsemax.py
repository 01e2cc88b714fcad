"""Sparsemax over the last axis."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, Types, Value


def _rows(x: Array) -> Array:
    """x as (R, C), C its last axis."""
    return x.reshape(-1, x.shape[-1])


@record
class Sparsemax(Op):
    """y (..., C), the nearest to x whose rows are probabilities."""

    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(SparsemaxGrad(), node.outputs[0], dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("sparsemax.sparsemax", (_rows(inputs[0]), _rows(outputs[0]))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


@record
class SparsemaxGrad(Op):
    """dx from y and dy."""

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (_rows(inputs[0]), _rows(inputs[1]), _rows(outputs[0]))
        return (KernelCall("sparsemax.sparsemax_grad", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * outputs[0].size


def sparsemax(x: Value) -> Value:
    """max(x - t, 0) over the last axis, t such that it sums to 1."""
    return x.graph.add1(Sparsemax(), x)
