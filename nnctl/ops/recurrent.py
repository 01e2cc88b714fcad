"""Recurrences: one op over a whole sequence, its gradient another, the weights' gradient a product.

Inputs in order, the optional ones where the op's flags say so: xw = x W + b (B, T, G U), the recurrent
kernel u (U, G U), [the recurrent bias (G U,)], [the initial states (B, U)], [mask (B, T) uint8], [factors
(G, B, U) of the state before its product, by gate]. Outputs: y (B, T, U) in the order of iteration, the last
states (B, U), then what the gradient needs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.codes import ACTIVATION_CODES
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import matmul
from nnctl.ops.shape import broadcast_to, concatenate, reshape, slice_axis
from nnctl.ops.sums import sum_axes


@dataclass(frozen=True)
class Recurrence(Op):
    """What the recurrences share; codes of activations as in kernels.codes."""

    activation: int
    recurrent_activation: int
    go_backwards: bool
    zero_masked: bool
    reset_after: bool
    bias: bool
    started: bool
    """Whether initial states are given; zeros else."""
    mask: bool
    factors: bool
    kept: bool
    """Whether what the gradient needs is kept; without it there is none."""

    cell: ClassVar[str]
    gates: ClassVar[int]
    states: ClassVar[int]

    def sizes(self, u: TensorType | Array, gates: TensorType | Array) -> tuple[int, int, int]:
        """B, T, U from the recurrent kernel and from any (B, T, ...)."""
        return gates.shape[0], gates.shape[1], u.shape[0]

    def take(self, rest: Sequence[Any], count: int, given: bool) -> tuple[list[Any | None], list[Any]]:
        """`count` optional values from the front of `rest`, Nones if not given; and what remains."""
        return (list(rest[:count]), list(rest[count:])) if given else ([None] * count, list(rest))

    def optional(self, inputs: Sequence[Any]) -> tuple[Any, list[Any], Any, Any]:
        """Bias, initial states, mask and factors out of the inputs; None where absent."""
        (bias,), rest = self.take(inputs[2:], 1, self.bias)
        states, rest = self.take(rest, self.states, self.started)
        (mask,), rest = self.take(rest, 1, self.mask)
        (factors,), rest = self.take(rest, 1, self.factors)
        return bias, states, mask, factors

    @abstractmethod
    def kept_shapes(self, b: int, t: int, n: int) -> list[tuple[int, ...]]:
        """Shapes of the outputs after the states; where nothing is kept, of working memory."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        xw, u = inputs[:2]
        b, t, n = self.sizes(u, xw)
        if xw.shape[2] != self.gates * n or u.shape != (n, self.gates * n):
            raise ValueError(f"{self.cell} of {xw.shape} with a recurrent kernel of {u.shape}")
        shapes = [(b, t, n), *[(b, n)] * self.states, *self.kept_shapes(b, t, n)]
        return tuple(TensorType(shape, xw.dtype) for shape in shapes)

    def scratch(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType], threads: int) -> int:
        module = import_module(f"nnctl.kernels.{self.cell}")
        itemsize = np.dtype(inputs[0].dtype).itemsize
        b, _, n = self.sizes(inputs[1], inputs[0])
        return int(module.scratch_size(b, n, itemsize, threads)) * itemsize

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        b, t, n = self.sizes(inputs[1], inputs[0])
        return b * t * n * self.gates * (2 * n + 10)

    def attributes(self, b: int, t: int, n: int) -> tuple[int, ...]:
        """The kernels' plain numbers, in their order."""
        codes = [self.activation]
        if self.cell != "simple_rnn":
            codes.append(self.recurrent_activation)
        if self.cell == "gru":
            codes.append(int(self.reset_after))
        return (b, t, n, *codes, int(self.go_backwards), int(self.zero_masked))

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        assert self.kept, "a recurrence without its kept values has no gradient"
        arriving = dys[: 1 + self.states]
        if not any(arriving):
            return [None] * len(node.inputs)
        xw, u = node.inputs[:2]
        _, _, mask, factors = self.optional(node.inputs)
        saved = node.outputs[1 + self.states :]
        op = RecurrenceGrad(self, tuple(dy is not None for dy in arriving))
        given = [v for v in (*arriving, mask, factors) if v is not None]
        dxw, d_inner, *dstates = xw.graph.add(op, xw, u, *saved, *given)
        du = self.weight_gradient(saved, d_inner if self.cell == "gru" and self.reset_after else dxw, factors)
        bias = [sum_axes(d_inner, (0, 1))] if self.bias else []
        states = dstates if self.started else []
        return [dxw, du, *bias, *states, *[None] * (self.mask + self.factors)]

    def weight_gradient(self, saved: Sequence[Value], d: Value, factors: Value | None) -> Value:
        """Gradient of u: the state before each step, times d, over all steps."""
        before = saved[0]
        reset_h = saved[1] if self.cell == "gru" and not self.reset_after else None
        if factors is None and reset_h is None:
            return _over_steps(before, d)
        n = before.shape[2]
        parts = []
        for gate in range(self.gates):
            source = before
            if gate == 2 and reset_h is not None:
                source = reset_h
            elif factors is not None:
                row = reshape(slice_axis(factors, 0, gate, gate + 1), (before.shape[0], 1, n))
                source = multiply(before, broadcast_to(row, before.shape))
            parts.append(_over_steps(source, slice_axis(d, 2, gate * n, (gate + 1) * n)))
        return concatenate(parts, 1)


def _over_steps(x: Value, d: Value) -> Value:
    """x^T d, all examples and steps as rows: x (B, T, J), d (B, T, K), result (J, K)."""
    return matmul(reshape(x, (-1, x.shape[2])), reshape(d, (-1, d.shape[2])), True, False)


def _flat(value: Array | None, dtype: Any) -> Array:
    """A flat view, empty for what is absent."""
    return np.zeros(0, dtype) if value is None else value.reshape(-1)


@dataclass(frozen=True)
class SimpleRNN(Recurrence):
    """h = a(xw + h U)."""

    cell: ClassVar[str] = "simple_rnn"
    gates: ClassVar[int] = 1
    states: ClassVar[int] = 1

    def kept_shapes(self, b: int, t: int, n: int) -> list[tuple[int, ...]]:
        return [(b, t, n), (t, b, n)] if self.kept else [(b, n)]

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        xw, u = inputs[:2]
        _, (h0,), mask, factors = self.optional(inputs)
        y, h, *kept = (o.reshape(-1) for o in outputs)
        before = kept.pop(0) if self.kept else _flat(None, xw.dtype)
        sizes = self.attributes(*self.sizes(u, xw))
        given = (_flat(h0, xw.dtype), _flat(mask, np.uint8), _flat(factors, xw.dtype))
        args = (xw.reshape(-1), u, *given, *sizes, scratch.view(xw.dtype), y, h, before, *kept)
        return (KernelCall("simple_rnn.simple_rnn_forward", args),)


@dataclass(frozen=True)
class LSTM(Recurrence):
    """Gates i, f, g, o; c = f c + i g; h = o a(c)."""

    cell: ClassVar[str] = "lstm"
    gates: ClassVar[int] = 4
    states: ClassVar[int] = 2

    def kept_shapes(self, b: int, t: int, n: int) -> list[tuple[int, ...]]:
        return [(b, t, n), (t, b, 4 * n), (t, b, n)] if self.kept else [(b, 4 * n), (b, n)]

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        xw, u = inputs[:2]
        _, (h0, c0), mask, factors = self.optional(inputs)
        y, h, c, *kept = (o.reshape(-1) for o in outputs)
        before = kept.pop(0) if self.kept else _flat(None, xw.dtype)
        sizes = self.attributes(*self.sizes(u, xw))
        states = (_flat(h0, xw.dtype), _flat(c0, xw.dtype))
        given = (*states, _flat(mask, np.uint8), _flat(factors, xw.dtype))
        args = (xw.reshape(-1), u, *given, *sizes, scratch.view(xw.dtype), y, h, c, before, *kept)
        return (KernelCall("lstm.lstm_forward", args),)


@dataclass(frozen=True)
class GRU(Recurrence):
    """Gates z, r, h; h = z h + (1 - z) hh."""

    cell: ClassVar[str] = "gru"
    gates: ClassVar[int] = 3
    states: ClassVar[int] = 1

    def kept_shapes(self, b: int, t: int, n: int) -> list[tuple[int, ...]]:
        if not self.kept:
            return [(b, 4 * n)]
        return [(b, t, n), *([] if self.reset_after else [(b, t, n)]), (t, b, 4 * n)]

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        xw, u = inputs[:2]
        bias, (h0,), mask, factors = self.optional(inputs)
        y, h, *kept, gates = (o.reshape(-1) for o in outputs)
        kept += [_flat(None, xw.dtype)] * (2 - len(kept))
        sizes = self.attributes(*self.sizes(u, xw))
        states = (_flat(bias, xw.dtype), _flat(h0, xw.dtype))
        given = (*states, _flat(mask, np.uint8), _flat(factors, xw.dtype))
        args = (xw.reshape(-1), u, *given, *sizes, scratch.view(xw.dtype), y, h, *kept, gates)
        return (KernelCall("gru.gru_forward", args),)


@dataclass(frozen=True)
class RecurrenceGrad(Op):
    """(dxw, d_inner, dstates...) of a recurrence, back through all steps.

    Inputs: xw (for its shape), u, what was kept, then of dy and the last states' gradients those that
    `arriving` says, then the mask and the factors where there are any. d_inner (B, T, G U) is the gradient of
    h U + b' for a GRU with `reset_after`, and empty (0,) for all others.
    """

    of: Recurrence
    arriving: tuple[bool, ...]

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        xw, u = inputs[:2]
        state = TensorType((xw.shape[0], u.shape[0]), xw.dtype)
        inner = xw if self.of.cell == "gru" and self.of.reset_after else TensorType((0,), xw.dtype)
        return (xw, inner, *[state] * self.of.states)

    def scratch(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType], threads: int) -> int:
        return self.of.scratch(inputs, outputs, threads)

    def flops(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        return self.of.flops(inputs, outputs)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        of, (xw, u, *rest) = self.of, inputs
        sizes = of.sizes(u, xw)
        count = len(of.kept_shapes(*sizes))
        saved, rest = rest[:count], rest[count:]
        dys = []
        for arrives in self.arriving:
            dys.append(_flat(rest.pop(0) if arrives else None, xw.dtype))
        mask = _flat(rest.pop(0) if of.mask else None, np.uint8)
        factors = _flat(rest.pop(0) if of.factors else None, xw.dtype)
        # A GRU's kernel reads the state before each step; the others need only what follows it.
        before = [saved[0].reshape(-1)] if of.cell == "gru" else []
        gates = [s.reshape(-1) for s in (saved[-1:] if of.cell == "gru" else saved[1:])]
        dxw, inner, *dstates = (o.reshape(-1) for o in outputs)
        results = (dxw, inner, *dstates) if of.cell == "gru" else (dxw, *dstates)
        kernel = {"gru": "gru_gradient.gru"}.get(of.cell, f"{of.cell}.{of.cell}") + "_backward"
        work = scratch.view(xw.dtype)
        args = (*dys, u, *before, *gates, mask, factors, *of.attributes(*sizes), work, *results)
        return (KernelCall(kernel, args),)


def _run(
    kind: type[Recurrence], xw: Value, u: Value, activations: tuple[str, str], *, bias: Value | None = None,
    states: Sequence[Value] = (), mask: Value | None = None, factors: Value | None = None,
    go_backwards: bool = False, zero_output_for_mask: bool = False, reset_after: bool = False,
    keep: bool = True,
) -> tuple[Value, ...]:  # fmt: skip
    """y and the last states."""
    first, second = (ACTIVATION_CODES[name] for name in activations)
    op = kind(
        first, second, go_backwards, zero_output_for_mask, reset_after,
        bias is not None, bool(states), mask is not None, factors is not None, keep,
    )  # fmt: skip
    given = [v for v in (bias, *states, mask, factors) if v is not None]
    return xw.graph.add(op, xw, u, *given)[: 1 + kind.states]


def simple_rnn(xw: Value, u: Value, activation: str = "tanh", **options: Any) -> tuple[Value, Value]:
    """SimpleRNN over xw = x W + b (B, T, U): y (B, T, U) and the last state (B, U).

    Options:
        states: The initial state, [h0 (B, U)]; zeros if empty.
        mask: (B, T) uint8, 0 where the state is kept and the output repeated.
        factors: (G, B, U), what the state is multiplied by before its product, by gate (recurrent dropout).
        go_backwards, zero_output_for_mask: As in Keras.
        keep: Whether a gradient may be taken (True).
    """
    y, h = _run(SimpleRNN, xw, u, (activation, "linear"), **options)
    return y, h


def lstm(
    xw: Value, u: Value, activation: str = "tanh", recurrent_activation: str = "sigmoid", **options: Any
) -> tuple[Value, Value, Value]:
    """LSTM over xw = x W + b (B, T, 4U): y (B, T, U), last h and last c (B, U). Options: `simple_rnn`'s."""
    y, h, c = _run(LSTM, xw, u, (activation, recurrent_activation), **options)
    return y, h, c


def gru(
    xw: Value, u: Value, bias: Value | None, activation: str = "tanh", recurrent_activation: str = "sigmoid",
    reset_after: bool = True, **options: Any,
) -> tuple[Value, Value]:  # fmt: skip
    """GRU over xw = x W + b (B, T, 3U): y (B, T, U) and the last state (B, U). Options: `simple_rnn`'s.

    bias (3U,) is added to h U, with `reset_after` only.
    """
    if bias is not None and not reset_after:
        raise ValueError("a recurrent bias needs reset_after")
    options["reset_after"] = reset_after
    y, h = _run(GRU, xw, u, (activation, recurrent_activation), bias=bias, **options)
    return y, h
