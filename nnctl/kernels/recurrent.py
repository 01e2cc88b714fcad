"""What the recurrent kernels share: a step's product, activations in place, rows in blocks.

A batch is cut into blocks of rows by its size alone. A thread takes a block through all time
steps: rows do not depend on each other, so there is no barrier a step. The recurrent kernel
is packed once a call; each product accumulates in the order that kernels/panels.py documents.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.codes import HARD_SIGMOID, RELU, SIGMOID, TANH
from nnctl.kernels.jit import inline
from nnctl.kernels.mathfn import sigmoid, tanh
from nnctl.kernels.panels import ROWS, VECTORS, block_depth, ones_of, pack_b, run_tile, zeros_of
from nnctl.kernels.ranges import part
from nnctl.kernels.simd import fma, lanes
from nnctl.kernels.tile import address

HEAD = 16
"""Elements at the start of the scratch memory: the counter of row blocks."""


@register_jitable
def block_rows(batch: int) -> int:
    """Rows of a block: two tiles where the batch is large enough to occupy some threads so."""
    return 2 * ROWS if batch >= 8 * ROWS else ROWS


@register_jitable
def packed_size(k: int, n: int, width: int) -> int:
    """Elements of a packed (k, n) matrix; `width` is a panel's."""
    blocks = max(1, (k + block_depth(k) - 1) // block_depth(k))
    panels = max(1, (n + width - 1) // width)
    return blocks * panels * (block_depth(k) + width // VECTORS) * width


@numba.njit(error_model="numpy", nogil=True)
def pack(b: Any, transposed: bool, k0: int, k: int, n0: int, n: int, out: Any, at: int) -> None:
    """Pack op(B)[k0:k0+k, n0:n0+n] for `product`."""
    width = VECTORS * lanes(b)
    depth = block_depth(k)
    panels = (n + width - 1) // width
    for block in range(0, k, depth):
        place = at + block // depth * panels * (depth + lanes(b)) * width
        pack_b(b, transposed, k0 + block, min(depth, k - block), n0, n0 + n, width, out, place)


@numba.njit(error_model="numpy", nogil=True)
def product(
    a: int, a_row: int, rows: int, k: int, n: int, packed: int, older: int, older_row: int, bias: int,
    scratch: Any, tile: int, out: Any, out_at: int, out_row: int,
) -> None:  # fmt: skip
    """out = older + A B + bias for a few rows.

    `a` (rows `a_row` apart), `older` and `bias` are addresses, 0 where absent; B is packed at
    `packed` in scratch; `tile` is where this thread's tile lies in scratch.
    """
    lane, depth, size = lanes(scratch), block_depth(k), scratch.itemsize
    width = VECTORS * lane
    panels = (n + width - 1) // width
    zeros, ones = zeros_of(scratch, tile), ones_of(scratch, tile)
    low = scratch.dtype.type(-np.inf)
    for block in range(0, k, depth):
        length = min(depth, k - block)
        place = packed + block // depth * panels * (depth + lane) * width
        for j in range(0, n, width):
            columns, panel = min(width, n - j), place + j * (length + lane)
            bias_at = bias + j * size if bias and block + length >= k else zeros
            for i in range(0, rows, ROWS):
                to = out_at + i * out_row + j
                older_at, step = zeros, 0
                if block:
                    older_at, step = address(out, to), out_row
                elif older:
                    older_at, step = older + (i * older_row + j) * size, older_row
                run_tile(
                    a + (i * a_row + block) * size, a_row, 1, min(ROWS, rows - i), scratch, panel, length,
                    columns, tile, older_at, step, bias_at, low, ones, 0, out, to, out_row,
                )  # fmt: skip


@part
def activate(x: Any, code: int) -> None:
    """x = f(x) in place, x (N,); linear, relu, sigmoid, tanh or hard_sigmoid by code."""
    t = x.dtype.type
    count = np.uint64(x.size)
    if code == SIGMOID:
        for i in range(count):
            x[i] = sigmoid(x[i])
    elif code == TANH:
        for i in range(count):
            x[i] = tanh(x[i])
    elif code == RELU:
        for i in range(count):
            x[i] = t(0) if x[i] < t(0) else x[i]
    elif code == HARD_SIGMOID:
        for i in range(count):
            y = x[i] + t(3)
            y = t(0) if y < t(0) else y
            x[i] = (t(6) if y > t(6) else y) / t(6)


@part
def scale_by_slope(y: Any, code: int, dy: Any) -> None:
    """dy = f'(x) dy where y = f(x) tells the slope; y, dy (N,). Codes as in `activate`."""
    t = y.dtype.type
    count = np.uint64(y.size)
    if code == SIGMOID:
        for i in range(count):
            dy[i] = dy[i] * (y[i] * (t(1) - y[i]))
    elif code == TANH:
        for i in range(count):
            dy[i] = dy[i] * (t(1) - y[i] * y[i])
    elif code == RELU:
        for i in range(count):
            dy[i] = dy[i] if y[i] > t(0) else t(0)
    elif code == HARD_SIGMOID:
        for i in range(count):
            dy[i] = dy[i] / t(6) if t(0) < y[i] < t(1) else t(0)


@part
def copy_rows(x: Any, x_row: int, rows: int, units: int, out: Any, out_row: int) -> None:
    """out[r*out_row + j] = x[r*x_row + j] for r < rows, j < units."""
    for r in range(rows):
        source, target = np.uint64(r * x_row), np.uint64(r * out_row)
        for j in range(np.uint64(units)):
            out[target + j] = x[source + j]


@part
def add_rows(x: Any, x_row: int, rows: int, units: int, out: Any) -> None:
    """out[r*units + j] += x[r*x_row + j] for r < rows, j < units."""
    for r in range(rows):
        source, target = np.uint64(r * x_row), np.uint64(r * units)
        for j in range(np.uint64(units)):
            out[target + j] += x[source + j]


@inline
def load_state(state: Any, row: int, rows: int, units: int, out: Any) -> None:
    """Rows of an initial state (B, U), or zeros where it is empty."""
    if state.size:
        copy_rows(state[row * units :], units, rows, units, out, units)
    else:
        out[:] = 0


@inline
def is_masked(mask: Any, row: int, steps: int, t: int) -> bool:
    """Whether the mask (B, T), empty for none, leaves out this step."""
    return mask.size > 0 and mask[row * steps + t] == 0


@numba.njit(error_model="numpy", nogil=True)
def keep_masked(mask: Any, row: int, rows: int, steps: int, t: int, units: int, old: Any, new: Any) -> None:
    """new = old in the rows that are masked at step t; old, new (rows, U) flat."""
    for r in range(rows if mask.size else 0):
        if is_masked(mask, row + r, steps, t):
            copy_rows(old[r * units :], units, 1, units, new[r * units :], units)


@numba.njit(error_model="numpy", nogil=True)
def write_output(
    h: Any, mask: Any, zero_masked: int, row: int, rows: int, steps: int, s: int, t: int, units: int, y: Any
) -> None:
    """Step s of y (B, T, U): the state, or zeros in masked rows if `zero_masked`."""
    copy_rows(h, units, rows, units, y[(row * steps + s) * units :], steps * units)
    for r in range(rows if zero_masked else 0):
        if is_masked(mask, row + r, steps, t):
            start = ((row + r) * steps + s) * units
            y[start : start + units] = 0


@numba.njit(error_model="numpy", nogil=True)
def add_output_gradient(
    dy: Any, mask: Any, zero_masked: int, row: int, rows: int, steps: int, s: int, t: int, units: int, dh: Any
) -> None:
    """The gradient of `write_output`: dh += dy at step s. Nothing if dy is empty."""
    for r in range(rows if dy.size else 0):
        if not (zero_masked and is_masked(mask, row + r, steps, t)):
            add_rows(dy[((row + r) * steps + s) * units :], units, 1, units, dh[r * units :])


@numba.njit(error_model="numpy", nogil=True)
def clear_masked(mask: Any, row: int, rows: int, steps: int, t: int, units: int, x: Any) -> None:
    """x = 0 in the rows that are masked at step t; x (planes, rows, U) flat."""
    for r in range(rows if mask.size else 0):
        if is_masked(mask, row + r, steps, t):
            for start in range(r * units, x.size, rows * units):
                x[start : start + units] = 0


@part
def multiply_add(x: Any, y: Any, out: Any) -> None:
    """out += x y, rounded once, all (N,)."""
    for i in range(np.uint64(out.size)):
        out[i] = fma(x[i], y[i], out[i])


@part
def multiply(x: Any, y: Any, out: Any) -> None:
    """out = x y, all (N,)."""
    for i in range(np.uint64(out.size)):
        out[i] = x[i] * y[i]
