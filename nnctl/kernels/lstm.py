"""LSTM: gates i, f, o = s(x W + b + h V) and g = a(x W + b + h V); c = f c + i g; h = o a(c).

a is the activation, s the recurrent activation; gates are in the order i, f, g, o.
Source: Hochreiter and Schmidhuber 1997; keras.layers.LSTM.
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
    clear_masked,
    copy_rows,
    dropped,
    multiply,
    scale_by_slope,
    state_product,
    write_gates,
)
from nnctl.kernels.recurrence_units import by_units
from nnctl.kernels.simd import fma


@part
def _mix(i: Any, f: Any, g: Any, c: Any, out: Any) -> None:
    """out = f c + i g, all (N,)."""
    for n in range(np.uint64(out.size)):
        out[n] = fma(f[n], c[n], i[n] * g[n])


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
    """Saved: i, f, g, o, and c before the step."""
    n = block.rows * block.units
    c, new_h, new_c = old[n:], new[:n], new[n:]
    for gate in range(4):
        used = dropped(plan, given, block, gate, h, spare)
        state_product(plan, given, block, gate, used, True, False, planes[gate * n :])
    copy_rows(c, block.units, block.rows, block.units, planes[4 * n :], block.units)
    i, f, g, o = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n : 4 * n]
    activate(planes[: 2 * n], plan.recurrent_activation)
    activate(g, plan.activation)
    activate(o, plan.recurrent_activation)
    _mix(i, f, g, c, new_c)
    copy_rows(new_c, block.units, block.rows, block.units, new_h, block.units)
    activate(new_h, plan.activation)
    multiply(o, new_h, new_h)


@part
def _output_gradient(o: Any, a_c: Any, dh: Any, d_o: Any, d_a_c: Any) -> None:
    """Gradients of h = o a(c), all (N,)."""
    for n in range(np.uint64(dh.size)):
        d_o[n] = dh[n] * a_c[n]
        d_a_c[n] = dh[n] * o[n]


@part
def _mix_gradient(i: Any, f: Any, g: Any, c: Any, dc: Any, d_i: Any, d_f: Any, d_g: Any, d_old: Any) -> None:
    """Gradients of f c + i g, where d_old holds what came through h; all (N,)."""
    for n in range(np.uint64(dc.size)):
        d = dc[n] + d_old[n]
        d_i[n] = d * g[n]
        d_f[n] = d * c[n]
        d_g[n] = d * i[n]
        d_old[n] = d * f[n]


@inline
def _slope(
    plan: Setup, given: Given, block: Chunk, d: Any, d_old: Any, saved: Saved, planes: Any, d_planes: Any,
    spare: Any, slopes: Slopes,
) -> None:  # fmt: skip
    n = block.rows * plan.units
    dh, dc, dh_old, dc_old = d[:n], d[n:], d_old[:n], d_old[n:]
    i, f, g, o, c = (
        planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n : 4 * n], planes[4 * n :]
    )  # fmt: skip
    d_gates = d_planes[: 4 * n]
    d_i, d_f, d_g, d_o = d_gates[:n], d_gates[n : 2 * n], d_gates[2 * n : 3 * n], d_gates[3 * n :]
    a_c = spare
    _mix(i, f, g, c, a_c)
    activate(a_c, plan.activation)
    _output_gradient(o, a_c, dh, d_o, dc_old)
    scale_by_slope(a_c, plan.activation, dc_old)
    _mix_gradient(i, f, g, c, dc, d_i, d_f, d_g, dc_old)
    scale_by_slope(planes[: 2 * n], plan.recurrent_activation, d_gates[: 2 * n])
    scale_by_slope(g, plan.activation, d_g)
    scale_by_slope(o, plan.recurrent_activation, d_o)
    clear_masked(plan, given, block, d_gates)
    write_gates(plan, block, 0, d_gates, slopes.xw)
    dh_old[:] = 0
    add_gates_to_state(plan, given, block, slopes.xw, spare, dh_old)


lstm_forward, lstm_backward = recurrence("lstm", _step, _slope)
lstm_units = by_units("lstm", _step)
