"""Random numbers counted by the step: each is drawn anew from (key, step, index)."""

from __future__ import annotations

from typing import Literal

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, Graph, KernelCall, Node, Op, TensorType, Types, Value


@record
class Noise(Op):
    """Random numbers of `type`, from (step,).

    The number at an index is a function of the key, the step and the index, so that what belongs to row i of
    a batch does not depend on how many rows there are.
    """

    type: TensorType
    law: Literal["normal", "uniform"]
    first: float
    """The mean, or the least."""
    second: float
    """The deviation, or what all are below."""
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (self.type,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        args = (*self.key, inputs[0], self.first, self.second, outputs[0].reshape(-1))
        return (KernelCall(f"draws.{self.law}", args),)


def normal(x: Value, mean: float, deviation: float, key: Key, step: Value) -> Value:
    """Normal numbers of x's shape and type; no gradient flows into them."""
    return x.graph.add1(Noise(x.type, "normal", float(mean), float(deviation), key), step)


def uniform(graph: Graph, shape: tuple[int, ...], key: Key) -> Value:
    """Numbers of `shape` in [0, 1)."""
    return graph.add1(Noise(TensorType(shape, graph.dtype), "uniform", 0.0, 1.0, key), graph.step())
