"""One row times a gate of V, where V lies: what a product is for a batch of one.

A tile would compute all of its rows, and packing V takes as long as some steps. In place, V comes from the
second-level cache as fast as that gives it. Order of accumulation: that of kernels/panels.py, so that a row
has the same bits in every block.
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels.jit import inline
from nnctl.kernels.lanes import LANES, add, all16, load16, multiply_add, store16
from nnctl.kernels.panels import block_depth


@inline
def is_alone(rows: int, units: int) -> bool:
    """Whether a block is one row, and not of so few units that a tile does as well."""
    return rows == 1 and units >= LANES


@inline
def _start(x: Any, at: int, j: int, zeros: Any) -> Any:
    """x[at + j ...], zeros where `at` is negative."""
    return load16(x, at + j) if at >= 0 else zeros


@inline
def _four(
    h: Any, v: Any, first: int, j: int, older: Any, older_at: int, bias: Any, bias_at: int, out: Any
) -> None:
    """Columns j to j + 4 LANES - 1 of `row_times`: sums in registers, two vectors each on AVX2."""
    k, across = v.shape
    zeros, depth = all16(out, out.dtype.type(0)), block_depth(k)
    t0, t1 = _start(older, older_at, j, zeros), _start(older, older_at, j + LANES, zeros)
    t2, t3 = _start(older, older_at, j + 2 * LANES, zeros), _start(older, older_at, j + 3 * LANES, zeros)
    for block in range(0, k, depth):
        s0, s1, s2, s3 = zeros, zeros, zeros, zeros
        end = min(k, block + depth)
        for i in range(block, end):
            factor, at = all16(out, h[i]), i * across + first + j
            s0 = multiply_add(factor, load16(v, at), s0)
            s1 = multiply_add(factor, load16(v, at + LANES), s1)
            s2 = multiply_add(factor, load16(v, at + 2 * LANES), s2)
            s3 = multiply_add(factor, load16(v, at + 3 * LANES), s3)
        last = bias_at if end == k else -1
        t0 = add(add(t0, s0), _start(bias, last, j, zeros))
        t1 = add(add(t1, s1), _start(bias, last, j + LANES, zeros))
        t2 = add(add(t2, s2), _start(bias, last, j + 2 * LANES, zeros))
        t3 = add(add(t3, s3), _start(bias, last, j + 3 * LANES, zeros))
    store16(out, j, t0)
    store16(out, j + LANES, t1)
    store16(out, j + 2 * LANES, t2)
    store16(out, j + 3 * LANES, t3)


@inline
def _one(
    h: Any, v: Any, first: int, j: int, older: Any, older_at: int, bias: Any, bias_at: int, out: Any
) -> None:
    """Columns j to j + LANES - 1 of `row_times`."""
    k, across = v.shape
    zeros, depth = all16(out, out.dtype.type(0)), block_depth(k)
    total = _start(older, older_at, j, zeros)
    for block in range(0, k, depth):
        sums, end = zeros, min(k, block + depth)
        for i in range(block, end):
            sums = multiply_add(all16(out, h[i]), load16(v, i * across + first + j), sums)
        total = add(add(total, sums), _start(bias, bias_at if end == k else -1, j, zeros))
    store16(out, j, total)


@numba.njit(error_model="numpy", nogil=True)
def row_times(
    h: Any, v: Any, first: int, units: int, older: Any, older_at: int, bias: Any, bias_at: int, out: Any
) -> None:
    """out = older + h V[:, first : first + units] + bias, units >= LANES.

    Shapes: h (K, at least), V (K, N), out (units, at least). older and bias begin at their positions in flat
    arrays, which are negative where there is nothing to add.
    """
    whole = units // (4 * LANES) * (4 * LANES)
    for j in range(0, whole, 4 * LANES):
        _four(h, v, first, j, older, older_at, bias, bias_at, out)
    for j in range(whole, units, LANES):
        # The last columns once more, where they fill no vector by themselves.
        _one(h, v, first, min(j, units - LANES), older, older_at, bias, bias_at, out)
