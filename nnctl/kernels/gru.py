"""GRU, with the reset gate after the state's product.

Gates z, r = s(x W + b + h V + b'); g = a(x W + b + r (h V + b')); h = z h + (1 - z) g. a is the activation, s
the recurrent activation, b' (3U,) the recurrent bias, which is `Given.extra`; gates are in the order z, r, g.
Source: the cuDNN form of Cho et al. 2014; keras.layers.GRU.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.kernels.jit import inline
from nnctl.kernels.ranges import part
from nnctl.kernels.recurrence import recurrence
from nnctl.kernels.recurrence_arrays import Chunk, Given, Saved, Setup, Slopes
from nnctl.kernels.recurrence_parts import (
    activate,
    add_gates_to_state,
    by_time,
    clear_masked,
    copy_rows,
    dropped,
    h_before,
    multiply,
    multiply_add,
    scale_by_slope,
    state_product,
    write_gates,
)
from nnctl.kernels.recurrence_units import by_units
from nnctl.kernels.simd import fma


@part
def mix(z: Any, h: Any, g: Any, out: Any) -> None:
    """out = z h + (1 - z) g, all (N,)."""
    one = z.dtype.type(1)
    for n in range(np.uint64(out.size)):
        out[n] = fma(z[n], h[n], (one - z[n]) * g[n])


@part
def mix_gradient(z: Any, h: Any, g: Any, d: Any, d_z: Any, d_g: Any, d_h: Any) -> None:
    """Gradients of z h + (1 - z) g, all (N,)."""
    one = z.dtype.type(1)
    for n in range(np.uint64(d.size)):
        d_z[n] = d[n] * (h[n] - g[n])
        d_g[n] = d[n] * (one - z[n])
        d_h[n] = d[n] * z[n]


@inline
def _step(
    plan: Setup,
    given: Given,
    block: Chunk,
    h: Any,
    old: Any,
    new: Any,
    saved: Saved,
    planes: Any,
    spare: Any,
) -> None:
    """Saved: z, r, g, and h V + b' of g."""
    units, n = block.units, block.rows * block.units
    z, r, g, inner = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n :]
    biased = given.extra.size > 0
    for gate in range(2):
        used = dropped(plan, given, block, gate, h, spare)
        state_product(plan, given, block, gate, used, True, biased, planes[gate * n :])
    activate(planes[: 2 * n], plan.recurrent_activation)
    used = dropped(plan, given, block, 2, h, spare)
    state_product(plan, given, block, 2, used, False, biased, inner)
    at, row = by_time(plan, block, 2)
    copy_rows(given.xw[at:], row, block.rows, units, g, units)
    multiply_add(r, inner, g)
    activate(g, plan.activation)
    mix(z, old, g, new)


@inline
def _slope(
    plan: Setup, given: Given, block: Chunk, d: Any, d_old: Any, saved: Saved, planes: Any, d_planes: Any,
    spare: Any, slopes: Slopes,
) -> None:  # fmt: skip
    n = block.rows * plan.units
    z, r, g, inner = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n :]
    d_z, d_r, d_g, d_inner = d_planes[:n], d_planes[n : 2 * n], d_planes[2 * n : 3 * n], d_planes[3 * n :]
    h = spare
    h_before(plan, block, saved, h)
    mix_gradient(z, h, g, d, d_z, d_g, d_old)
    scale_by_slope(g, plan.activation, d_g)
    multiply(d_g, inner, d_r)
    multiply(d_g, r, d_inner)
    scale_by_slope(planes[: 2 * n], plan.recurrent_activation, d_planes[: 2 * n])
    clear_masked(plan, given, block, d_planes)
    write_gates(plan, block, 0, d_planes[: 3 * n], slopes.xw)
    write_gates(plan, block, 0, d_planes[: 2 * n], slopes.hv)
    write_gates(plan, block, 2, d_inner, slopes.hv)
    add_gates_to_state(plan, given, block, slopes.hv, spare, d_old)


gru_forward, gru_backward = recurrence("gru", _step, _slope)
gru_units = by_units("gru", _step)
