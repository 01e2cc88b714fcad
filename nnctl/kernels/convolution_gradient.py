"""Gradient of a convolution's kernel and bias, without an im2col matrix.

A register tile holds some rows (kernel tap, channel) by some filters and runs over the pixels
of a block: rows are read from x in place, filters from dy. Order of accumulation of an
element, for any number of threads and any CPU: pixels ascend in a block from zero, blocks are
added in order within their part (see `weight_gradient_plan`), parts are added in order.
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels import convolution_tile
from nnctl.kernels.convolution_plan import SERIAL, TICKETS, VECTOR_BYTES
from nnctl.kernels.convolution_sums import add_columns, add_parts
from nnctl.kernels.convolution_tile import TILE_ROWS, WHOLE_BYTES, tile_narrow, tile_wide
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.padded_copy import copy_padded
from nnctl.kernels.simd import take_ticket
from nnctl.kernels.tile import address, copy_block
from nnctl.kernels.weight_gradient_plan import AT, HEADER, SPARE_ROWS

FROM_ZERO = convolution_tile.FROM_ZERO
ADD = convolution_tile.ADD
EACH = convolution_tile.EACH
COMBINED_ROWS = 64


@inline
def _panel(
    like: Any, x: int, w: int, w_step: int, images: int, rows: int, width: int, valid: int, older: int,
    has_bias: int, table: Any, sums: int, begun: int,
) -> None:  # fmt: skip
    """All tiles of one panel of filters over one block's pixels; x, w (rows of dy), sums are addresses.

    Some pixels go through all tiles before the next ones, so that they stay in the first-level cache; the
    block's sums lie at `begun` meanwhile.
    """
    columns, depth, run_pixels = table[AT.row_pixels], table[AT.depth], table[AT.run_pixels]
    step, merged, chunk = table[AT.pixel_step], table[AT.merged], table[AT.chunk]
    runs = images if merged != 0 else images * rows * table[AT.row_runs]
    length = rows * run_pixels if merged != 0 else run_pixels
    filters = -(-valid * like.itemsize // WHOLE_BYTES) * WHOLE_BYTES // like.itemsize
    pieces, together = -(-length // chunk), max(1, chunk // length)
    piece, chunks = -(-length // pieces), -(-runs // together) * pieces
    for number in range(chunks):
        run, at = number // pieces * together, number % pieces * piece
        last = number == chunks - 1
        mode = (FROM_ZERO if number == 0 else EACH) | (ADD if last and older != 0 else 0)
        _tiles(
            like, x + at * step * like.itemsize, w + at * w_step * like.itemsize, w_step, run,
            min(together, runs - run), min(piece, length - at), width, filters, mode, table, begun,
            sums if last else begun,
        )  # fmt: skip
    if has_bias != 0:
        out = sums + (depth + SPARE_ROWS) * width * like.itemsize
        add_columns(like, w, w_step, images * rows * columns, width, older, out)


@inline
def _tiles(
    like: Any, x: int, w: int, w_step: int, run: int, runs: int, length: int, width: int, filters: int,
    mode: int, table: Any, begun: int, sums: int,
) -> None:  # fmt: skip
    """All tiles of one panel over some runs of pixels, from number `run` on, `length` pixels of each."""
    depth, step, tables = table[AT.depth], table[AT.pixel_step], address(table, 0)
    wide = tables + HEADER * 8
    narrow = wide + SPARE_ROWS * 8
    runs_at, weights_at = tables + (table[AT.runs] + run) * 8, tables + (table[AT.weights] + run) * 8
    rows_at = tables + table[AT.rows] * 8
    for r in range(0, depth, TILE_ROWS):
        row = r * width * like.itemsize
        if width * like.itemsize > VECTOR_BYTES:
            tile_wide(
                like, x, rows_at + r * 8, TILE_ROWS, runs_at, weights_at, runs, length, step, w, w_step,
                begun + row, 0, w, sums + row, wide, filters, mode,
            )  # fmt: skip
        else:
            tile_narrow(
                like, x, rows_at + r * 8, TILE_ROWS, runs_at, weights_at, runs, length, step, w, w_step,
                begun + row, 0, w, sums + row, narrow, filters, mode,
            )  # fmt: skip


@inline
def _block(
    x: int, dy: Any, dy_at: int, images: int, rows: int, first: int, last: int, older: int, has_bias: int,
    table: Any, scratch: Any, sums: int, slot: int,
) -> None:  # fmt: skip
    """Rows of one image, or some whole images: their products, into the sums of panels first..last-1."""
    groups, columns, all_filters = table[AT.groups], table[AT.row_pixels], table[AT.filters]
    channels, filters, depth = table[AT.group_channels], table[AT.group_filters], table[AT.depth]
    packed = table[AT.packed]
    panel_at, begun = slot + table[AT.x_elements], address(scratch, slot + table[AT.begun])
    wide = VECTOR_BYTES // dy.itemsize
    number = 0
    for group in range(groups):
        for j in range(0, filters, 2 * wide):
            valid = min(2 * wide, filters - j)
            width = wide if valid <= wide else 2 * wide
            if first <= number < last:
                at = dy_at + group * filters + j
                w, w_step = address(dy, at), all_filters
                if packed != 0:
                    copy_block(dy, at, all_filters, images * rows * columns, valid, scratch, panel_at, width)
                    w, w_step = address(scratch, panel_at), width
                source = x + group * channels * dy.itemsize
                _panel(dy, source, w, w_step, images, rows, width, valid, older, has_bias, table, sums, begun)
            number += 1
            sums += (depth + SPARE_ROWS + 1) * width * dy.itemsize


@inline
def _copy_rows(like: Any, image: int, first: int, rows: int, table: Any, out: int) -> None:
    """Rows first..first+rows-1 of an image, with zeros around them; image and out are addresses."""
    height, line, before = table[AT.height], table[AT.line], table[AT.before_line]
    wide, sheets = table[AT.padded_line], table[AT.sheets]
    if sheets == 0:
        copy_padded(like, image, height, line, first, rows, before, wide, out)
    else:
        size = height * line * like.itemsize
        for r in range(rows):
            # A sheet outside is one without lines.
            there = height if 0 <= first + r < sheets else 0
            copy_padded(
                like, image + (first + r) * size, there, line, -table[AT.before_sheet],
                table[AT.padded_height], before, wide, out + r * table[AT.row] * like.itemsize,
            )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _work(x: Any, dy: Any, has_bias: int, table: Any, scratch: Any, slot: int) -> None:
    """Draw (part, range of panels) until none is left."""
    images, blocks, block = table[AT.batch], table[AT.blocks], table[AT.block_rows]
    image_size, extent, step = table[AT.image], table[AT.extent], table[AT.step]
    out_rows, out_row = table[AT.out_rows], table[AT.row_pixels] * table[AT.filters]
    parts, chunks, panels = table[AT.parts], table[AT.chunks], table[AT.panels]
    partial = table[AT.partial]
    together, image_elements, units = table[AT.together], table[AT.image_elements], table[AT.units]
    while True:
        task = take_ticket(scratch, 0)
        if task >= parts * chunks:
            break
        part, chunk = task // chunks, task % chunks
        begin, end = part * units // parts, (part + 1) * units // parts
        for unit in range(begin, end):
            image = unit // blocks * together
            count = min(together, images - image)
            first = unit % blocks * block
            row = first * step - table[AT.before_row]
            source = address(x, image * image_size + row * table[AT.row])
            if table[AT.padded] != 0:
                source = address(scratch, slot)
                for n in range(count):
                    _copy_rows(
                        dy, address(x, (image + n) * image_size), row, (block - 1) * step + extent, table,
                        source + n * image_elements * dy.itemsize,
                    )  # fmt: skip
            _block(
                source, dy, (image * out_rows + first) * out_row, count, min(block, out_rows - first),
                chunk * panels // chunks, (chunk + 1) * panels // chunks, unit - begin, has_bias, table,
                scratch, address(scratch, TICKETS + part * partial), slot,
            )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _combine(has_bias: int, table: Any, scratch: Any, dw: Any, db: Any) -> None:
    """Draw blocks of rows of dw and add up their parts."""
    groups, all_filters, filters = table[AT.groups], table[AT.filters], table[AT.group_filters]
    depth, parts, partial = table[AT.depth], table[AT.parts], table[AT.partial]
    wide, step = VECTOR_BYTES // dw.itemsize, partial * dw.itemsize
    while True:
        first = take_ticket(scratch, 2) * COMBINED_ROWS
        if first >= depth:
            break
        rows = min(depth - first, COMBINED_ROWS)
        sums = address(scratch, TICKETS)
        for group in range(groups):
            for j in range(0, filters, 2 * wide):
                valid = min(2 * wide, filters - j)
                width = wide if valid <= wide else 2 * wide
                column = group * filters + j
                row = width * dw.itemsize
                out = address(dw, first * all_filters + column)
                add_parts(dw, sums + first * row, parts, step, rows, width, valid, out, all_filters)
                if first == 0 and has_bias != 0:
                    add_parts(
                        dw, sums + (depth + SPARE_ROWS) * row, parts, step, 1, width, valid,
                        address(db, column), 0,
                    )  # fmt: skip
                sums += (depth + SPARE_ROWS + 1) * row


@kernel(parallel=True)
def weight_gradient(x: Any, dy: Any, work: int, table: Any, scratch: Any, dw: Any, db: Any) -> None:
    """Gradients of the kernel and the bias.

    Shapes, all flat: x (B*pixels*C,), dy (B*pixels*F,), table and scratch (from
    `weight_gradient_plan.WeightGradientPlan`), dw (taps*C/groups*F,), db (F,) or empty.
    `work` decides whether other threads are woken.
    """
    has_bias = db.size
    slot, start = table[AT.slot], table[AT.slots_at]
    for i in range(4):
        scratch[i] = 0
    if work <= SERIAL:
        _work(x, dy, has_bias, table, scratch, start)
        _combine(has_bias, table, scratch, dw, db)
    else:
        for stage in range(2):
            for worker in numba.prange((scratch.size - start) // slot):
                if stage == 0:
                    _work(x, dy, has_bias, table, scratch, start + worker * slot)
                else:
                    _combine(has_bias, table, scratch, dw, db)
