"""LSTM over a whole sequence, forward and backward.

i, f, o = r(x W + h U + b) and g = a(...), gates in the order i, f, g, o; c = f c + i g;
h = o a(c). Source: Hochreiter and Schmidhuber 1997; keras.layers.LSTM.

Arrays are flat: xw (B, T, 4U) holds x W + b, states (B, U), mask (B, T) uint8 or empty,
dropout (4, B, U) factors of h by gate or empty, y (B, T, U) in the order of iteration.
Kept for the gradient: h_before (B, T, U) in the order of time; gates (T, B, 4U) and cells
(T, B, U) in the order of iteration, gates of a block of rows as planes; cells before the step.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from nnctl.kernels.jit import kernel
from nnctl.kernels.panels import VECTORS, panel_width, prepare_tile, tile_size
from nnctl.kernels.ranges import part
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
    multiply_add,
    pack,
    packed_size,
    product,
    scale_by_slope,
    write_output,
)  # fmt: skip
from nnctl.kernels.simd import fma, lanes, take_ticket, thread_count
from nnctl.kernels.tile import address


def scratch_size(batch: int, units: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for both kernels."""
    width = panel_width(itemsize)
    packed = max(4 * packed_size(units, units, width), packed_size(4 * units, units, width))
    return HEAD + packed + threads * (tile_size(width) + 8 * block_rows(batch) * units + 16)


@part
def _cell(i: Any, f: Any, g: Any, c: Any, out: Any) -> None:
    """out = f c + i g, all (N,)."""
    for n in range(np.uint64(out.size)):
        out[n] = fma(f[n], c[n], i[n] * g[n])


@numba.njit(error_model="numpy", nogil=True)
def _forward(
    xw: Any, h0: Any, c0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, recurrent_activation: int, backwards: int, zero_masked: int,
    packed: int, plane: int, at: int, scratch: Any,
    y: Any, h_last: Any, c_last: Any, h_before: Any, gates: Any, cells: Any,
) -> None:  # fmt: skip
    """Take blocks of rows through all steps until none is left."""
    prepare_tile(scratch, at)
    width = VECTORS * lanes(scratch)
    full = block_rows(batch)
    place = at + tile_size(width)
    # Without a gradient to come, every step uses the same place.
    kept = 1 if h_before.size else 0
    while True:
        row = take_ticket(scratch, 0) * full
        if row >= batch:
            break
        rows = min(full, batch - row)
        n = rows * units
        h, new = scratch[place : place + n], scratch[place + n : place + 2 * n]
        c, dropped = scratch[place + 2 * n : place + 3 * n], scratch[place + 3 * n : place + 4 * n]
        load_state(h0, row, rows, units, h)
        load_state(c0, row, rows, units, c)
        for s in range(steps):
            t = steps - 1 - s if backwards else s
            start = kept * s * batch + row
            before = cells[start * units : start * units + n]
            copy_rows(c, units, rows, units, before, units)
            if kept:
                copy_rows(h, units, rows, units, h_before[(row * steps + t) * units :], steps * units)
            z = gates[4 * start * units : 4 * start * units + 4 * n]
            for gate in range(4):
                used = h
                if dropout.size:
                    drop = (gate * batch + row) * units
                    multiply(h, dropout[drop : drop + n], dropped)
                    used = dropped
                inputs = address(xw, ((row * steps + t) * 4 + gate) * units)
                product(
                    address(used, 0), units, rows, units, units, packed + gate * plane, inputs,
                    4 * steps * units, 0, scratch, at, z, gate * n, units,
                )  # fmt: skip
            activate(z[: 2 * n], recurrent_activation)
            activate(z[2 * n : 3 * n], activation)
            activate(z[3 * n :], recurrent_activation)
            _cell(z[:n], z[n : 2 * n], z[2 * n : 3 * n], before, c)
            copy_rows(c, units, rows, units, new, units)
            activate(new, activation)
            multiply(z[3 * n :], new, new)
            keep_masked(mask, row, rows, steps, t, units, before, c)
            keep_masked(mask, row, rows, steps, t, units, h, new)
            write_output(new, mask, zero_masked, row, rows, steps, s, t, units, y)
            h, new = new, h
        copy_rows(h, units, rows, units, h_last[row * units :], units)
        copy_rows(c, units, rows, units, c_last[row * units :], units)


@kernel(parallel=True)
def lstm_forward(
    xw: Any, u: Any, h0: Any, c0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, recurrent_activation: int, backwards: int, zero_masked: int, scratch: Any,
    y: Any, h_last: Any, c_last: Any, h_before: Any, gates: Any, cells: Any,
) -> None:  # fmt: skip
    """All steps. u (U, 4U); the rest flat as the module says.

    h_before may be empty: nothing is kept then, and gates (B, 4U) and cells (B, U) suffice.
    """
    width = VECTORS * lanes(u)
    plane = packed_size(units, units, width)
    for gate in range(4):
        pack(u, False, 0, units, gate * units, units, scratch, HEAD + gate * plane)
    begin = HEAD + max(4 * plane, packed_size(4 * units, units, width))
    size = tile_size(width) + 8 * block_rows(batch) * units + 16
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _forward(
            xw, h0, c0, mask, dropout, batch, steps, units, activation, recurrent_activation, backwards,
            zero_masked, HEAD, plane, begin + np.int64(worker) * size, scratch,
            y, h_last, c_last, h_before, gates, cells,
        )  # fmt: skip


@part
def _output_gradient(o: Any, tanh_c: Any, dh: Any, d_o: Any, d_tanh: Any) -> None:
    """Gradients of h = o a(c), all (N,)."""
    for n in range(np.uint64(dh.size)):
        d_o[n] = dh[n] * tanh_c[n]
        d_tanh[n] = dh[n] * o[n]


@part
def _cell_gradient(
    i: Any, f: Any, g: Any, c: Any, dc: Any, d_i: Any, d_f: Any, d_g: Any, d_before: Any
) -> None:
    """Gradients of f c + i g, where d_before holds what came through h; all (N,)."""
    for n in range(np.uint64(dc.size)):
        d = dc[n] + d_before[n]
        d_i[n] = d * g[n]
        d_f[n] = d * c[n]
        d_g[n] = d * i[n]
        d_before[n] = d * f[n]


@numba.njit(error_model="numpy", nogil=True)
def _backward(
    dy: Any, dh_last: Any, dc_last: Any, gates: Any, cells: Any, mask: Any, dropout: Any,
    batch: int, steps: int, units: int, activation: int, recurrent_activation: int,
    backwards: int, zero_masked: int, packed: int, plane: int, at: int, scratch: Any,
    dxw: Any, dh0: Any, dc0: Any,
) -> None:  # fmt: skip
    """Take blocks of rows back through all steps until none is left."""
    prepare_tile(scratch, at)
    width = VECTORS * lanes(scratch)
    full = block_rows(batch)
    place = at + tile_size(width)
    while True:
        row = take_ticket(scratch, 0) * full
        if row >= batch:
            break
        rows = min(full, batch - row)
        n = rows * units
        dh, dh_before = scratch[place : place + n], scratch[place + n : place + 2 * n]
        dc, dc_before = scratch[place + 2 * n : place + 3 * n], scratch[place + 3 * n : place + 4 * n]
        d = scratch[place + 4 * n : place + 8 * n]
        load_state(dh_last, row, rows, units, dh)
        load_state(dc_last, row, rows, units, dc)
        for s in range(steps - 1, -1, -1):
            t = steps - 1 - s if backwards else s
            start = s * batch + row
            z, c = (
                gates[4 * start * units : 4 * start * units + 4 * n],
                cells[start * units : start * units + n],
            )
            i, f, g, o = z[:n], z[n : 2 * n], z[2 * n : 3 * n], z[3 * n :]
            add_output_gradient(dy, mask, zero_masked, row, rows, steps, s, t, units, dh)
            tanh_c = dh_before
            _cell(i, f, g, c, tanh_c)
            activate(tanh_c, activation)
            _output_gradient(o, tanh_c, dh, d[3 * n :], dc_before)
            scale_by_slope(tanh_c, activation, dc_before)
            _cell_gradient(i, f, g, c, dc, d[:n], d[n : 2 * n], d[2 * n : 3 * n], dc_before)
            keep_masked(mask, row, rows, steps, t, units, dc, dc_before)
            scale_by_slope(z[: 2 * n], recurrent_activation, d[: 2 * n])
            scale_by_slope(g, activation, d[2 * n : 3 * n])
            scale_by_slope(o, recurrent_activation, d[3 * n :])
            inputs = (row * steps + t) * 4 * units
            stride = 4 * steps * units
            clear_masked(mask, row, rows, steps, t, units, d)
            for gate in range(4):
                copy_rows(d[gate * n :], units, rows, units, dxw[inputs + gate * units :], stride)
            if dropout.size:
                dh_before[:] = 0
                for gate in range(4):
                    drop = (gate * batch + row) * units
                    product(
                        address(dxw, inputs + gate * units), stride, rows, units, units,
                        packed + gate * plane, 0, 0, 0, scratch, at, d, 0, units,
                    )  # fmt: skip
                    multiply_add(dropout[drop : drop + n], d[:n], dh_before)
            else:
                product(
                    address(dxw, inputs), stride, rows, 4 * units, units, packed, 0, 0, 0,
                    scratch, at, dh_before, 0, units,
                )  # fmt: skip
            keep_masked(mask, row, rows, steps, t, units, dh, dh_before)
            dh, dh_before = dh_before, dh
            dc, dc_before = dc_before, dc
        copy_rows(dh, units, rows, units, dh0[row * units :], units)
        copy_rows(dc, units, rows, units, dc0[row * units :], units)


@kernel(parallel=True)
def lstm_backward(
    dy: Any, dh_last: Any, dc_last: Any, u: Any, gates: Any, cells: Any, mask: Any, dropout: Any,
    batch: int, steps: int, units: int, activation: int, recurrent_activation: int,
    backwards: int, zero_masked: int, scratch: Any, dxw: Any, dh0: Any, dc0: Any,
) -> None:  # fmt: skip
    """Gradients of x W + b (B, T, 4U) and of the initial states, from those of y and the last states.

    dy, dh_last and dc_last may be empty: no gradient came. The gradient of u is a product over
    all steps: h_before^T dxw.
    """
    width = VECTORS * lanes(u)
    plane = packed_size(units, units, width)
    if dropout.size:
        for gate in range(4):
            pack(u, True, gate * units, units, 0, units, scratch, HEAD + gate * plane)
    else:
        pack(u, True, 0, 4 * units, 0, units, scratch, HEAD)
    begin = HEAD + max(4 * plane, packed_size(4 * units, units, width))
    size = tile_size(width) + 8 * block_rows(batch) * units + 16
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _backward(
            dy, dh_last, dc_last, gates, cells, mask, dropout, batch, steps, units, activation,
            recurrent_activation, backwards, zero_masked, HEAD, plane, begin + np.int64(worker) * size,
            scratch, dxw, dh0, dc0,
        )  # fmt: skip
