"""GRU, with the reset gate before the state's product.

Gates z, r = s(x W + b + h V); g = a(x W + b + (r h) V); h = z h + (1 - z) g. Letters as in kernels/gru.py.
Source: Cho et al. 2014; keras.layers.GRU(reset_after=False).
"""

from __future__ import annotations

from typing import Any

from nnctl.kernels.gru import mix, mix_gradient
from nnctl.kernels.jit import inline
from nnctl.kernels.recurrence import recurrence
from nnctl.kernels.recurrence_arrays import Chunk, Given, Saved, Setup, Slopes
from nnctl.kernels.recurrence_parts import (
    activate,
    add_gate_to_state,
    clear_masked,
    copy_rows,
    dropped,
    factors_of,
    gate_product,
    h_before,
    multiply,
    multiply_add,
    pack_gates_back,
    scale_by_slope,
    state_product,
    write_gates,
)
from nnctl.kernels.tile import address


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
    """Saved: z, r, g, r h; the last one also in saved.source, for the gradient of V."""
    units, n = plan.units, block.rows * plan.units
    z, r, g, reset_h = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n], planes[3 * n :]
    for gate in range(2):
        used = dropped(plan, given, block, gate, h, spare)
        state_product(plan, given, block, gate, used, True, False, planes[gate * n :])
    activate(planes[: 2 * n], plan.recurrent_activation)
    multiply(r, dropped(plan, given, block, 2, h, spare), reset_h)
    if saved.source.size:
        to = (block.row * plan.steps + block.t) * units
        copy_rows(reset_h, units, block.rows, units, saved.source[to:], plan.steps * units)
    state_product(plan, given, block, 2, reset_h, True, False, g)
    activate(g, plan.activation)
    mix(z, h, g, new)


@inline
def _slope(
    plan: Setup, given: Given, block: Chunk, d: Any, d_old: Any, saved: Saved, planes: Any, d_planes: Any,
    spare: Any, slopes: Slopes,
) -> None:  # fmt: skip
    units, n = plan.units, block.rows * plan.units
    z, r, g = planes[:n], planes[n : 2 * n], planes[2 * n : 3 * n]
    d_z, d_r, d_g, d_reset_h = d_planes[:n], d_planes[n : 2 * n], d_planes[2 * n : 3 * n], d_planes[3 * n :]
    h = spare
    h_before(plan, block, saved, h)
    mix_gradient(z, h, g, d, d_z, d_g, d_old)
    scale_by_slope(g, plan.activation, d_g)
    # What reached r h, and from there r and h.
    gate_product(plan, block, 2, address(d_g, 0), units, 0, 0, 0, d_reset_h)
    if given.factors.size:
        multiply(d_reset_h, factors_of(plan, given, block, 2), d_reset_h)
    multiply(d_reset_h, h, d_r)
    multiply_add(d_reset_h, r, d_old)
    scale_by_slope(planes[: 2 * n], plan.recurrent_activation, d_planes[: 2 * n])
    clear_masked(plan, given, block, d_planes)
    write_gates(plan, block, 0, d_planes[: 3 * n], slopes.xw)
    add_gate_to_state(plan, given, block, 0, address(d_z, 0), units, spare, d_old)
    add_gate_to_state(plan, given, block, 1, address(d_r, 0), units, spare, d_old)


gru_reset_before_forward, gru_reset_before_backward = recurrence(
    "gru_reset_before", _step, _slope, pack_gates_back
)
