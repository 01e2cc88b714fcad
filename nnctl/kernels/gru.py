"""GRU over a whole sequence: the kernels' shared words, and forward.

z, r = s(x W + h U + b'); with `reset_after` hh = a(x W + r (h U + b')), else
hh = a(x W + (r h) U); h = z h + (1 - z) hh; gates in the order z, r, h.
Source: Cho et al. 2014 (reset before) and its cuDNN form (reset after); keras.layers.GRU.

Arrays are flat: xw (B, T, 3U) holds x W + b, bias (3U,) the recurrent b' or empty, states
(B, U), mask (B, T) uint8 or empty, dropout (3, B, U) factors of h by gate or empty, y (B, T, U)
in the order of iteration. Kept for the gradient: h_before (B, T, U) in the order of time, and
without `reset_after` reset_h (B, T, U), which is r h; gates (T, B, 4U) in the order of iteration,
a block of rows as planes z, r, hh and what is multiplied by r or by U: h U + b', or r h.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.jit import kernel
from nnctl.kernels.panels import VECTORS, panel_width, prepare_tile, tile_size
from nnctl.kernels.ranges import part
from nnctl.kernels.recurrent import (
    HEAD,
    activate,
    block_rows,
    copy_rows,
    keep_masked,
    load_state,
    multiply,
    multiply_add,
    pack,
    packed_size,
    product,
    write_output,
)  # fmt: skip
from nnctl.kernels.simd import fma, lanes, take_ticket, thread_count
from nnctl.kernels.tile import address


@register_jitable
def weights_size(units: int, width: int) -> int:
    """Elements of the packed recurrent kernel, by gate or as a whole."""
    return max(3 * packed_size(units, units, width), packed_size(3 * units, units, width))


@register_jitable
def worker_size(batch: int, units: int, width: int) -> int:
    """Elements of scratch of one thread."""
    return tile_size(width) + 7 * block_rows(batch) * units + 16


def scratch_size(batch: int, units: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for both kernels."""
    width = panel_width(itemsize)
    return HEAD + weights_size(units, width) + threads * worker_size(batch, units, width)


@part
def _mix(z: Any, h: Any, hh: Any, out: Any) -> None:
    """out = z h + (1 - z) hh, all (N,)."""
    one = z.dtype.type(1)
    for n in range(np.uint64(out.size)):
        out[n] = fma(z[n], h[n], (one - z[n]) * hh[n])


@numba.njit(error_model="numpy", nogil=True)
def _forward(
    xw: Any, bias: Any, h0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, recurrent_activation: int, reset_after: int, backwards: int, zero_masked: int,
    plane: int, at: int, scratch: Any, y: Any, h_last: Any, h_before: Any, reset_h: Any, gates: Any,
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
        h, new = scratch[place : place + n], scratch[place + n : place + 2 * n]
        dropped = scratch[place + 2 * n : place + 3 * n]
        load_state(h0, row, rows, units, h)
        for s in range(steps):
            t = steps - 1 - s if backwards else s
            start, at_t = kept * s * batch + row, row * steps + t
            if kept:
                copy_rows(h, units, rows, units, h_before[at_t * units :], steps * units)
            planes = gates[4 * start * units : 4 * start * units + 4 * n]
            z, r, hh, inner = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n :]
            for gate in range(3):
                used, out = h, planes[gate * n :]
                older, older_row = address(xw, (at_t * 3 + gate) * units), 3 * steps * units
                if dropout.size:
                    drop = (gate * batch + row) * units
                    multiply(h, dropout[drop : drop + n], dropped)
                    used = dropped
                if gate == 2:
                    activate(planes[: 2 * n], recurrent_activation)
                    if reset_after:
                        out, older = inner, 0
                    else:
                        multiply(r, used, inner)
                        used = inner
                        if kept:
                            copy_rows(inner, units, rows, units, reset_h[at_t * units :], steps * units)
                product(
                    address(used, 0), units, rows, units, units, HEAD + gate * plane, older, older_row,
                    address(bias, gate * units) if bias.size else 0, scratch, at, out, 0, units,
                )  # fmt: skip
            if reset_after:
                copy_rows(xw[(at_t * 3 + 2) * units :], 3 * steps * units, rows, units, hh, units)
                multiply_add(r, inner, hh)
            activate(hh, activation)
            _mix(z, h, hh, new)
            keep_masked(mask, row, rows, steps, t, units, h, new)
            write_output(new, mask, zero_masked, row, rows, steps, s, t, units, y)
            h, new = new, h
        copy_rows(h, units, rows, units, h_last[row * units :], units)


@kernel(parallel=True)
def gru_forward(
    xw: Any, u: Any, bias: Any, h0: Any, mask: Any, dropout: Any, batch: int, steps: int, units: int,
    activation: int, recurrent_activation: int, reset_after: int, backwards: int, zero_masked: int,
    scratch: Any, y: Any, h_last: Any, h_before: Any, reset_h: Any, gates: Any,
) -> None:  # fmt: skip
    """All steps. u (U, 3U); the rest flat as the module says.

    h_before and reset_h may be empty: nothing is kept then, and gates (B, 4U) suffices.
    """
    width = VECTORS * lanes(u)
    plane = packed_size(units, units, width)
    for gate in range(3):
        pack(u, False, 0, units, gate * units, units, scratch, HEAD + gate * plane)
    begin, size = HEAD + weights_size(units, width), worker_size(batch, units, width)
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(min(thread_count(), (scratch.size - begin) // size)):
        _forward(
            xw, bias, h0, mask, dropout, batch, steps, units, activation, recurrent_activation, reset_after,
            backwards, zero_masked, plane, begin + np.int64(worker) * size, scratch,
            y, h_last, h_before, reset_h, gates,
        )  # fmt: skip
