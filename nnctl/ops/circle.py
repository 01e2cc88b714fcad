"""The circle loss of a batch's similarities."""

from __future__ import annotations

from typing import Any

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value


@record
class CircleLoss(Op):
    """Loss (N,) and whether it counts (N,) uint8, of similarities s (N, N) and class numbers (N,)."""

    gamma: float
    margin: float
    remove_diagonal: bool

    def infer(self, *inputs: TensorType) -> Types:
        s, labels = inputs
        if s.shape != (*labels.shape, *labels.shape) or not labels.dtype.startswith("int"):
            raise ValueError(f"class numbers {labels} do not fit similarities {s}")
        return TensorType(labels.shape, s.dtype), TensorType(labels.shape, "uint8")

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        if dys[0] is None:
            return None, None
        op = CircleLossGrad(self.gamma, self.margin, self.remove_diagonal)
        return dys[0].graph.add1(op, *node.inputs, dys[0]), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("circle.circle_loss", (*_given(self, inputs), *outputs)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 8 * inputs[0].size


@record
class CircleLossGrad(Op):
    """ds (N, N) of CircleLoss from s, the class numbers and dloss."""

    gamma: float
    margin: float
    remove_diagonal: bool

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("circle.circle_loss_grad", (*_given(self, inputs), inputs[2], outputs[0])),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 16 * inputs[0].size


def _given(op: CircleLoss | CircleLossGrad, inputs: Arrays) -> tuple[Any, ...]:
    t = inputs[0].dtype.type
    return inputs[0], inputs[1], t(op.gamma), t(op.margin), int(op.remove_diagonal)


def circle_loss(
    similarity: Value, labels: Value, gamma: float, margin: float, remove_diagonal: bool
) -> tuple[Value, Value]:
    """The loss of each example (N,), and which of them count (N,) uint8."""
    op = CircleLoss(float(gamma), float(margin), remove_diagonal)
    loss, counted = similarity.graph.add(op, similarity, labels)
    return loss, counted
