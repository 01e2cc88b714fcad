"""Softmax and log-softmax over the last axis, and the logits behind an output."""

from __future__ import annotations

from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.activation import SIGMOID
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, Types, Value
from nnctl.ops.parallel import widened


def _rows(x: Array) -> Array:
    """x as (R, C), C its last axis."""
    return x.reshape(-1, x.shape[-1])


@record
class Softmax(Op):
    """y = softmax(x) over the last axis, or its logarithm."""

    log: bool = False
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ()

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(SoftmaxGrad(self.log), node.outputs[0], dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y = _rows(inputs[0]), _rows(outputs[0])
        kernel = "softmax.log_softmax" if self.log else widened("softmax.softmax", y.size, threads)
        return (KernelCall(kernel, (x, y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


@record
class SoftmaxGrad(Op):
    """dx from y and dy."""

    log: bool = False

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        kernel = "softmax.log_softmax_grad" if self.log else "softmax.softmax_grad"
        return (KernelCall(kernel, (_rows(inputs[0]), _rows(inputs[1]), _rows(outputs[0]))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 4 * outputs[0].size


def softmax(x: Value) -> Value:
    """e^x / sum e^x over the last axis."""
    return x.graph.add1(Softmax(), x)


def log_softmax(x: Value) -> Value:
    """log(softmax(x)) over the last axis, in the form that does not overflow."""
    return x.graph.add1(Softmax(log=True), x)


def logits_of(y: Value, kind: str) -> Value | None:
    """x where y is softmax(x) (kind "softmax") or sigmoid(x) (kind "sigmoid"), else None.

    Shapes may have changed in between; the logits are seen in y's shape.
    """
    from nnctl.ops.shape import reshape

    node = y.node
    while node is not None and node.op.view and y.shape[-1:] == node.inputs[0].shape[-1:]:
        node = node.inputs[0].node
    if node is None:
        return None
    if kind == "softmax" and isinstance(node.op, Softmax) and not node.op.log:
        return reshape(node.inputs[0], y.shape)
    if kind == "sigmoid" and node.op == SIGMOID:
        return reshape(node.inputs[0], y.shape)
    return None
