"""Ops that rearrange: reshape (a view), copy."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.elementwise import fill
from nnctl.ops.sums import Spread


@record
class Reshape(Op):
    """x (any shape) seen as `shape`, the same memory."""

    shape: tuple[int, ...]
    view: ClassVar[bool] = True

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        if prod(self.shape) != x.size:
            raise ValueError(f"cannot see {x.shape} as {self.shape}")
        return (TensorType(self.shape, x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        return (reshape(dy, node.inputs[0].shape) if dy is not None else None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return ()


@record
class Copy(Op):
    """y = x, in memory of its own."""

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        return dys

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("copy.copy", (inputs[0].reshape(-1), outputs[0].reshape(-1))),)


def reshape(x: Value, shape: tuple[int, ...]) -> Value:
    """x seen as `shape`; one -1 is filled in. No data moves."""
    if -1 in shape:
        known = prod(n for n in shape if n != -1)
        shape = tuple(x.type.size // max(known, 1) if n == -1 else n for n in shape)
    return x if shape == x.shape else x.graph.add1(Reshape(shape), x)


def copy(x: Value) -> Value:
    """x in memory of its own."""
    return x.graph.add1(Copy(), x)


def _rows(x: Array, axis: int) -> Array:
    """x as (A, R): what is before `axis`, and the axis with what is behind it."""
    return x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))


def _runs(shape: tuple[int, ...], axis: int, start: int, step: int) -> tuple[int, int, int]:
    """Of a slice of that shape along `axis`: its start, its step and the elements side by side, in a row.

    Without gaps all of it is one run.
    """
    behind = prod(shape[axis + 1 :])
    run = behind * shape[axis] if step == 1 else behind
    return start * behind, step * behind, max(run, 1)


@record
class Concatenate(Op):
    """The inputs one after the other along `axis`."""

    axis: int

    def infer(self, *inputs: TensorType) -> Types:
        first = inputs[0]
        rest = [(x.shape[: self.axis], x.shape[self.axis + 1 :], x.dtype) for x in inputs]
        if any(r != rest[0] for r in rest):
            raise ValueError(f"cannot concatenate {[x.shape for x in inputs]} along axis {self.axis}")
        total = sum(x.shape[self.axis] for x in inputs)
        return (TensorType(rest[0][0] + (total,) + rest[0][1], first.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        parts, start = [], 0
        for x in node.inputs:
            length = x.shape[self.axis]
            parts.append(slice_axis(dy, self.axis, start, start + length))
            start += length
        return parts

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        y, made, start = _rows(outputs[0], self.axis), [], 0
        for x in inputs:
            rows = _rows(x, self.axis)
            made.append(KernelCall("copy.put_rows", (rows, start, y)))
            start += rows.shape[1]
        return made

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class Unstack(Op):
    """Each place along `axis` as a tensor without that axis."""

    axis: int

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        one = TensorType((*x.shape[: self.axis], *x.shape[self.axis + 1 :]), x.dtype)
        return (one,) * x.shape[self.axis]

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (graph,) = {dy.graph for dy in dys if dy is not None}
        parts = zip(dys, node.outputs, strict=True)
        whole = [fill(graph, y.shape, 0.0, y.dtype) if dy is None else dy for dy, y in parts]
        return (stack(whole, self.axis),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, run = _rows(inputs[0], self.axis), prod(inputs[0].shape[self.axis + 1 :])
        return [
            KernelCall("copy.take_runs", (x, place * run, run, max(run, 1), y.reshape(-1, run)))
            for place, y in enumerate(outputs)
        ]

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class Slice(Op):
    """x from `start` in steps of `step`, `length` of them, along `axis`."""

    axis: int
    start: int
    length: int
    step: int = 1

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        last = self.start + (self.length - 1) * self.step
        if self.length and not (0 <= self.start < x.shape[self.axis] and 0 <= last < x.shape[self.axis]):
            raise ValueError(f"{self} does not lie in {x.shape}")
        return (TensorType((*x.shape[: self.axis], self.length, *x.shape[self.axis + 1 :]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(SliceGrad(self.axis, self.start, self.step, node.inputs[0].shape), dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, y = _rows(inputs[0], self.axis), _rows(outputs[0], self.axis)
        runs = _runs(outputs[0].shape, self.axis, self.start, self.step)
        return (KernelCall("copy.take_runs", (x, *runs, y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


@record
class SliceGrad(Op):
    """The transpose of Slice: zeros of `shape` with dy at its place."""

    axis: int
    start: int
    step: int
    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(self.shape, inputs[0].dtype),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, dx = _rows(inputs[0], self.axis), _rows(outputs[0], self.axis)
        runs = _runs(inputs[0].shape, self.axis, self.start, self.step)
        return (KernelCall("copy.spread_runs", (dy, *runs, dx)),)


@record
class Transpose(Op):
    """x with two neighbouring axes swapped: `axis` and `axis` + 1."""

    axis: int

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        a = self.axis
        return (TensorType((*x.shape[:a], x.shape[a + 1], x.shape[a], *x.shape[a + 2 :]), x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        return (swap_axes(dy, self.axis) if dy is not None else None,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        a, shape = self.axis, inputs[0].shape
        before, after = prod(shape[:a]), prod(shape[a + 2 :])
        x = inputs[0].reshape(before, shape[a], shape[a + 1], after)
        y = outputs[0].reshape(before, shape[a + 1], shape[a], after)
        return (KernelCall("copy.transpose_middle", (x, y)),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 0


def concatenate(xs: Sequence[Value], axis: int) -> Value:
    """xs one after the other along `axis` (negative ones count from the end)."""
    return xs[0].graph.add1(Concatenate(axis % len(xs[0].shape)), *xs) if len(xs) > 1 else xs[0]


def unstack(x: Value, axis: int) -> tuple[Value, ...]:
    """Each place along `axis` as a tensor without that axis."""
    return x.graph.add(Unstack(axis % len(x.shape)), x)


def stack(xs: Sequence[Value], axis: int) -> Value:
    """xs, of one shape, side by side along a new `axis` of the result (not negative)."""
    shape = xs[0].shape
    return concatenate([reshape(x, (*shape[:axis], 1, *shape[axis:])) for x in xs], axis)


def slice_axis(x: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """x[start:stop:step] along `axis`; step may be -1 with stop = -1 for "down to the first"."""
    length = max(0, -((start - stop) // step))
    return x.graph.add1(Slice(axis % len(x.shape), start, length, step), x)


def swap_axes(x: Value, axis: int) -> Value:
    """x with axes `axis` and `axis` + 1 swapped."""
    return x.graph.add1(Transpose(axis), x)


def broadcast_to(x: Value, shape: tuple[int, ...]) -> Value:
    """x repeated along its axes of length 1, to `shape` (NumPy's rule, equal ranks)."""
    if len(x.shape) != len(shape):
        x = reshape(x, (1,) * (len(shape) - len(x.shape)) + x.shape)
    for axis, (have, want) in enumerate(zip(x.shape, shape, strict=True)):
        if have == want:
            continue
        if have != 1:
            raise ValueError(f"cannot broadcast {x.shape} to {shape}")
        narrow = reshape(x, x.shape[:axis] + x.shape[axis + 1 :])
        x = x.graph.add1(Spread((*x.shape[:axis], want, *x.shape[axis + 1 :]), axis, axis), narrow)
    return x


def repeat(x: Value, axis: int, times: int) -> Value:
    """x with each place along `axis` repeated `times` times, one after the other."""
    if times == 1:
        return x
    before, length, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    y = broadcast_to(reshape(x, (*before, length, 1, *after)), (*before, length, times, *after))
    return reshape(y, (*before, length * times, *after))
