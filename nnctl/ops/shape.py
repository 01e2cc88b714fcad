"""Ops that rearrange: reshape (a view), copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nnctl.ops.base import Array, Call, Node, Op, TensorType, Value


@dataclass(frozen=True)
class Reshape(Op):
    """x (any shape) seen as `shape`, the same memory."""

    shape: tuple[int, ...]
    view: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        if prod(self.shape) != x.size:
            raise ValueError(f"cannot see {x.shape} as {self.shape}")
        return (TensorType(self.shape, x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        return (reshape(dy, node.inputs[0].shape) if dy is not None else None,)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[Call]:
        return ()


@dataclass(frozen=True)
class Copy(Op):
    """y = x, in memory of its own."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (inputs[0],)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        return dys

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[Call]:
        return (Call("copy.copy", (inputs[0].reshape(-1), outputs[0].reshape(-1))),)


def reshape(x: Value, shape: tuple[int, ...]) -> Value:
    """x seen as `shape`; one -1 is filled in. No data moves."""
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        shape = tuple(x.type.size // max(known, 1) if n == -1 else n for n in shape)
    return x if shape == x.shape else x.graph.add1(Reshape(shape), x)


def copy(x: Value) -> Value:
    """x in memory of its own."""
    return x.graph.add1(Copy(), x)
