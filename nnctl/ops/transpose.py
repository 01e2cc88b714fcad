"""Moving one axis of a tensor to another place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from nnctl.ops.base import Array, Call, Node, Op, TensorType, Value


@dataclass(frozen=True)
class MoveAxis(Op):
    """y is x with axis `source` at place `target`, the other axes in their order."""

    source: int
    target: int

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        shape = list(x.shape)
        shape.insert(self.target, shape.pop(self.source))
        return (TensorType(tuple(shape), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        return (move_axis(dy, self.target, self.source) if dy is not None else None,)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[Call]:
        (x,), (y,) = inputs, outputs
        low, high = sorted((self.source, self.target))
        # The axis changes places with the run of axes between: (A, R, S, B) becomes (A, S, R, B).
        split = self.source + 1 if self.source == low else self.source
        before, first, second = prod(x.shape[:low]), prod(x.shape[low:split]), prod(x.shape[split : high + 1])
        seen = x.reshape(before, first, second, -1)
        return (Call("copy.transpose_middle", (seen, y.reshape(before, second, first, -1))),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return 0


def move_axis(x: Value, source: int, target: int) -> Value:
    """x with axis `source` at place `target`; both count from 0."""
    return x if source == target else x.graph.add1(MoveAxis(source, target), x)
