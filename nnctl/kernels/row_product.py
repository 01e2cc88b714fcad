"""One row times a matrix: what a product is for a batch of one. The matrix is read once, where it lies.

Order of accumulation: that of `panels`, so that a row has the same bits alone and among others.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.extending import register_jitable

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import LANES, all16, load16, multiply_add, store16
from nnctl.kernels.matmul import SERIAL
from nnctl.kernels.panels import block_depth
from nnctl.kernels.simd import fma


@register_jitable
def room(n: int) -> int:
    """Elements of scratch for a row of N columns."""
    return (n + LANES - 1) // LANES * LANES


COLUMNS = 256
"""Columns of a task, at least: a thread's own, whose sums stay in the first-level cache."""

MOST_COLUMNS = 1024
"""Columns of a task, at most. Memory is read faster the longer the pieces of its rows are."""


@register_jitable
def task_columns(n: int) -> int:
    """Columns of a task, of N: half of them within the bounds, so that there are two tasks at least."""
    return min(MOST_COLUMNS, max(COLUMNS, room((n + 1) // 2)))


@inline
def in_vectors(b: Any, row: int, j1: int) -> int:
    """Up to where columns of a row of B that begins at `row` are read in vectors.

    The last one may reach into the next row, and its sums beyond the last column; but not out of B.
    """
    over = (j1 + LANES - 1) // LANES * LANES
    return over if row + over <= b.size else j1 // LANES * LANES


@inline
def _add_rows(a: Any, b: Any, n: int, k: int, j0: int, j1: int, sums: Any) -> None:
    """sums += a[k + i] * B[k + i] for i = 0 to 7, in this order: sums are read once for eight rows of B."""
    at = k * n
    whole = in_vectors(b, at + 7 * n, j1)
    f0, f1, f2, f3 = all16(b, a[k]), all16(b, a[k + 1]), all16(b, a[k + 2]), all16(b, a[k + 3])
    f4, f5, f6, f7 = all16(b, a[k + 4]), all16(b, a[k + 5]), all16(b, a[k + 6]), all16(b, a[k + 7])
    for j in range(j0, whole, LANES):
        row = at + j
        total = multiply_add(f0, load16(b, row), load16(sums, j))
        total = multiply_add(f1, load16(b, row + n), total)
        total = multiply_add(f2, load16(b, row + 2 * n), total)
        total = multiply_add(f3, load16(b, row + 3 * n), total)
        total = multiply_add(f4, load16(b, row + 4 * n), total)
        total = multiply_add(f5, load16(b, row + 5 * n), total)
        total = multiply_add(f6, load16(b, row + 6 * n), total)
        store16(sums, j, multiply_add(f7, load16(b, row + 7 * n), total))
    for j in range(whole, j1):
        for i in range(8):
            sums[j] = fma(a[k + i], b[at + i * n + j], sums[j])


@inline
def _add_row(a: Any, b: Any, n: int, k: int, j0: int, j1: int, sums: Any) -> None:
    """sums += a[k] * B[k]."""
    whole, factor = in_vectors(b, k * n, j1), all16(b, a[k])
    for j in range(j0, whole, LANES):
        store16(sums, j, multiply_add(factor, load16(b, k * n + j), load16(sums, j)))
    for j in range(whole, j1):
        sums[j] = fma(a[k], b[k * n + j], sums[j])


@numba.njit(error_model="numpy", nogil=True)
def _columns(
    a: Any, b: Any, bias: Any, relu: int, gate: Any, j0: int, columns: int, sums: Any, c: Any
) -> None:
    """A task: some columns from j0 on."""
    k, n = a.size, c.size
    j1, depth, zero = min(n, j0 + columns), block_depth(k), c.dtype.type(0)
    for j in range(j0, j1):
        c[j] = zero
    for first in range(0, max(k, 1), depth):
        end = min(k, first + depth)
        eights = end - (end - first) % 8
        for j in range(j0, j1):
            sums[j] = zero
        for r in range(first, eights, 8):
            _add_rows(a, b, n, r, j0, j1, sums)
        for r in range(eights, end):
            _add_row(a, b, n, r, j0, j1, sums)
        for j in range(j0, j1):
            c[j] += sums[j]
    for j in range(j0, j1):
        value = c[j] + (bias[j] if bias.size else zero)
        value = zero if relu != 0 and value < zero else value
        c[j] = zero if gate.size and not gate[j] > zero else value


@kernel(parallel=True)
def row_product(a: Any, b: Any, bias: Any, relu: int, gate: Any, sums: Any, c: Any) -> None:
    """c = gate(relu(a B + bias)).

    Shapes: a (K,), b flat (K*N,), bias (N,) or empty, gate (N,) or empty: where it is not positive c becomes
    0, sums (`room`,) of scratch, c (N,). relu: 0 or 1.
    """
    columns = task_columns(c.size)
    tasks = (c.size + columns - 1) // columns
    if b.size <= SERIAL:
        for task in range(tasks):
            _columns(a, b, bias, relu, gate, task * columns, columns, sums, c)
    else:
        for task in numba.prange(tasks):
            _columns(a, b, bias, relu, gate, task * columns, columns, sums, c)
