"""GRU over a whole sequence, backward; kernels/gru.py says what the arrays are."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from nnctl.kernels.gru import weights_size, worker_size
from nnctl.kernels.jit import kernel
from nnctl.kernels.panels import VECTORS, prepare_tile, tile_size
from nnctl.kernels.ranges import part
from nnctl.kernels.recurrent import (
    HEAD,
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
)  # fmt: skip
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address


@part
def _mix_gradient(z: Any, h: Any, hh: Any, dh: Any, d_z: Any, d_hh: Any, dh_before: Any) -> None:
    """Gradients of z h + (1 - z) hh, all (N,)."""
    one = z.dtype.type(1)
    for n in range(np.uint64(dh.size)):
        d_z[n] = dh[n] * (h[n] - hh[n])
        d_hh[n] = dh[n] * (one - z[n])
        dh_before[n] = dh[n] * z[n]


@numba.njit(error_model="numpy", nogil=True)
def _through_gate(
    gate: int, d: Any, dropout: Any, batch: int, row: int, rows: int, units: int, plane: int, at: int,
    scratch: Any, spare: Any, dh_before: Any,
) -> None:  # fmt: skip
    """dh_before += factors (d U_gate^T), d and dh_before (rows, U) flat."""
    n = rows * units
    if dropout.size:
        product(
            address(d, 0),
            units,
            rows,
            units,
            units,
            HEAD + gate * plane,
            0,
            0,
            0,
            scratch,
            at,
            spare,
            0,
            units,
        )
        drop = (gate * batch + row) * units
        multiply_add(dropout[drop : drop + n], spare, dh_before)
    else:
        product(
            address(d, 0), units, rows, units, units, HEAD + gate * plane, address(dh_before, 0), units, 0,
            scratch, at, dh_before, 0, units,
        )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _backward(
    dy: Any, dh_last: Any, h_before: Any, gates: Any, mask: Any, dropout: Any, batch: int, steps: int,
    units: int, activation: int, recurrent_activation: int, reset_after: int, backwards: int,
    zero_masked: int, plane: int, at: int, scratch: Any, dxw: Any, d_inner: Any, dh0: Any,
) -> None:  # fmt: skip
    """Take blocks of rows back through all steps until none is left."""
    prepare_tile(scratch, at)
    full = block_rows(batch)
    place = at + tile_size(VECTORS * lanes(scratch))
    stride = 3 * steps * units
    while True:
        row = take_ticket(scratch, 0) * full
        if row >= batch:
            break
        rows = min(full, batch - row)
        n = rows * units
        dh, dh_before = scratch[place : place + n], scratch[place + n : place + 2 * n]
        h = scratch[place + 2 * n : place + 3 * n]
        d = scratch[place + 3 * n : place + 7 * n]
        d_z, d_r, d_hh, d_last = d[:n], d[n : 2 * n], d[2 * n : 3 * n], d[3 * n :]
        load_state(dh_last, row, rows, units, dh)
        for s in range(steps - 1, -1, -1):
            t = steps - 1 - s if backwards else s
            at_t, start = row * steps + t, 4 * (s * batch + row) * units
            planes = gates[start : start + 4 * n]
            z, r, hh, inner = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n :]
            copy_rows(h_before[at_t * units :], steps * units, rows, units, h, units)
            add_output_gradient(dy, mask, zero_masked, row, rows, steps, s, t, units, dh)
            _mix_gradient(z, h, hh, dh, d_z, d_hh, dh_before)
            scale_by_slope(hh, activation, d_hh)
            if reset_after:
                multiply(d_hh, inner, d_r)
                multiply(d_hh, r, d_last)
            else:
                # d_last: what reached r h; from there to r and to h.
                product(
                    address(d_hh, 0), units, rows, units, units, HEAD + 2 * plane, 0, 0, 0,
                    scratch, at, d_last, 0, units,
                )  # fmt: skip
                if dropout.size:
                    drop = (2 * batch + row) * units
                    multiply(d_last, dropout[drop : drop + n], d_last)
                multiply(d_last, h, d_r)
                multiply_add(d_last, r, dh_before)
            scale_by_slope(planes[: 2 * n], recurrent_activation, d[: 2 * n])
            clear_masked(mask, row, rows, steps, t, units, d)
            for gate in range(3):
                to = (at_t * 3 + gate) * units
                copy_rows(d[gate * n :], units, rows, units, dxw[to:], stride)
                if reset_after:
                    source = d_last if gate == 2 else d[gate * n :]
                    copy_rows(source, units, rows, units, d_inner[to:], stride)
            if reset_after and not dropout.size:
                product(
                    address(d_inner, at_t * 3 * units), stride, rows, 3 * units, units, HEAD,
                    address(dh_before, 0), units, 0, scratch, at, dh_before, 0, units,
                )  # fmt: skip
            else:
                _through_gate(0, d_z, dropout, batch, row, rows, units, plane, at, scratch, h, dh_before)
                _through_gate(1, d_r, dropout, batch, row, rows, units, plane, at, scratch, h, dh_before)
                if reset_after:
                    _through_gate(
                        2, d_last, dropout, batch, row, rows, units, plane, at, scratch, h, dh_before
                    )
            keep_masked(mask, row, rows, steps, t, units, dh, dh_before)
            dh, dh_before = dh_before, dh
        copy_rows(dh, units, rows, units, dh0[row * units :], units)


@kernel(parallel=True)
def gru_backward(
    dy: Any, dh_last: Any, u: Any, h_before: Any, gates: Any, mask: Any, dropout: Any, batch: int, steps: int,
    units: int, activation: int, recurrent_activation: int, reset_after: int, backwards: int,
    zero_masked: int, scratch: Any, dxw: Any, d_inner: Any, dh0: Any,
) -> None:  # fmt: skip
    """Gradients of x W + b (B, T, 3U), of h U + b' (d_inner, the same shape) and of the initial state.

    dy and dh_last may be empty: no gradient came. With `reset_after` the gradients of u and of
    its bias follow from h_before and d_inner over all steps; without it d_inner may be empty, and
    dxw stands in its place, with reset_h for the last gate.
    """
    width = VECTORS * lanes(u)
    plane = packed_size(units, units, width)
    if reset_after and not dropout.size:
        pack(u, True, 0, 3 * units, 0, units, scratch, HEAD)
    else:
        for gate in range(3):
            pack(u, True, gate * units, units, 0, units, scratch, HEAD + gate * plane)
    begin, size = HEAD + weights_size(units, width), worker_size(batch, units, width)
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _backward(
            dy, dh_last, h_before, gates, mask, dropout, batch, steps, units, activation,
            recurrent_activation, reset_after, backwards, zero_masked, plane,
            begin + np.int64(worker) * size, scratch, dxw, d_inner, dh0,
        )  # fmt: skip
