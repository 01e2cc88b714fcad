"""Updates: what happens to all gradients first, then one pass over flat buffers.

The nodes here write variables and have no outputs; they run in the order they were added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value
from nnctl.ops.formula import Formula

PARALLEL_FROM = 1 << 17
"""Weights from which a pass over all of them pays for several threads."""


def _pays(size: int, threads: int) -> bool:
    """Whether a pass over so many weights is cut into parts for several threads."""
    return threads > 1 and size >= PARALLEL_FROM


@record
class FirstNonFinite(Op):
    """The first weight with a NaN or infinite gradient, or -1: (1,) int64. Inputs g (P,), starts (V + 1,)."""

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((1,), "int64"),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        g, starts = inputs
        if not _pays(g.size, threads):
            return (KernelCall("gradients.first_non_finite", (g, starts, outputs[0])),)
        args = (g, starts, scratch.view(np.bool_), outputs[0])
        return (KernelCall("gradients.first_non_finite_parallel", args),)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.ranges import BLOCK

        return -(-inputs[0].size // BLOCK) if _pays(inputs[0].size, threads) else 0


@record
class StopUnlessFinite(Op):
    """Ends the run of a program where a step must not be taken. Inputs loss (1,), bad (1,) int64."""

    stops: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("gradients.stop_unless_finite", tuple(inputs)),)


@record
class Clip(Op):
    """Gradients clipped in place, by value or by the norm of each stretch. Inputs g (P,), starts (V + 1,)."""

    value: float
    by_norm: bool
    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        g = inputs[0]
        if self.by_norm:
            return (KernelCall("gradients.clip_by_norm", (self.value, inputs[1], g)),)
        return (KernelCall("gradients.clip_by_value", (self.value, g)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return (3 if self.by_norm else 2) * inputs[0].size


@record
class Update(Op):
    """One step of an optimizer. Inputs w, g (P,), hyper (H,) float64, then the slots (P,); w and slots are
    written.

    Args:
        after: A formula of w, g, the slots and the elements of hyper: w and the slots after the step.
        decay: The weight decay, which comes first: w -= (w decay) rate.
        slots: How many slots there are.
        numbers: Which of hyper's elements the formula takes: from the first of these to before the last.
        spans: The stretches of w that take the step, each from its start to before its end; None: all.
    """

    after: Formula
    decay: float
    slots: int
    numbers: tuple[int, int]
    spans: tuple[tuple[int, int], ...] | None = None

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The weights and every slot."""
        return (0, *range(3, 3 + self.slots))

    def infer(self, *inputs: TensorType) -> Types:
        flat = inputs[0]
        if any(t != flat for t in (inputs[1], *inputs[3:])):
            raise ValueError(f"an update of {flat} got {inputs}")
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        w, g, hyper, *slots = inputs
        steps = tuple(hyper[i : i + 1] for i in range(*self.numbers))
        decay, numbers = w.dtype.type(self.decay), self.after.typed(w.dtype)
        calls = []
        for start, end in self._spans(w.size):
            kernel = "optimizers.update"
            if _pays(end - start, threads):
                kernel += "_parallel"
            kept = tuple(slot[start:end] for slot in slots)
            args = (g[start:end], steps, decay, numbers, kept, w[start:end])
            calls.append(KernelCall(kernel, args, (self.after.function,)))
        return calls

    def _spans(self, size: int) -> Sequence[tuple[int, int]]:
        return ((0, size),) if self.spans is None else self.spans

    def flops(self, inputs: Types, outputs: Types) -> int:
        size = sum(end - start for start, end in self._spans(inputs[0].size))
        return (3 + self.after.operations) * size


@record
class TrustRatioStep(Op):
    """w -= rate |w| / |u| u for each weight's own norms. Inputs w, u (P,), hyper (H,), starts (V + 1,).

    The rate is hyper's first; the ratio is 1 where a norm is 0.
    """

    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        w, u, hyper, starts = inputs
        return (KernelCall("gradients.trust_ratio_step", (u, hyper[:1], starts, w)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 6 * inputs[0].size


def check_finite(gradients: Value, starts: Sequence[int]) -> Value:
    """The first weight with a NaN or infinite gradient, or -1: (1,) int64."""
    graph = gradients.graph
    return graph.add1(FirstNonFinite(), gradients, graph.constant(np.array(starts, np.int64)))


def stop_unless_finite(loss: Value, bad: Value) -> None:
    """End the program's run with a FloatingPointError: loss (1,) is not finite, or bad (1,) is not -1."""
    loss.graph.add(StopUnlessFinite(), loss, bad)


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


def update(
    w: Value,
    g: Value,
    hyper: Value,
    slots: Sequence[Value],
    after: Formula,
    decay: float,
    numbers: tuple[int, int] | None = None,
    spans: Sequence[tuple[int, int]] | None = None,
) -> None:
    """One step of an optimizer by formula (see Update), of all weights, with all of hyper by default."""
    used = (0, hyper.type.size) if numbers is None else numbers
    stretches = None if spans is None else _joined(spans)
    if stretches != ():
        w.graph.add(Update(after, float(decay), len(slots), used, stretches), w, g, hyper, *slots)


def _joined(spans: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The spans, in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]
        joined.append((start, end))
    return tuple(joined)


def trust_ratio_step(w: Value, u: Value, hyper: Value, starts: Sequence[int]) -> None:
    """w -= rate |w| / |u| u, by each weight's norms, in place; the rate is hyper's first."""
    w.graph.add(TrustRatioStep(), w, u, hyper, w.graph.constant(np.array(starts, np.int64)))
