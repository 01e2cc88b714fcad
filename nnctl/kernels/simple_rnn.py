"""SimpleRNN: h = a(x W + b + h V), a the activation.

Source: Elman 1990; keras.layers.SimpleRNN.
"""

from __future__ import annotations

from typing import Any

from nnctl.kernels.jit import inline
from nnctl.kernels.recurrence import recurrence
from nnctl.kernels.recurrence_arrays import Chunk, Given, Saved, Setup, Slopes
from nnctl.kernels.recurrence_parts import (
    activate,
    clear_masked,
    copy_rows,
    dropped,
    factors_of,
    gate_product,
    multiply,
    scale_by_slope,
    state_product,
    write_gates,
)
from nnctl.kernels.recurrence_units import by_units
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
    """Saved: the new h, as it is before masked rows are put back."""
    state_product(plan, given, block, 0, dropped(plan, given, block, 0, h, spare), True, False, planes)
    activate(planes, plan.activation)
    copy_rows(planes, block.units, block.rows, block.units, new, block.units)


@inline
def _slope(
    plan: Setup, given: Given, block: Chunk, d: Any, d_old: Any, saved: Saved, planes: Any, d_planes: Any,
    spare: Any, slopes: Slopes,
) -> None:  # fmt: skip
    copy_rows(d, plan.units, block.rows, plan.units, d_planes, plan.units)
    scale_by_slope(planes, plan.activation, d_planes)
    clear_masked(plan, given, block, d_planes)
    write_gates(plan, block, 0, d_planes, slopes.xw)
    gate_product(plan, block, 0, address(d_planes, 0), plan.units, 0, 0, 0, d_old)
    if given.factors.size:
        multiply(d_old, factors_of(plan, given, block, 0), d_old)


simple_rnn_forward, simple_rnn_backward = recurrence("simple_rnn", _step, _slope)
simple_rnn_units = by_units("simple_rnn", _step)
