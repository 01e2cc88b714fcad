"""2-D convolution forward and its input gradient: one gather over tables from `convolution_plan`.

Order of accumulation of an output element, on every CPU and any number of threads: it starts
with the bias and takes one chain of fused multiply-adds, kernel taps ascending (for the input
gradient: in the order of `gradient_phases`), channels ascending within a tap.

A task is a block of output rows of one image. Its source rows are read in place, or, where
taps reach outside the image, from a copy with zeros around it in the thread's scratch.
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels import convolution_plan, convolution_tile
from nnctl.kernels.convolution_tile import TILE_ROWS, tile_narrow, tile_wide
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import take_ticket

HEADER = convolution_plan.HEADER
RECORD = convolution_plan.RECORD
TICKETS = convolution_plan.TICKETS
VECTOR_BYTES = convolution_plan.VECTOR_BYTES
RELU = convolution_tile.RELU

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""


@inline
def copy_padded(
    x: Any, image_at: int, height: int, row: int, first: int, rows: int, before: int, width: int,
    out: Any, at: int,
) -> None:  # fmt: skip
    """Rows first..first+rows-1 of an image (height, row) into rows of `width`, zeros outside it."""
    zero = out.dtype.type(0)
    for r in range(rows):
        to = at + r * width
        y = first + r
        if y < 0 or y >= height:
            for i in range(width):
                out[to + i] = zero
        else:
            source = image_at + y * row
            for i in range(before):
                out[to + i] = zero
            for i in range(row):
                out[to + before + i] = x[source + i]
            for i in range(before + row, width):
                out[to + i] = zero


@kernel
def pack_panels(w: Any, bias: Any, has_bias: int, table: Any, panels: Any) -> None:
    """Weights (flat) to panels of two vectors of columns, zeros beyond the last; the first row is the bias.

    Shapes: w (KH*KW*C/groups*F,), bias (F,) or any when `has_bias` is 0, table (`forward` or
    `input_gradient` of convolution_plan), panels (`Gather.panel_elements`,).
    """
    groups, columns, depth, weights_at, column_step, group_step = (
        table[1], table[15], table[19], table[20], table[21], table[22],
    )  # fmt: skip
    lanes = VECTOR_BYTES // panels.itemsize
    zero = panels.dtype.type(0)
    to = 0
    for group in range(groups):
        for j in range(0, columns, 2 * lanes):
            width = lanes if columns - j <= lanes else 2 * lanes
            valid = min(width, columns - j)
            for i in range(width):
                panels[to + i] = bias[group * columns + j + i] if has_bias != 0 and i < valid else zero
            to += width
            for k in range(depth):
                source = table[weights_at + k] + group * group_step + j * column_step
                for i in range(valid):
                    panels[to + i] = w[source + i * column_step]
                for i in range(valid, width):
                    panels[to + i] = zero
                to += width


@inline
def _panel_tiles(
    x: Any, x_at: int, table: Any, record: int, pixels: int, length: int, panels: Any, panel: int,
    width: int, columns: int, mode: int, y: Any, y_at: int,
) -> None:  # fmt: skip
    """All pixels of one phase in a block, for one panel of columns. The last tile may overlap."""
    rows_at, places_at = table[record + 4], table[record + 5]
    runs_at, run_count = table[record + 6], table[record + 7]
    w_at = panel + (1 + table[record + 8]) * width
    count = min(TILE_ROWS, pixels)
    for p in range(0, pixels, TILE_ROWS):
        p = min(p, pixels - count)
        if width * y.itemsize > VECTOR_BYTES:
            tile_wide(
                x, x_at, table, rows_at + p, count, runs_at, run_count, length, 1, panels, w_at, width,
                panels, panel, y, y_at, places_at + p, columns, mode,
            )  # fmt: skip
        else:
            tile_narrow(
                x, x_at, table, rows_at + p, count, runs_at, run_count, length, 1, panels, w_at, width,
                panels, panel, y, y_at, places_at + p, columns, mode,
            )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _block(x: Any, x_at: int, image: int, first: int, panels: Any, mode: int, table: Any, y: Any) -> None:
    """One block of output rows, from `first` on, of one image; its source rows lie at `x_at`."""
    groups, block, per_group, length, phases, depth = (
        table[1], table[3], table[15], table[17], table[18], table[19],
    )  # fmt: skip
    lanes = VECTOR_BYTES // y.itemsize
    panel = 0
    for group in range(groups):
        for j in range(0, per_group, 2 * lanes):
            columns = min(2 * lanes, per_group - j)
            width = lanes if columns <= lanes else 2 * lanes
            for phase in range(phases):
                record = HEADER + phase * RECORD
                rows = min(block, table[record] - first)
                if rows > 0:
                    to = image * table[14] + table[record + 2] + first * table[record + 3]
                    _panel_tiles(
                        x, x_at + group * table[16], table, record, rows * table[record + 1], length,
                        panels, panel, width, columns, mode, y, to + group * per_group + j,
                    )  # fmt: skip
            panel += (depth + 1) * width


@numba.njit(error_model="numpy", nogil=True)
def _work(x: Any, panels: Any, mode: int, table: Any, scratch: Any, slot: int, y: Any) -> None:
    """Draw blocks and do them until none is left."""
    images, blocks, block, height, width, channels, top, left, row, extent, step, padded = (
        table[0], table[2], table[3], table[4], table[5], table[6], table[7], table[8], table[9],
        table[10], table[11], table[12],
    )  # fmt: skip
    rows = (block - 1) * step + extent
    while True:
        task = take_ticket(scratch, 0)
        if task >= images * blocks:
            break
        image = task // blocks
        first = (task - image * blocks) * block
        image_at = image * height * width * channels
        if padded != 0:
            copy_padded(
                x, image_at, height, width * channels, first * step - top, rows, left * channels, row,
                scratch, slot,
            )  # fmt: skip
            _block(scratch, slot, image, first, panels, mode, table, y)
        else:
            _block(x, image_at + (first * step - top) * row, image, first, panels, mode, table, y)


@kernel(parallel=True)
def gather(x: Any, panels: Any, relu: int, work: int, table: Any, scratch: Any, y: Any) -> None:
    """y = relu(bias + sum over taps and channels of x * w), by tables.

    Shapes, all flat: x (B*H*W*C,), panels (from `pack_panels`), table and scratch (from
    `convolution_plan.Gather`, whose `work` decides whether other threads are woken), y (B*OH*OW*F,).
    """
    mode = RELU if relu != 0 else 0
    scratch[0] = scratch[1] = 0
    if work <= SERIAL:
        _work(x, panels, mode, table, scratch, TICKETS, y)
    else:
        slot = table[13]
        for worker in numba.prange((scratch.size - TICKETS) // slot):
            _work(x, panels, mode, table, scratch, TICKETS + worker * slot, y)
