"""Sums over neighbouring axes in a fixed order, and their transpose: repeating along axes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.parallel import PARALLEL_FROM, widened


def _middle(shape: tuple[int, ...], first: int, last: int) -> tuple[int, int, int]:
    """`shape` seen as (A, R, B) with axes first..last in the middle."""
    return prod(shape[:first]), prod(shape[first : last + 1]), prod(shape[last + 1 :])


@record
class SumAxes(Op):
    """y = scale * sum of x over the neighbouring axes first..last, which go away."""

    first: int
    last: int
    scale: float = 1.0

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        return (TensorType(x.shape[: self.first] + x.shape[self.last + 1 :], x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(Spread(node.inputs[0].shape, self.first, self.last, self.scale), dy),)

    def _parallel(self, x: TensorType, threads: int) -> bool:
        return threads > 1 and x.size >= PARALLEL_FROM and self.last + 1 < len(x.shape)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.reduce import column_blocks, middle_sum_scratch

        (x,) = inputs
        outer, rows, columns = _middle(x.shape, self.first, self.last)
        count = middle_sum_scratch(outer, rows, columns)
        if self._parallel(x, threads):
            count = outer * column_blocks(rows) * columns
        return count * np.dtype(x.dtype).itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (x,), (y,) = inputs, outputs
        outer, rows, columns = _middle(x.shape, self.first, self.last)
        if columns == 1:
            return (KernelCall("reduce.sum_rows", (x.reshape(outer, rows), self.scale, y.reshape(outer))),)
        parallel = self._parallel(TensorType(x.shape, x.dtype.name), threads)
        work = scratch.view(x.dtype).reshape(-1, columns)
        kernel = "reduce.sum_middle_parallel" if parallel else "reduce.sum_middle"
        args = (x.reshape(outer, rows, columns), self.scale, work, y.reshape(outer, columns))
        return (KernelCall(kernel, args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


@record
class Spread(Op):
    """The transpose of SumAxes: x repeated along new axes first..last of `shape`, times `scale`."""

    shape: tuple[int, ...]
    first: int
    last: int
    scale: float = 1.0

    def infer(self, *inputs: TensorType) -> Types:
        (x,) = inputs
        if x.shape != self.shape[: self.first] + self.shape[self.last + 1 :]:
            raise ValueError(f"cannot spread {x.shape} over {self.shape}")
        return (TensorType(self.shape, x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        return (dy.graph.add1(SumAxes(self.first, self.last, self.scale), dy),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        outer, rows, columns = _middle(self.shape, self.first, self.last)
        x, y = inputs[0].reshape(outer, columns), outputs[0].reshape(outer, rows, columns)
        return (KernelCall(widened("reduce.broadcast_middle", y.size, threads), (x, self.scale, y)),)

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        """A gradient that adds up the repeated rows: it takes each once."""
        behind = self.last == len(self.shape) - 2 and self.scale == 1.0
        return consumer.op if behind and consumer.op.takes_rows else None


def _span(x: Value, axes: Sequence[int]) -> tuple[int, int]:
    """(first, last) of neighbouring axes; batch is axis 0, negative ones count from the end."""
    rank = len(x.shape)
    found = sorted(a % rank for a in axes)
    if found != list(range(found[0], found[-1] + 1)):
        raise ValueError(f"axes {axes} are not neighbours")
    return found[0], found[-1]


def sum_axes(x: Value, axes: Sequence[int]) -> Value:
    """The sum over neighbouring axes, which go away."""
    return x if not axes else x.graph.add1(SumAxes(*_span(x, axes)), x)
