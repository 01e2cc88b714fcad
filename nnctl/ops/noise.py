"""Random numbers counted by the step: each is drawn anew from (key, step, index)."""

from __future__ import annotations

from dataclasses import dataclass

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value


@dataclass(frozen=True)
class Normal(Op):
    """Normal numbers of `type`, from (step,)."""

    type: TensorType
    mean: float
    deviation: float
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (self.type,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (*self.key, inputs[0], self.mean, self.deviation, outputs[0].reshape(-1))
        return (KernelCall("draws.normal", args),)


def normal(x: Value, mean: float, deviation: float, key: Key, step: Value) -> Value:
    """Normal numbers of x's shape and type; no gradient flows into them."""
    return x.graph.add1(Normal(x.type, float(mean), float(deviation), key), step)
