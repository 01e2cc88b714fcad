"""Ops that rewrite a weight after an update so that it satisfies a constraint."""

from __future__ import annotations

from math import prod
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value

EPSILON = 1e-7
"""What Keras adds to a norm that divides (keras.config.epsilon)."""


@record
class BoundNorms(Op):
    """Scale w (A, R, B), seen so around axes `first`..`last`, to norms over R within [low, high]."""

    first: int
    last: int
    low: float
    high: float
    rate: float
    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        (w,) = inputs
        if not 0 <= self.first <= self.last < len(w.shape):
            raise ValueError(f"{w.shape} has no axes {self.first} to {self.last}")
        return ()

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        (w,) = inputs
        return prod(w.shape[self.last + 1 :]) * np.dtype(w.dtype).itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (w,) = inputs
        before, over = prod(w.shape[: self.first]), prod(w.shape[self.first : self.last + 1])
        seen = w.reshape(before, over, -1)
        args = (self.low, self.high, self.rate, EPSILON, scratch.view(w.dtype), seen)
        return (KernelCall("constraints.bound_norms", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 3 * inputs[0].size


@record
class NonNegative(Op):
    """w = max(w, 0)."""

    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("constraints.non_negative", (inputs[0].reshape(-1),)),)


def bound_norms(weight: Value, axes: tuple[int, int], low: float, high: float, rate: float) -> None:
    """Rewrite the variable so that its norms over axes first..last move into [low, high], by `rate`."""
    weight.graph.add(BoundNorms(*axes, float(low), float(high), float(rate)), weight)


def non_negative(weight: Value) -> None:
    """Rewrite the variable so that nothing in it is below zero."""
    weight.graph.add(NonNegative(), weight)
