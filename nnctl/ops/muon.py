"""One step of Muon: a matrix moves along a direction whose singular values are brought near 1."""

from __future__ import annotations

from math import prod
from typing import ClassVar, TypeVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value
from nnctl.ops.linear import MatMul

_ALIGNED = 64
T = TypeVar("T")


@record
class OrthogonalStep(Op):
    """w -= rate scale NS(u) for the matrix (R, C) that starts at `start`. Inputs w, u (P,), hyper (H,).

    NS(u): x = u / |u|, then x = a x + (b A + c A A) x, A = x x^T, `steps` times; for R > C of the transpose.
    """

    start: int
    rows: int
    columns: int
    numbers: tuple[float, float, float]
    steps: int
    scale: float
    mutates: ClassVar[tuple[int, ...]] = (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    @property
    def _shapes(self) -> list[tuple[int, int]]:
        """x, then what is added to it; A, then A A."""
        x, n = (self.rows, self.columns), min(self.rows, self.columns)
        return [x, x, (n, n), (n, n)]

    @property
    def _products(self) -> tuple[MatMul, MatMul, MatMul]:
        """x x^T, A A, A x; or of the transpose: x^T x, A A, x A^T."""
        tall = self.rows > self.columns
        return MatMul(transpose_a=tall, transpose_b=not tall), MatMul(), MatMul(transpose_b=tall)

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        dtype = inputs[0].dtype
        x, y, a, aa = (TensorType(shape, dtype) for shape in self._shapes)
        squared, again, along = self._products
        work = (
            squared.scratch([x, x], [a], threads),
            again.scratch([a, a], [aa], threads),
            along.scratch(self._order(a, x), [y], threads),
        )
        return sum(_padded(t.nbytes) for t in (x, y, a, aa)) + max(work)

    def _order(self, a: T, x: T) -> list[T]:
        """A and x as the last product takes them."""
        return [x, a] if self.rows > self.columns else [a, x]

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        w, u, hyper = inputs
        t, stretch = w.dtype.type, slice(self.start, self.start + self.rows * self.columns)
        (x, y, a, aa), work = self._cut(scratch, w.dtype)
        m, b, c = map(t, self.numbers)
        squared, again, along = self._products
        calls = [KernelCall("muon.normalized", (u[stretch], x.reshape(-1)))]
        for _ in range(self.steps):
            calls += squared.calls([x, x], [a], work, threads)
            calls += again.calls([a, a], [aa], work, threads)
            calls.append(KernelCall("muon.blend", (b, c, aa.reshape(-1), a.reshape(-1))))
            calls += along.calls(self._order(a, x), [y], work, threads)
            calls.append(KernelCall("muon.blend", (m, t(1.0), y.reshape(-1), x.reshape(-1))))
        calls.append(KernelCall("muon.step", (x.reshape(-1), hyper[:1], t(self.scale), w[stretch])))
        return calls

    def _cut(self, scratch: Array, dtype: np.dtype) -> tuple[list[Array], Array]:
        """The four matrices, and what is left for products."""
        parts, at = [], 0
        for shape in self._shapes:
            nbytes = prod(shape) * dtype.itemsize
            parts.append(scratch[at : at + nbytes].view(dtype).reshape(shape))
            at += _padded(nbytes)
        return parts, scratch[at:]

    def flops(self, inputs: Types, outputs: Types) -> int:
        size, n = self.rows * self.columns, min(self.rows, self.columns)
        return self.steps * (4 * size * n + 2 * n**3) + 5 * size


def _padded(nbytes: int) -> int:
    return -(-nbytes // _ALIGNED) * _ALIGNED


def orthogonal_step(
    w: Value,
    u: Value,
    hyper: Value,
    place: tuple[int, int, int],
    numbers: tuple[float, float, float],
    steps: int,
    scale: float,
) -> None:
    """w -= rate scale NS(u) for the matrix at `place`: start, rows, columns (see OrthogonalStep)."""
    w.graph.add(OrthogonalStep(*place, numbers, steps, float(scale)), w, u, hyper)
