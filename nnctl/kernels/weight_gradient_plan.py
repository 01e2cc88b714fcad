"""Tables for the gradient of a convolution's kernel and bias: how its work is cut, by its shape only.

The gradient of the kernel sums over all pixels of all images. Blocks of rows of images (as in
the forward pass) are dealt in order to `parts`; each part has partial sums of its own, which
are added in order at the end. Few parts where the kernel is large, and then each part's
columns (filters) are cut too, so that there is work for every thread.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from nnctl.kernels.convolution_plan import (
    TASKS,
    TICKETS,
    VECTOR_BYTES,
    Geometry,
    Image,
    PlanTable,
    images_together,
)

WORKERS = 16  # threads that get scratch of their own; also the most parts
BLOCK_BYTES = 160 * 1024  # a block of x stays in the second-level cache
SPARE_ROWS = 8  # partial sums are kept for whole tiles of rows
PARTIAL_ELEMENTS = 1 << 20  # of all parts together, where the kernel is not larger itself
PANEL_PIXELS = 512  # of a panel of dy
PACK_DEPTH = 32  # rows of the kernel from which copying a panel of dy pays
CHUNK = 128  # pixels that go through all tiles before the next ones: they stay in the first-level cache
PART_PIXELS = 128  # fewer, and adding up the parts costs more than it brings


class Header(NamedTuple):
    """What the table begins with. `AT.batch` is where in it `batch` is: the kernel reads by these names."""

    batch: int
    units: int
    blocks: int
    block_rows: int
    together: int
    # x as it lies in memory, and as the taps see a row (a place of the first axis) of it.
    image: int
    sheets: int
    height: int
    line: int
    before_row: int
    before_sheet: int
    before_line: int
    padded_height: int
    padded_line: int
    row: int
    extent: int
    step: int
    padded: int
    x_elements: int
    image_elements: int
    # dy and the kernel.
    out_rows: int
    row_pixels: int
    filters: int
    groups: int
    group_channels: int
    group_filters: int
    depth: int
    # How the work is cut, and where things are in the scratch.
    parts: int
    chunks: int
    panels: int
    partial: int
    packed: int
    begun: int
    slot: int
    slots_at: int
    # A block's pixels as runs, and the tables of where runs, their pixels of dy and the kernel's rows begin.
    row_runs: int
    run_pixels: int
    pixel_step: int
    merged: int
    chunk: int
    runs: int
    weights: int
    rows: int


AT = Header(*range(len(Header._fields)))
HEADER = len(AT)


class WeightGradientPlan(NamedTuple):
    """What `convolution_gradient.weight_gradient` needs."""

    table: PlanTable
    partial_elements: int  # of all parts
    slot_elements: int
    work: int  # multiply-adds

    def scratch(self, threads: int) -> int:
        """Elements of scratch on up to `threads` threads."""
        return TICKETS + self.partial_elements + min(threads, WORKERS) * self.slot_elements

    def scratch_bytes(self, itemsize: int, threads: int) -> int:
        """Bytes of scratch on up to `threads` threads."""
        return self.scratch(threads) * itemsize


class _Source:
    """x with the zeros around it, as the taps see it."""

    def __init__(self, g: Geometry) -> None:
        first, *others = g.axes
        after = [first.after, *(max(axis.after, 0) for axis in others)]
        self.padded = max(*(axis.before for axis in g.axes), *after) > 0
        sizes = [axis.before + axis.size + end for axis, end in zip(g.axes, after, strict=True)]
        self.seen = Image((first.size, *(sizes[1:] if self.padded else g.sizes[1:])), g.channels)
        """An image whose rows are padded; what is before and after the first axis is not counted."""
        self.extent, self.step = first.extent, first.stride

    @property
    def row(self) -> int:
        """Elements of a row as the taps see it."""
        return self.seen.steps[0]

    def rows(self, block: int) -> int:
        """Rows under `block` rows of dy."""
        return (block - 1) * self.step + self.extent


def _rows_of_block(g: Geometry, source: _Source, itemsize: int) -> int:
    """Rows of dy in a block: its x fits the cache, and a small batch gives work to all threads."""
    height, width = g.outs[0], prod(g.outs[1:])

    def too_many(block: int) -> bool:
        few = g.batch * -(-height // block) < WORKERS and block * width > 64
        pixels = block * width > PANEL_PIXELS
        return source.rows(block) * source.row * itemsize > BLOCK_BYTES or few or pixels

    block = height
    while block > 1 and too_many(block):
        block = -(-block // 2)
    return block


def _row_runs(g: Geometry, source: _Source) -> tuple[list[int], int, int]:
    """How the pixels of a row are walked: where runs begin, their length, the step in them."""
    others = list(zip(g.axes[1:], source.seen.steps[1:], strict=True))
    while others and others[-1][0].out == 1:
        others.pop()
    if not others:
        return [0], 1, g.axes[0].stride * source.row
    steps = [axis.stride * step for axis, step in others]
    length, step = others[-1][0].out, steps[-1]
    left = len(others) - 1
    while left and (steps[left - 1] == step * length or others[left - 1][0].out == 1):
        left -= 1
        length *= others[left][0].out
    places = product(*(range(axis.out) for axis, _ in others[:left]))
    runs = [sum(m * s for m, s in zip(place, steps[:left], strict=True)) for place in places]
    return runs, length, step


def weight_gradient(g: Geometry, itemsize: int) -> WeightGradientPlan:
    """Tables for dw (and db) from x and dy."""
    g = g.turned()
    source, image, first = _Source(g), Image(g.sizes, g.channels), g.axes[0]
    lanes = VECTOR_BYTES // itemsize
    block = _rows_of_block(g, source, itemsize)
    blocks = -(-first.out // block)
    row_pixels = prod(g.outs[1:])
    pixels = block * row_pixels
    image_elements = source.rows(block) * source.row if source.padded else image.size
    limit = min(BLOCK_BYTES // itemsize, PANEL_PIXELS * image_elements // pixels)
    together = images_together(g.batch, image_elements, limit, TASKS) if blocks == 1 else 1
    units = -(-g.batch // together) * blocks
    channels, filters = g.channels // g.groups, g.filters // g.groups
    padded_filters = -(-filters // lanes) * lanes
    rows = [
        source.seen.at(*(tap * axis.dilation for tap, axis in zip(taps, g.axes, strict=True))) + c
        for taps in np.ndindex(g.kernel)
        for c in range(channels)
    ]
    partial = g.groups * padded_filters * (g.depth + SPARE_ROWS + 1)
    most = g.batch * prod(g.outs) // PART_PIXELS
    parts = max(1, min(units, WORKERS, PARTIAL_ELEMENTS // partial, most))
    panels = g.groups * -(-padded_filters // (2 * lanes))
    row_runs, run_pixels, step = _row_runs(g, source)
    down = first.stride * source.row
    merged = len(row_runs) == 1 and step * run_pixels == down
    image_runs = row_runs if merged else [m * down + run for m in range(block) for run in row_runs]
    runs = [number * image_elements + run for number in range(together) for run in image_runs]
    # A merged run's length follows from the rows; only whole images are taken together.
    pixels_of_run = block * row_pixels if merged else run_pixels
    weight_rows = [number * pixels_of_run for number in range(len(runs))]
    packed = int(g.depth >= PACK_DEPTH or filters % lanes != 0)
    x_elements = -(-image_elements * together // lanes) * lanes if source.padded else 0
    begun = x_elements + packed * pixels * together * 2 * lanes
    slot = begun + (g.depth + SPARE_ROWS) * 2 * lanes
    places = [r * width for width in (2 * lanes, lanes) for r in range(SPARE_ROWS)]
    at = np.cumsum([HEADER, len(places), len(runs), len(runs)])
    # A row of x is one line of pixels, or a sheet of lines, or several sheets: what is around them is zeros.
    sheet = g.axes[-2] if len(g.axes) > 2 else None
    header = Header(
        batch=g.batch,
        units=units,
        blocks=blocks,
        block_rows=block,
        together=together,
        image=image.size,
        sheets=0 if sheet is None else first.size,
        height=first.size if sheet is None else sheet.size,
        line=image.steps[0] if sheet is None else image.steps[-2],
        before_row=first.before,
        before_sheet=0 if sheet is None else sheet.before,
        before_line=g.axes[-1].before * g.channels if len(g.axes) > 1 else 0,
        padded_height=0 if sheet is None else source.seen.sizes[-2],
        padded_line=source.row if sheet is None else source.seen.steps[-2],
        row=source.row,
        extent=source.extent,
        step=source.step,
        padded=int(source.padded),
        x_elements=x_elements,
        image_elements=image_elements,
        out_rows=first.out,
        row_pixels=row_pixels,
        filters=g.filters,
        groups=g.groups,
        group_channels=channels,
        group_filters=filters,
        depth=g.depth,
        parts=parts,
        chunks=min(panels, -(-WORKERS // parts)),
        panels=panels,
        partial=partial,
        packed=packed,
        begun=begun,
        slot=slot,
        slots_at=TICKETS + parts * partial,
        row_runs=len(row_runs),
        run_pixels=run_pixels,
        pixel_step=step,
        merged=int(merged),
        chunk=CHUNK,
        runs=int(at[1]),
        weights=int(at[2]),
        rows=int(at[3]),
    )
    table = np.array([*header, *places, *runs, *weight_rows, *rows, *[rows[-1]] * SPARE_ROWS], np.int64)
    return WeightGradientPlan(table, parts * partial, slot, g.work)
