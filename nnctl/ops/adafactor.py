"""One step of Adafactor, matrix by matrix."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value


@record
class AdafactorStep(Op):
    """w after a step; g is used up. Inputs w, g (P,), hyper (H,), row, column (P,), table (V, 4) int64.

    A line of the table: where a weight starts, and its (A, R, C). A matrix's row means lie one after the
    other from the weight's start in `row`, its column means in `column`; a vector has A = 0, and its means in
    `row`.

    Args:
        numbers: Weight decay, epsilon_1, epsilon_2, clip_threshold.
    """

    numbers: tuple[float, ...]
    mutates: ClassVar[tuple[int, ...]] = (0, 1, 3, 4)

    def infer(self, *inputs: TensorType) -> Types:
        w, g, _, row, column, table = inputs
        if any(t != w for t in (g, row, column)) or table.shape[1:] != (4,):
            raise ValueError(f"a step of {w} got {inputs}")
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        w, g, hyper, row, column, table = inputs
        numbers = np.array(self.numbers, w.dtype)
        return (KernelCall("adafactor.adafactor_step", (g, hyper, table, numbers, row, column, w)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 14 * inputs[0].size


def _seen(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A weight's (A, R, C): matrices, rows, columns; A = 0 for a vector or a number."""
    return (0, 1, prod(shape)) if len(shape) < 2 else (prod(shape[:-2]), shape[-2], shape[-1])


def adafactor_step(
    w: Value,
    g: Value,
    hyper: Value,
    slots: Sequence[Value],
    starts: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    numbers: tuple[float, ...],
) -> None:
    """One step of Adafactor over flat buffers, in place (see AdafactorStep)."""
    lines = [(start, *_seen(shape)) for start, shape in zip(starts, shapes, strict=False)]
    table = w.graph.constant(np.array(lines, np.int64).reshape(-1, 4))
    w.graph.add(AdafactorStep(tuple(map(float, numbers))), w, g, hyper, *slots, table)
