"""One of several values, by a number drawn for the batch: only what is chosen is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Condition, KernelCall, Op, TensorType, Types, Value


@record
class Choose(Op):
    """y = other where the condition of (part, parts) holds of the number, else x; from (x, other, number).

    Where it does not, `other` is not read. Passes no gradient.
    """

    part: int
    parts: int
    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0), (0, 1))

    def infer(self, *inputs: TensorType) -> Types:
        x, other, _ = inputs
        if x != other:
            raise ValueError(f"{other} cannot stand for {x}")
        return (x,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("copy.copy_drawn", (*inputs, self.part, self.parts, *outputs)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


def one_of(x: Value, others: Sequence[Callable[[], Value]], number: Value, parts: int) -> Value:
    """What the one of `others` gives whose part of [0, 1), cut into so many, the number falls into; else x.

    Args:
        others: Each composes a value of x's type; its ops run only in the steps in which it is chosen.
        number: Drawn in [0, 1), one element.
    """
    y = x
    for part, compose in enumerate(others):
        with x.graph.only(Condition(number, part, parts)):
            other = compose()
        # One that gives x back (a change that leaves grey images alone) has nothing to choose.
        if other is not x:
            y = x.graph.add1(Choose(part, parts), y, other, number)
    return y
