"""Recurrences: one op over a whole sequence, its gradient another, the weights' gradient a product.

What differs between recurrences is said by a `Cell`; a step and its gradient are kernels. Letters: B
examples, T steps, U units, G gates, V the recurrent kernel (kernels/recurrence_arrays.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.kernels.codes import ACTIVATION_CODES
from nnctl.kernels.recurrence_arrays import Given, Layout, Saved, Setup, Slopes
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import matmul
from nnctl.ops.shape import broadcast_to, concatenate, reshape, slice_axis


@record
class Cell:
    """A recurrence's step, as far as ops must know it.

    Attributes:
        kernel: The file in nnctl/kernels, and what the names of its kernels begin with.
        gates: G: products of the input, and of the state, side by side.
        states: Vectors that go from step to step; the first comes out.
        saved: Values per unit that a step saves for its gradient.
        own_source: The gate whose product with V reads something else than the state before the step, if one
            does; its step writes that to `Saved.source`.
        own_slope: Whether the gradient of h V is not that of x W + b; it is written to `Slopes.hv` then.
        by_units: Whether a step can make some units without the gates of others.
    """

    kernel: str
    gates: int
    states: int = 1
    saved: int = 1
    own_source: int | None = None
    own_slope: bool = False
    by_units: bool = True

    def extra_gradient(self, kept: Sequence[Value], d_xw: Value, d_hv: Value) -> Value:
        """The gradient of the weight that only this cell has (`Given.extra`), where it has one.

        Args:
            kept: What was kept for the gradient, as `kept_shapes` says.
            d_xw, d_hv: Gradients of x W + b and of h V, (B, T, G U).
        """
        raise NotImplementedError(f"{self.kernel} has no weight of its own")

    def kept_shapes(self, b: int, t: int, n: int) -> list[tuple[int, ...]]:
        """What a gradient needs, as `Saved` has it."""
        source = [] if self.own_source is None else [(b, t, n)]
        return [(b, t, n), (t, b, self.saved * n), *source]


@record
class Recurrence(Op):
    """A cell over all steps.

    Inputs in order, the optional ones where the flags say so: xw = x W + b (B, T, G U), V (U, G U), [the
    cell's extra weight], [the initial states (B, U)], [mask (B, T) uint8], [factors (G, B, U) of the state
    before its product, by gate]. Outputs: y (B, T, U) in the order of iteration, the last states (B, U), then
    what the gradient needs, or working memory if nothing is kept.
    """

    cell: Cell
    activation: int
    """A code of kernels/codes.py, as the next."""
    recurrent_activation: int
    go_backwards: bool
    zero_masked: bool
    extra: bool
    started: bool
    """Whether initial states are given; zeros else."""
    mask: bool
    factors: bool
    kept: bool
    """Whether what the gradient needs is kept; without it there is none."""

    def sizes(self, inputs: Sequence[TensorType] | Sequence[Array]) -> tuple[int, int, int]:
        """B, T, U."""
        xw, v = inputs[:2]
        return xw.shape[0], xw.shape[1], v.shape[0]

    def infer(self, *inputs: TensorType) -> Types:
        xw, v = inputs[:2]
        b, t, n = self.sizes(inputs)
        if xw.shape[2] != self.cell.gates * n or v.shape != (n, self.cell.gates * n):
            raise ValueError(f"{self.cell.kernel} of {xw.shape} with a recurrent kernel of {v.shape}")
        kept = self.cell.kept_shapes(b, t, n) if self.kept else [(b, self.cell.saved * n)]
        shapes = [(b, t, n), *[(b, n)] * self.cell.states, *kept]
        return tuple(TensorType(shape, xw.dtype) for shape in shapes)

    def memory(self, inputs: Sequence[TensorType] | Sequence[Array]) -> Layout:
        """How the kernels use their scratch."""
        from nnctl.kernels.recurrence import memory_of

        cell, itemsize = self.cell, np.dtype(inputs[0].dtype).itemsize
        b, _, n = self.sizes(inputs)
        return memory_of(b, n, cell.gates, cell.states, cell.saved, itemsize)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        memory = self.memory(inputs)
        return np.dtype(inputs[0].dtype).itemsize * (memory.begin + threads * memory.size)

    def flops(self, inputs: Types, outputs: Types) -> int:
        b, t, n = self.sizes(inputs)
        return b * t * n * self.cell.gates * (2 * n + 10)

    def plan(self, inputs: Sequence[Array]) -> Setup:
        """The kernels' plain numbers."""
        b, t, n = self.sizes(inputs)
        return Setup(
            batch=b, steps=t, units=n, gates=self.cell.gates, saved=self.cell.saved,
            activation=self.activation, recurrent_activation=self.recurrent_activation,
            backwards=int(self.go_backwards), zero_masked=int(self.zero_masked),
        )  # fmt: skip

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        xw, v, *rest = inputs
        given = _InTurn(rest, xw.dtype)
        extra = given.take(self.extra)
        initial = given.take_each([self.started] * self.cell.states)
        mask, factors = given.take(self.mask, np.uint8), given.take(self.factors)
        out = _InTurn(outputs, xw.dtype)
        y, last = out.take(), out.take_each([True] * self.cell.states)
        own = self.kept and self.cell.own_source is not None
        saved = Saved(h=out.take(self.kept), planes=out.take(), source=out.take(own))
        flat = Given(xw=xw.reshape(-1), v=v, extra=extra, mask=mask, factors=factors)
        sizes = (self.plan(inputs), self.memory(inputs))
        args = (*sizes, flat, initial, scratch.view(xw.dtype), y, last, saved)
        kernel = "units" if self._by_units(inputs, threads) else "forward"
        return (KernelCall(f"{self.cell.kernel}.{self.cell.kernel}_{kernel}", args),)

    def _by_units(self, inputs: Arrays, threads: int) -> bool:
        """Whether several threads share the units of a single row."""
        from nnctl.kernels.recurrence_units import UNITS

        b, _, n = self.sizes(inputs)
        return self.cell.by_units and not self.kept and threads > 1 and b == 1 and n >= 2 * UNITS

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        assert self.kept, "a recurrence without its kept values has no gradient"
        cell, states = self.cell, self.cell.states
        arriving = dys[: 1 + states]
        if not any(arriving):
            return [None] * len(node.inputs)
        xw, v, *rest = node.inputs
        extra = rest[: self.extra]
        constant = rest[len(rest) - self.mask - self.factors :]
        kept = node.outputs[1 + states :]
        op = RecurrenceGrad(self, tuple(dy is not None for dy in arriving))
        given = [dy for dy in arriving if dy is not None]
        d_xw, *more = xw.graph.add(op, xw, v, *extra, *kept, *given, *constant)
        d_initial, d_hv = more[:states], more[-1] if cell.own_slope else d_xw
        return [
            d_xw,
            self._weight_gradient(kept, d_hv, constant[-1] if self.factors else None),
            *([cell.extra_gradient(kept, d_xw, d_hv)] if self.extra else []),
            *(d_initial if self.started else []),
            *[None] * len(constant),
        ]

    def _weight_gradient(self, kept: Sequence[Value], d_hv: Value, factors: Value | None) -> Value:
        """Gradient of V: what its products read, times their gradients, over all steps."""
        before, own = kept[0], self.cell.own_source
        if factors is None and own is None:
            return _over_steps(before, d_hv)
        b, _, n = before.shape
        parts = []
        for gate in range(self.cell.gates):
            source = before
            if gate == own:
                source = kept[-1]
            elif factors is not None:
                row = reshape(slice_axis(factors, 0, gate, gate + 1), (b, 1, n))
                source = multiply(before, broadcast_to(row, before.shape))
            parts.append(_over_steps(source, slice_axis(d_hv, 2, gate * n, (gate + 1) * n)))
        return concatenate(parts, 1)


@record
class RecurrenceGrad(Op):
    """The gradients of a recurrence, back through all steps.

    Inputs: xw, V, [the extra weight], what was kept, then of dy and the last states' gradients those that
    `arriving` says, then the mask and the factors where there are any. Outputs: the gradients of xw and of
    the initial states, [that of h V (B, T, G U)] if it is another than xw's.
    """

    of: Recurrence
    arriving: tuple[bool, ...]

    def infer(self, *inputs: TensorType) -> Types:
        xw, v = inputs[:2]
        state = TensorType((xw.shape[0], v.shape[0]), xw.dtype)
        return (xw, *[state] * self.of.cell.states, *([xw] if self.of.cell.own_slope else []))

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return self.of.scratch(inputs, outputs, threads)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return self.of.flops(inputs, outputs)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        of, cell = self.of, self.of.cell
        xw, v, *rest = inputs
        given = _InTurn(rest, xw.dtype)
        extra = given.take(of.extra)
        saved = Saved(h=given.take(), planes=given.take(), source=given.take(cell.own_source is not None))
        dy, *d_last = given.take_each(self.arriving)
        mask, factors = given.take(of.mask, np.uint8), given.take(of.factors)
        out = _InTurn(outputs, xw.dtype)
        d_xw, d_initial = out.take(), out.take_each([True] * cell.states)
        slopes = Slopes(xw=d_xw, hv=out.take(cell.own_slope))
        flat = Given(xw=xw.reshape(-1), v=v, extra=extra, mask=mask, factors=factors)
        sizes, work = (of.plan(inputs), of.memory(inputs)), scratch.view(xw.dtype)
        args = (*sizes, flat, dy, tuple(d_last), saved, work, slopes, d_initial)
        return (KernelCall(f"{cell.kernel}.{cell.kernel}_backward", args),)


class _InTurn:
    """Arrays of which some were left out, taken one after another: flat, and empty for what is absent."""

    def __init__(self, arrays: Sequence[Array], dtype: Any) -> None:
        self._arrays: Iterator[Array] = iter(arrays)
        self._dtype = dtype

    def take(self, given: bool = True, dtype: Any = None) -> Array:
        return next(self._arrays).reshape(-1) if given else np.zeros(0, dtype or self._dtype)

    def take_each(self, given: Sequence[bool]) -> tuple[Array, ...]:
        return tuple(self.take(one) for one in given)


def _over_steps(x: Value, d: Value) -> Value:
    """x^T d, all examples and steps as rows: x (B, T, J), d (B, T, K), result (J, K)."""
    return matmul(reshape(x, (-1, x.shape[2])), reshape(d, (-1, d.shape[2])), True, False)


def recurrence(
    cell: Cell, xw: Value, v: Value, activation: str = "tanh", recurrent_activation: str = "sigmoid", *,
    extra: Value | None = None, states: Sequence[Value] = (), mask: Value | None = None,
    factors: Value | None = None, go_backwards: bool = False, zero_output_for_mask: bool = False,
    keep: bool = True,
) -> tuple[Value, ...]:  # fmt: skip
    """A cell over xw = x W + b (B, T, G U): y (B, T, U) in the order of iteration, the last states (B, U).

    Args:
        v: The recurrent kernel (U, G U).
        activation, recurrent_activation: Names of activations; a cell need not use the second.
        extra: The weight that only this cell has.
        states: The initial states, (B, U) each; zeros if empty.
        mask: (B, T) uint8, 0 where the states are kept and the output repeated.
        factors: (G, B, U), what the state is multiplied by before its product, by gate (recurrent dropout).
        go_backwards, zero_output_for_mask: As in Keras.
        keep: Whether a gradient may be taken.
    """
    op = Recurrence(
        cell, ACTIVATION_CODES[activation], ACTIVATION_CODES[recurrent_activation], go_backwards,
        zero_output_for_mask, extra is not None, bool(states), mask is not None, factors is not None, keep,
    )  # fmt: skip
    given = [value for value in (extra, *states, mask, factors) if value is not None]
    return xw.graph.add(op, xw, v, *given)[: 1 + cell.states]
