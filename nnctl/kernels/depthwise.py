"""Depthwise convolution, its input gradient and the gradient of its weights: channels side by side.

Order of accumulation of an output element, on every CPU and any number of threads: it starts with the bias
and takes one chain of fused multiply-adds, taps ascending (for the input gradient: pixels of dy ascending).
An element of the weights' gradient: a chain over the pixels of a row of dy from zero; rows are added in order
within a part, parts in order (`depthwise_plan.weight_gradient`). Taps outside the image are left out.
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels.convolution_plan import SERIAL
from nnctl.kernels.depthwise_plan import AT
from nnctl.kernels.depthwise_rows import sum_row, weight_row
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.tile import address


@inline
def _sum_row(x: Any, weights: Any, bias: Any, bounds: int, gate: Any, table: Any, task: int, y: Any) -> None:
    height, width, channels = table[AT.source_height], table[AT.source_width], table[AT.channels]
    out_height, pixels = table[AT.out_height], table[AT.out_width]
    image, record = task // out_height, table[AT.rows] + 3 * (task % out_height)
    at = task * pixels * channels
    sum_row(
        y, y,
        (
            address(x, image * height * width * channels), width, channels, address(weights, 0),
            table[AT.taps_across], address(bias, 0), bias.size, table[record], table[record + 1],
            table[record + 2], address(table, table[AT.columns]), table[AT.source_down],
            table[AT.source_across], table[AT.tap_down], table[AT.tap_across], table[AT.inner],
            table[AT.inner_end], table[AT.inner_step], pixels, bounds, address(gate, at), gate.size,
            address(y, at),
        ),
    )  # fmt: skip


@kernel(parallel=True)
def sums(x: Any, weights: Any, bias: Any, bounds: Any, work: int, gate: Any, table: Any, y: Any) -> None:
    """y = bias + sum over taps of x * w, channel by channel, in bounds, 0 where the gate is not positive.

    Shapes, all flat: x (B*pixels*C,), weights (taps*C,), bias (C,) or empty, bounds (2,) or empty, gate
    like y or empty, table (`depthwise_plan.forward` or `input_gradient`), y (B*pixels*C,). `work` decides
    whether other threads are woken.
    """
    tasks, ends = table[AT.batch] * table[AT.out_height], address(bounds, 0) if bounds.size else 0
    if work <= SERIAL:
        for task in range(tasks):
            _sum_row(x, weights, bias, ends, gate, table, task, y)
    else:
        for task in numba.prange(tasks):
            _sum_row(x, weights, bias, ends, gate, table, task, y)


@inline
def _part(x: Any, dy: Any, has_bias: int, parts: int, table: Any, part: int, scratch: Any) -> None:
    """The sums over the rows of a part."""
    height, width, channels = table[AT.source_height], table[AT.source_width], table[AT.channels]
    out_height, pixels, taps = table[AT.out_height], table[AT.out_width], table[AT.taps_across]
    rows = table[AT.batch] * out_height
    size = (table[AT.taps_down] * taps + 1) * channels
    for i in range(part * size, (part + 1) * size):
        scratch[i] = 0
    for task in range(part * rows // parts, (part + 1) * rows // parts):
        image, record = task // out_height, table[AT.rows] + 3 * (task % out_height)
        weight_row(
            dy, dy,
            (
                address(x, image * height * width * channels), width, channels, taps, table[record],
                table[record + 1], table[record + 2], table[AT.source_down], address(table, table[AT.reach]),
                table[AT.inner_step], address(dy, task * pixels * channels), pixels,
                table[AT.taps_down] * taps if has_bias != 0 else 0, address(scratch, part * size),
            ),
        )  # fmt: skip


@kernel(parallel=True)
def weight_gradient(
    x: Any, dy: Any, work: int, table: Any, parts: int, scratch: Any, dw: Any, db: Any
) -> None:
    """Gradients of the weights and the bias.

    Shapes, all flat: x (B*pixels*C,), dy (B*pixels*C,), table, parts and scratch of
    `depthwise_plan.weight_gradient`, dw (taps*C,), db (C,) or empty.
    """
    if work <= SERIAL:
        for part in range(parts):
            _part(x, dy, db.size, parts, table, part, scratch)
    else:
        for part in numba.prange(parts):
            _part(x, dy, db.size, parts, table, part, scratch)
    size = dw.size + table[AT.channels]
    for i in range(dw.size):
        dw[i] = scratch[i]
    for i in range(db.size):
        db[i] = scratch[dw.size + i]
    for part in range(1, parts):
        for i in range(dw.size):
            dw[i] += scratch[part * size + i]
        for i in range(db.size):
            db[i] += scratch[part * size + dw.size + i]
