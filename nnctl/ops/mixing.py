"""Examples mixed with one another: shares and orders drawn by the step, and sums by share."""

from __future__ import annotations

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, Graph, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import add
from nnctl.ops.embedding import embedding
from nnctl.ops.formula import Formula
from nnctl.ops.pixels import numbers
from nnctl.ops.shape import reshape


@record
class Shares(Op):
    """Rows of `type` (N, K) that sum to 1, of Dirichlet's distribution, from (step, alpha (1,))."""

    type: TensorType
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (self.type,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return None, None

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return 8 * self.type.shape[1]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        step, alpha = inputs
        args = (*self.key, step, alpha, scratch.view("float64"), outputs[0])
        return (KernelCall("mixing.dirichlet", args),)


@record
class Order(Op):
    """0 to count - 1 in random order (count,) int64, from (step,)."""

    count: int
    key: Key

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((self.count,), "int64"),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return (None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("mixing.permutation", (*self.key, inputs[0], outputs[0])),)


def shares(graph: Graph, shape: tuple[int, int], alpha: Value, key: Key) -> Value:
    """Rows (N, K) that sum to 1, of Dirichlet's distribution with K times alpha (1,)."""
    return graph.add1(Shares(TensorType(shape, graph.dtype), key), graph.step(), alpha)


def order(graph: Graph, count: int, key: Key) -> Value:
    """0 to count - 1 in random order."""
    return graph.add1(Order(count, key), graph.step())


def in_order(x: Value, places: Value) -> Value:
    """The examples of x (B, ...) at these places (B,)."""
    return reshape(embedding(places, reshape(x, (x.shape[0], -1))), x.shape)


def part(x: Value, share: Value) -> Value:
    """x (B, ...) times the share (B, 1) of each example."""
    return numbers(x, share, Formula(times), Formula(factor))


def mixed(x: Value, other: Value, share: Value) -> Value:
    """share x + (1 - share) other, by the share (B, 1) of each example."""
    return add(part(x, share), numbers(other, share, Formula(times_rest), Formula(rest)))


def times(x: float, share: float) -> float:
    """The part of a number."""
    return x * share


def factor(x: float, share: float) -> float:
    """Its slope."""
    return share


def times_rest(x: float, share: float) -> float:
    """What `times` leaves."""
    return x * (1 - share)


def rest(x: float, share: float) -> float:
    """Its slope."""
    return 1 - share
