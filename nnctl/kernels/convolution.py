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
from nnctl.kernels.convolution_tile import TILE_ROWS, copy_padded, tile_narrow, tile_wide
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import lanes, take_ticket
from nnctl.kernels.tile import address, copy_block, transpose_block

HEADER = convolution_plan.HEADER
RECORD = convolution_plan.RECORD
VECTOR_BYTES = convolution_plan.VECTOR_BYTES
RELU = convolution_tile.RELU
GATE = convolution_tile.GATE

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""


@kernel
def pack_panels(w: Any, bias: Any, table: Any, panels: Any) -> None:
    """Weights to panels of two vectors of columns; the first row of a panel is the bias or zeros.

    Shapes, all flat: w (KH*KW*C/groups*F,), bias (F,) or empty, table (`forward` or `input_gradient`
    of convolution_plan), panels (`Gather.panel_elements`,).
    """
    groups, columns, length, depth, taps_at, transposed, filters = (
        table[1], table[15], table[17], table[19], table[20], table[21], table[22],
    )  # fmt: skip
    wide, lane = VECTOR_BYTES // panels.itemsize, lanes(panels)
    to = 0
    for group in range(groups):
        for j in range(0, columns, 2 * wide):
            width = wide if columns - j <= wide else 2 * wide
            valid = min(width, columns - j)
            for i in range(width):
                panels[to + i] = 0
            if bias.size > 0:
                for i in range(valid):
                    panels[to + i] = bias[group * columns + j + i]
            to += width
            if transposed == 0:
                copy_block(w, group * columns + j, filters, depth, valid, panels, to, width)
            else:
                for tap in range(depth // length):
                    source = (table[taps_at + tap] + j) * filters + group * length
                    for v in range(0, valid, lane):
                        for f in range(0, length, lane):
                            transpose_block(
                                w, source + v * filters + f, filters, valid - v, length - f,
                                panels, to + (tap * length + f) * width + v, width,
                            )  # fmt: skip
            to += depth * width


@inline
def _panel_tiles(
    like: Any, x: int, table: int, record: Any, pixels: int, length: int, panel: int, width: int,
    columns: int, mode: int, gate: int, y: int,
) -> None:  # fmt: skip
    """All pixels of one phase in a block, for one panel of columns. The last tile may overlap."""
    rows_at, places_at, runs_at, run_count = record[4], record[5], record[6], record[7]
    w = panel + (1 + record[8]) * width * like.itemsize
    runs = table + runs_at * 8
    count = min(TILE_ROWS, pixels)
    for p in range(0, pixels, TILE_ROWS):
        p = min(p, pixels - count)
        rows, places = table + (rows_at + p) * 8, table + (places_at + p) * 8
        if width * like.itemsize > VECTOR_BYTES:
            tile_wide(
                like, x, rows, count, runs, run_count, length, 1, w, width, panel, gate, y, places, columns,
                mode,
            )  # fmt: skip
        else:
            tile_narrow(
                like, x, rows, count, runs, run_count, length, 1, w, width, panel, gate, y, places, columns,
                mode,
            )  # fmt: skip


@inline
def _block(x: int, image: int, first: int, panels: Any, mode: int, gate: Any, table: Any, y: Any) -> None:
    """One block of output rows, from `first` on, of one image; its source rows lie at address `x`."""
    groups, block, per_group, length, phases, depth = (
        table[1], table[3], table[15], table[17], table[18], table[19],
    )  # fmt: skip
    wide = VECTOR_BYTES // y.itemsize
    tables, panel = address(table, 0), address(panels, 0)
    for group in range(groups):
        source = x + group * table[16] * y.itemsize
        for j in range(0, per_group, 2 * wide):
            columns = min(2 * wide, per_group - j)
            width = wide if columns <= wide else 2 * wide
            for phase in range(phases):
                record = table[HEADER + phase * RECORD : HEADER + (phase + 1) * RECORD]
                rows = min(block, record[0] - first)
                if rows > 0:
                    to = image * table[14] + record[2] + first * record[3] + group * per_group + j
                    _panel_tiles(
                        y, source, tables, record, rows * record[1], length, panel, width, columns, mode,
                        address(gate, to), address(y, to),
                    )  # fmt: skip
            panel += (depth + 1) * width * y.itemsize


@numba.njit(error_model="numpy", nogil=True)
def _work(x: Any, panels: Any, mode: int, gate: Any, table: Any, scratch: Any, slot: int, y: Any) -> None:
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
            source = address(scratch, slot)
            copy_padded(
                y, address(x, image_at), height, width * channels, first * step - top, rows,
                left * channels, row, source,
            )  # fmt: skip
        else:
            source = address(x, image_at + (first * step - top) * row)
        _block(source, image, first, panels, mode, gate, table, y)


@kernel(parallel=True)
def gather(x: Any, panels: Any, relu: int, work: int, gate: Any, table: Any, scratch: Any, y: Any) -> None:
    """y = relu(bias + sum over taps and channels of x * w), 0 where the gate is not positive; by tables.

    Shapes, all flat: x (B*H*W*C,), panels (from `pack_panels`), gate like y or empty, table and scratch
    (from `convolution_plan.Gather`, whose `work` decides whether other threads are woken), y (B*OH*OW*F,).
    """
    mode = (RELU if relu != 0 else 0) | (GATE if gate.size > 0 else 0)
    # A literal start would make Numba compile `_work` for that literal once more.
    slot, start = table[13], table[23]
    scratch[0] = scratch[1] = 0
    if work <= SERIAL:
        _work(x, panels, mode, gate, table, scratch, start, y)
    else:
        for worker in numba.prange((scratch.size - start) // slot):
            _work(x, panels, mode, gate, table, scratch, start + worker * slot, y)
