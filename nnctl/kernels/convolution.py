"""Convolution forward and its input gradient, over any axes: one gather over tables of `convolution_plan`.

Order of accumulation of an output element, on every CPU and any number of threads: it starts
with the bias and takes one chain of fused multiply-adds, kernel taps ascending (for the input
gradient: in the order of `gradient_axis`), channels ascending within a tap.

A task is some small images or some rows of a large one. Pixels are read in place; nothing is
copied but the kernel. Taps outside the image are left out (they would add products with 0).
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels import convolution_tile
from nnctl.kernels.convolution_plan import AT, HEADER, IN, RECORD, SERIAL, VECTOR_BYTES
from nnctl.kernels.convolution_tile import TILE_ROWS, tile_narrow, tile_wide
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address, copy_block, transpose_block

GATE = convolution_tile.GATE


@kernel
def pack_panels(w: Any, bias: Any, table: Any, panels: Any) -> None:
    """Weights to panels of two vectors of columns; the first row of a panel is the bias or zeros.

    Shapes, all flat: w (taps*C/groups*F,), bias (F,) or empty, table (`forward` or `input_gradient`
    of convolution_plan), panels (`Gather.kernel_elements`,).
    """
    groups, length, columns = table[AT.groups], table[AT.length], table[AT.columns]
    depth, transposed, filters = table[AT.depth], table[AT.transposed], table[AT.filters]
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
                    source = (tap * columns + j) * filters + group * length
                    for v in range(0, valid, lane):
                        for f in range(0, length, lane):
                            transpose_block(
                                w, source + v * filters + f, filters, valid - v, length - f,
                                panels, to + (tap * length + f) * width + v, width,
                            )  # fmt: skip
            to += depth * width


@inline
def _class_tiles(
    like: Any, x: int, table: int, record: Any, begin: int, end: int, pixels: int, panel: int, width: int,
    columns: int, bounds: int, mode: int, gate: int, y: int,
) -> None:  # fmt: skip
    """Pixels begin..end-1 of the `pixels` of one class in a task, for one panel of columns.

    The last tile of all may overlap the one before it.
    """
    run_count, length = record[IN.run_count], record[IN.run_length]
    runs, weights = table + record[IN.runs] * 8, table + record[IN.weights] * 8
    w = panel + width * like.itemsize
    count = min(TILE_ROWS, pixels)
    for p in range(begin, end, TILE_ROWS):
        p = min(p, pixels - count)
        rows, places = table + (record[IN.offsets] + p) * 8, table + (record[IN.places] + p) * 8
        if width * like.itemsize > VECTOR_BYTES:
            tile_wide(
                like, x, rows, count, runs, weights, run_count, length, 1, w, width, panel, bounds, gate, y,
                places, columns, mode,
            )  # fmt: skip
        else:
            tile_narrow(
                like, x, rows, count, runs, weights, run_count, length, 1, w, width, panel, bounds, gate, y,
                places, columns, mode,
            )  # fmt: skip


@inline
def _task(
    x: Any,
    image: int,
    images: int,
    first: int,
    end: int,
    panels: Any,
    bounds: int,
    mode: int,
    gate: Any,
    table: Any,
    y: Any,
) -> None:
    """Output rows first..end-1 of some images, all columns: chunk by chunk of a class's pixels."""
    groups, length, per_group = table[AT.groups], table[AT.length], table[AT.columns]
    classes, depth, chunk = table[AT.classes], table[AT.depth], table[AT.chunk]
    wide = VECTOR_BYTES // y.itemsize
    tables = address(table, 0)
    for number in range(classes):
        record = table[HEADER + number * RECORD : HEADER + (number + 1) * RECORD]
        # Members k of the class whose rows, start + k*step, lie in first..end-1.
        step, before = record[IN.step], record[IN.start] - record[IN.step] + 1
        k = max(0, (first - before) // step)
        rows = min(record[IN.rows], (end - before) // step) - k
        pixels = images * max(rows, 0) * record[IN.pixels]
        source = image * table[AT.source_size] + record[IN.source_at] + k * record[IN.source_step]
        to = image * table[AT.out_size] + record[IN.out_at] + k * record[IN.out_step]
        for begin in range(0, pixels, chunk):
            panel = address(panels, 0)
            for group in range(groups):
                for j in range(0, per_group, 2 * wide):
                    columns = min(2 * wide, per_group - j)
                    width = wide if columns <= wide else 2 * wide
                    column = to + group * per_group + j
                    _class_tiles(
                        y, address(x, source + group * length), tables, record, begin,
                        min(begin + chunk, pixels), pixels, panel, width, columns,
                        bounds, mode, address(gate, column), address(y, column),
                    )  # fmt: skip
                    panel += (depth + 1) * width * y.itemsize


@numba.njit(error_model="numpy", nogil=True)
def _work(x: Any, panels: Any, bounds: int, mode: int, gate: Any, table: Any, scratch: Any, y: Any) -> None:
    """Draw tasks and do them until none is left."""
    batch, together, blocks = table[AT.batch], table[AT.together], table[AT.blocks]
    block = table[AT.block_rows]
    while True:
        task = take_ticket(scratch, 0)
        image = task // blocks * together
        if image >= batch:
            break
        first = task % blocks * block
        images, end = min(together, batch - image), first + block
        _task(x, image, images, first, end, panels, bounds, mode, gate, table, y)


@kernel(parallel=True)
def gather(x: Any, panels: Any, bounds: Any, work: int, gate: Any, table: Any, scratch: Any, y: Any) -> None:
    """y = bias + sum over taps and channels of x * w, kept in bounds, 0 where the gate is not positive; by
    tables.

    Shapes, all flat: x (B*pixels*C,), panels (from `pack_panels`), bounds (2,) or empty, gate like y or
    empty, table (from `convolution_plan.Gather`, whose `work` decides whether other threads are woken),
    scratch (TICKETS,), y (B*pixels*F,).
    """
    mode, ends = GATE if gate.size > 0 else 0, address(bounds, 0) if bounds.size else 0
    scratch[0] = scratch[1] = 0
    if work <= SERIAL:
        _work(x, panels, ends, mode, gate, table, scratch, y)
    else:
        for _worker in numba.prange(thread_count()):
            _work(x, panels, ends, mode, gate, table, scratch, y)
