"""Updates: what happens to all gradients first, then one fused pass an optimizer over flat buffers.

The nodes here write variables and have no outputs; they run in the order they were added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.ops.base import KernelCall, Op, TensorType, Value, dummy

PARALLEL_FROM = 1 << 19
"""Weights from which an update pays for several threads: it waits for memory, not for arithmetic."""


@dataclass(frozen=True)
class FirstNonFinite(Op):
    """The first weight with a NaN or infinite gradient, or -1: (1,) int64. Inputs g (P,), starts (V + 1,)."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType((1,), "int64"),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        return (KernelCall("gradients.first_non_finite", (inputs[0], inputs[1], outputs[0])),)


@dataclass(frozen=True)
class Clip(Op):
    """Gradients clipped in place, by value or by the norm of each stretch. Inputs g (P,), starts (V + 1,)."""

    value: float
    by_norm: bool
    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return ()

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        g = inputs[0]
        if self.by_norm:
            return (KernelCall("gradients.clip_by_norm", (self.value, inputs[1], g)),)
        return (KernelCall("gradients.clip_by_value", (self.value, g)),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return (3 if self.by_norm else 2) * inputs[0].size


@dataclass(frozen=True)
class Update(Op):
    """One step of an optimizer. Inputs w, g (P,), hyper (H,) float64, then the slots (P,); w and slots are
    written.

    Args:
        kernel: The function in kernels.optimizers.
        numbers: Its numbers between `hyper` and the slots.
        slots: Which of the slots that the kernel takes this optimizer keeps.
        parallel: Whether the kernel has a parallel form.
        work: Floating-point operations a weight.
    """

    kernel: str
    numbers: tuple[float | int, ...]
    slots: tuple[bool, ...]
    parallel: bool
    work: int

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The weights and every slot."""
        return (0, *range(3, 3 + sum(self.slots)))

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        flat = inputs[0]
        if any(t != flat for t in (inputs[1], *inputs[3:])):
            raise ValueError(f"an update of {flat} got {inputs}")
        return ()

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        w, g, hyper = inputs[:3]
        kept = iter(inputs[3:])
        slots = [next(kept) if used else dummy(w.dtype.name) for used in self.slots]
        name = f"optimizers.{self.kernel}"
        wide = self.parallel and threads > 1 and w.size >= PARALLEL_FROM
        kernel = f"{name}_parallel" if wide else name
        return (KernelCall(kernel, (g, hyper, *self.numbers, *slots, w)),)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return self.work * inputs[0].size


def check_finite(gradients: Value, starts: Sequence[int]) -> Value:
    """The first weight with a NaN or infinite gradient, or -1: (1,) int64."""
    graph = gradients.graph
    return graph.add1(FirstNonFinite(), gradients, graph.constant(np.array(starts, np.int64)))


def clip_by_value(gradients: Value, value: float) -> None:
    """Cut every gradient to [-value, value], in place."""
    gradients.graph.add(Clip(float(value), False), gradients)


def clip_by_norm(gradients: Value, starts: Sequence[int], norm: float) -> None:
    """Scale each weight's gradient down to `norm` where its norm is larger, in place."""
    graph = gradients.graph
    graph.add(Clip(float(norm), True), gradients, graph.constant(np.array(starts, np.int64)))


def clip_by_global_norm(gradients: Value, norm: float) -> None:
    """Scale all gradients down to `norm` together where their norm is larger, in place."""
    clip_by_norm(gradients, (0, gradients.type.size), norm)


def sgd(
    w: Value, g: Value, hyper: Value, m: Value | None, decay: float, momentum: float, nesterov: bool
) -> None:
    """Gradient descent; slot m is the momentum. hyper: the rate."""
    numbers = (float(decay), float(momentum), int(nesterov))
    op = Update("sgd", numbers, (m is not None,), True, 4 if m is None else 6)
    w.graph.add(op, w, g, hyper, *([] if m is None else [m]))


def adam(
    w: Value,
    g: Value,
    hyper: Value,
    slots: Sequence[Value],
    decay: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Adam with slots m and v, AMSGrad with a third. hyper: the rate, and the rate without bias."""
    numbers = (float(decay), 1.0 - beta_1, 1.0 - beta_2, float(epsilon))
    op = Update("amsgrad" if len(slots) == 3 else "adam", numbers, (True,) * len(slots), len(slots) == 2, 14)
    w.graph.add(op, w, g, hyper, *slots)


def rmsprop(
    w: Value,
    g: Value,
    hyper: Value,
    v: Value,
    m: Value | None,
    a: Value | None,
    decay: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> None:
    """RMSprop; slots: mean square v, momentum m, mean gradient a. hyper: the rate."""
    if m is None and a is None:
        op = Update("rmsprop", (float(decay), float(rho), float(epsilon)), (True,), False, 10)
        w.graph.add(op, w, g, hyper, v)
        return
    numbers = (float(decay), float(rho), float(momentum), int(a is not None), float(epsilon))
    op = Update("rmsprop_full", numbers, (True, m is not None, a is not None), False, 16)
    w.graph.add(op, w, g, hyper, *[slot for slot in (v, m, a) if slot is not None])


def adagrad(w: Value, g: Value, hyper: Value, total: Value, decay: float, epsilon: float) -> None:
    """Adagrad; slot: the sum of squares. hyper: the rate."""
    op = Update("adagrad", (float(decay), float(epsilon)), (True,), False, 9)
    w.graph.add(op, w, g, hyper, total)
