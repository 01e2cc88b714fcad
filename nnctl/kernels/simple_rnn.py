"""SimpleRNN over a whole sequence, forward and backward: h = a(x W + b + h U).

Source: Elman 1990; keras.layers.SimpleRNN. Arrays are flat: xw (B, T, U) holds x W + b, states
(B, U), mask (B, T) uint8 or empty, dropout (B, U) factors of h or empty, y (B, T, U) in the
order of iteration. Kept for the gradient: h_before (B, T, U) in the order of time; outputs
(T, B, U) of the cell in the order of iteration.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from nnctl.kernels.jit import kernel
from nnctl.kernels.panels import VECTORS, panel_width, prepare_tile, tile_size
from nnctl.kernels.recurrent import (
    HEAD,
    activate,
    add_output_gradient,
    block_rows,
    clear_masked,
    copy_rows,
    keep_masked,
    load_state,
    multiply,
    pack,
    packed_size,
    product,
    scale_by_slope,
    write_output,
)  # fmt: skip
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address


def scratch_size(batch: int, units: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for both kernels."""
    width = panel_width(itemsize)
    worker = tile_size(width) + 3 * block_rows(batch) * units + 16
    return HEAD + packed_size(units, units, width) + threads * worker


@numba.njit(error_model="numpy", nogil=True)
def _forward(
    xw: Any, h0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int, activation: int,
    backwards: int, zero_masked: int, at: int, scratch: Any, y: Any, h_last: Any, h_before: Any, outputs: Any,
) -> None:  # fmt: skip
    """Take blocks of rows through all steps until none is left."""
    prepare_tile(scratch, at)
    full = block_rows(batch)
    place = at + tile_size(VECTORS * lanes(scratch))
    kept = 1 if h_before.size else 0
    while True:
        row = take_ticket(scratch, 0) * full
        if row >= batch:
            break
        rows = min(full, batch - row)
        n = rows * units
        h, dropped = scratch[place : place + n], scratch[place + n : place + 2 * n]
        load_state(h0, row, rows, units, h)
        for s in range(steps):
            t = steps - 1 - s if backwards else s
            used = h
            if kept:
                copy_rows(h, units, rows, units, h_before[(row * steps + t) * units :], steps * units)
            if dropout.size:
                multiply(h, dropout[row * units : row * units + n], dropped)
                used = dropped
            start = (kept * s * batch + row) * units
            new = outputs[start : start + n]
            product(
                address(used, 0), units, rows, units, units, HEAD, address(xw, (row * steps + t) * units),
                steps * units, 0, scratch, at, new, 0, units,
            )  # fmt: skip
            activate(new, activation)
            copy_rows(new, units, rows, units, dropped, units)
            keep_masked(mask, row, rows, steps, t, units, h, dropped)
            write_output(dropped, mask, zero_masked, row, rows, steps, s, t, units, y)
            h, dropped = dropped, h
        copy_rows(h, units, rows, units, h_last[row * units :], units)


@kernel(parallel=True)
def simple_rnn_forward(
    xw: Any, u: Any, h0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int, activation: int,
    backwards: int, zero_masked: int, scratch: Any, y: Any, h_last: Any, h_before: Any, outputs: Any,
) -> None:  # fmt: skip
    """All steps. u (U, U); the rest flat as the module says.

    h_before may be empty: nothing is kept then, and outputs (B, U) suffices.
    """
    width = VECTORS * lanes(u)
    pack(u, False, 0, units, 0, units, scratch, HEAD)
    begin = HEAD + packed_size(units, units, width)
    size = tile_size(width) + 3 * block_rows(batch) * units + 16
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _forward(
            xw, h0, mask, dropout, batch, steps, units, activation, backwards, zero_masked,
            begin + np.int64(worker) * size, scratch, y, h_last, h_before, outputs,
        )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _backward(
    dy: Any, dh_last: Any, outputs: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, backwards: int, zero_masked: int, at: int, scratch: Any, dxw: Any, dh0: Any,
) -> None:  # fmt: skip
    """Take blocks of rows back through all steps until none is left."""
    prepare_tile(scratch, at)
    full = block_rows(batch)
    place = at + tile_size(VECTORS * lanes(scratch))
    while True:
        row = take_ticket(scratch, 0) * full
        if row >= batch:
            break
        rows = min(full, batch - row)
        n = rows * units
        dh, before = scratch[place : place + n], scratch[place + n : place + 2 * n]
        d = scratch[place + 2 * n : place + 3 * n]
        load_state(dh_last, row, rows, units, dh)
        for s in range(steps - 1, -1, -1):
            t = steps - 1 - s if backwards else s
            add_output_gradient(dy, mask, zero_masked, row, rows, steps, s, t, units, dh)
            copy_rows(dh, units, rows, units, d, units)
            start = (s * batch + row) * units
            scale_by_slope(outputs[start : start + n], activation, d)
            clear_masked(mask, row, rows, steps, t, units, d)
            copy_rows(d, units, rows, units, dxw[(row * steps + t) * units :], steps * units)
            product(address(d, 0), units, rows, units, units, HEAD, 0, 0, 0, scratch, at, before, 0, units)
            if dropout.size:
                multiply(before, dropout[row * units : row * units + n], before)
            keep_masked(mask, row, rows, steps, t, units, dh, before)
            dh, before = before, dh
        copy_rows(dh, units, rows, units, dh0[row * units :], units)


@kernel(parallel=True)
def simple_rnn_backward(
    dy: Any, dh_last: Any, u: Any, outputs: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, backwards: int, zero_masked: int, scratch: Any, dxw: Any, dh0: Any,
) -> None:  # fmt: skip
    """Gradients of x W + b (B, T, U) and of the initial state, from those of y and the last state.

    dy and dh_last may be empty: no gradient came. The gradient of u is h_before^T dxw over all
    steps, h_before times the dropout factors.
    """
    width = VECTORS * lanes(u)
    pack(u, True, 0, units, 0, units, scratch, HEAD)
    begin = HEAD + packed_size(units, units, width)
    size = tile_size(width) + 3 * block_rows(batch) * units + 16
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _backward(
            dy, dh_last, outputs, mask, dropout, batch, steps, units, activation, backwards, zero_masked,
            begin + np.int64(worker) * size, scratch, dxw, dh0,
        )  # fmt: skip
