"""What masks (uint8: 1 counts, 0 does not) do: join, and stand in for the rows of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from nnctl.core.arrays import Array
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value


@dataclass(frozen=True)
class Either(Op):
    """y = m1 or m2, all masks of one shape."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        m1, m2 = inputs
        if m1 != m2 or m1.dtype != "uint8":
            raise ValueError(f"masks of {m1} and {m2} do not join")
        return (m1,)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        m1, m2 = (m.reshape(-1) for m in inputs)
        return (KernelCall("elementwise.logical_or", (m1, m2, outputs[0].reshape(-1))),)


@dataclass(frozen=True)
class SelectRows(Op):
    """y = x where the mask counts, else `value`; mask (N, ...) of x's leading axes, x and y (N, ..., C)."""

    value: float

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        mask, x = inputs
        if mask.dtype != "uint8" or x.shape[: len(mask.shape)] != mask.shape:
            raise ValueError(f"a mask of {mask} does not fit {x}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        (dy,) = dys
        return None, select(node.inputs[0], dy, 0.0) if dy is not None else None

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        mask, x = inputs
        rows = (mask.size, prod(x.shape[mask.ndim :]))
        args = (mask.reshape(-1), x.reshape(rows), self.value, outputs[0].reshape(rows))
        return (KernelCall("elementwise.select_rows", args),)


def either(m1: Value, m2: Value) -> Value:
    """The mask that counts where m1 or m2 does."""
    return m1.graph.add1(Either(), m1, m2)


def select(mask: Value, x: Value, value: float) -> Value:
    """x where the mask (its leading axes) counts, `value` elsewhere."""
    return x.graph.add1(SelectRows(float(value)), mask, x)
