"""Tables for the gradient of a convolution's kernel and bias: how its work is cut, by shape alone.

The gradient of the kernel sums over all pixels of all images. Blocks of rows of images (as in
the forward pass) are dealt in order to `parts`; each part has partial sums of its own, which
are added in order at the end. Few parts where the kernel is large, and then each part's
columns (filters) are cut too, so that there is work for every thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnctl.kernels.convolution_plan import TASKS, TICKETS, VECTOR_BYTES, Geometry, PlanTable, images_together

WORKERS = 16  # threads that get scratch of their own; also the most parts
BLOCK_BYTES = 160 * 1024  # a block of x stays in the second-level cache
# Where the header of the table holds what.
(
    BATCH, GROUPS, BLOCKS, BLOCK_ROWS, HEIGHT, WIDTH, CHANNELS, TOP, LEFT, ROW,
    EXTENT, STEP, PADDED, SLOT, OUT_HEIGHT, OUT_WIDTH, ALL_FILTERS, GROUP_CHANNELS, GROUP_FILTERS, DEPTH,
    PARTS, CHUNKS, PANELS, PARTIAL, RUN_PIXELS, PIXEL_STEP, MERGED, PACKED, X_ELEMENTS,
    TOGETHER, IMAGE_ELEMENTS, SLOTS_AT, IMAGE_RUNS, UNITS, RUNS, WEIGHTS, ROWS,
) = range(37)  # fmt: skip
HEADER = 40
SPARE_ROWS = 8  # partial sums are kept for whole tiles of rows
PARTIAL_ELEMENTS = 1 << 20  # of all parts together, where the kernel is not larger itself
PANEL_PIXELS = 512  # of a panel of dy
PACK_DEPTH = 32  # rows of the kernel from which copying a panel of dy pays
PART_PIXELS = 128  # fewer, and adding up the parts costs more than it brings


class WeightGradientPlan(NamedTuple):
    """What `convolution_gradient.weight_gradient` needs."""

    table: PlanTable
    partial_elements: int  # of all parts
    slot_elements: int
    work: int  # multiply-adds

    def scratch(self, threads: int) -> int:
        """Elements of scratch on up to `threads` threads."""
        return TICKETS + self.partial_elements + min(threads, WORKERS) * self.slot_elements


class PaddedImage(NamedTuple):
    """How x is read: its sizes, the zeros around it, the rows under a row of dy, the step between those."""

    height: int
    width: int
    channels: int
    top: int
    left: int
    bottom: int
    right: int
    extent: int
    step: int

    @property
    def padded(self) -> bool:
        """Does any tap read outside the image?"""
        return max(self.top, self.left, self.bottom, self.right) > 0

    @property
    def row(self) -> int:
        """Elements of a row as the taps see it."""
        wide = self.left + self.width + self.right if self.padded else self.width
        return wide * self.channels

    def rows(self, block: int) -> int:
        """Rows under `block` rows of dy."""
        return (block - 1) * self.step + self.extent


def _source(g: Geometry) -> PaddedImage:
    extent = [(k - 1) * d + 1 for k, d in zip(g.kernel, g.dilation, strict=True)]
    bottom = (g.out_height - 1) * g.stride[0] + extent[0] - g.top - g.height
    right = (g.out_width - 1) * g.stride[1] + extent[1] - g.left - g.width
    right = max(right, 0)
    return PaddedImage(g.height, g.width, g.channels, g.top, g.left, bottom, right, extent[0], g.stride[0])


def _rows_of_block(g: Geometry, source: PaddedImage, itemsize: int) -> int:
    """Rows of dy in a block: its x fits the cache, and a small batch gives work to all threads."""

    def too_many(block: int) -> bool:
        few = g.batch * -(-g.out_height // block) < WORKERS and block * g.out_width > 64
        pixels = block * g.out_width > PANEL_PIXELS
        return source.rows(block) * source.row * itemsize > BLOCK_BYTES or few or pixels

    block = g.out_height
    while block > 1 and too_many(block):
        block = -(-block // 2)
    return block


def _image_runs(g: Geometry, source: PaddedImage, block: int) -> tuple[list[int], int, int, int]:
    """How an image's pixels are walked: (runs, their length, step, 1 if one run holds all rows)."""
    across, down = g.stride[1] * g.channels, g.stride[0] * source.row
    if g.out_width == 1:
        return [0], 1, down, 1
    if across * g.out_width == down:
        return [0], g.out_width, across, 1
    return [m * down for m in range(block)], g.out_width, across, 0


def weight_gradient(g: Geometry, itemsize: int) -> WeightGradientPlan:
    """Tables for dw (and db) from x and dy."""
    g = g.turned()
    source = _source(g)
    lanes = VECTOR_BYTES // itemsize
    block = _rows_of_block(g, source, itemsize)
    blocks = -(-g.out_height // block)
    pixels = block * g.out_width
    image_elements = source.rows(block) * source.row if source.padded else g.height * g.width * g.channels
    limit = min(BLOCK_BYTES // itemsize, PANEL_PIXELS * image_elements // pixels)
    together = images_together(g.batch, image_elements, limit, TASKS) if blocks == 1 else 1
    units = -(-g.batch // together) * blocks
    channels, filters = g.channels // g.groups, g.filters // g.groups
    padded_filters = -(-filters // lanes) * lanes
    rows = [
        i * g.dilation[0] * source.row + j * g.dilation[1] * g.channels + c
        for i in range(g.kernel[0])
        for j in range(g.kernel[1])
        for c in range(channels)
    ]
    partial = g.groups * padded_filters * (g.depth + SPARE_ROWS + 1)
    most = g.batch * g.out_height * g.out_width // PART_PIXELS
    parts = max(1, min(units, WORKERS, PARTIAL_ELEMENTS // partial, most))
    panels = g.groups * -(-padded_filters // (2 * lanes))
    chunks = min(panels, -(-WORKERS // parts))
    image_runs, run_pixels, step, merged = _image_runs(g, source, block)
    runs = [image * image_elements + run for image in range(together) for run in image_runs]
    # A merged run's length follows from the rows; whole images alone are taken together.
    run_rows = block * g.out_width if merged else g.out_width
    weight_rows = [number * run_rows for number in range(len(runs))]
    packed = int(g.depth >= PACK_DEPTH or filters % lanes != 0)
    x_elements = -(-image_elements * together // lanes) * lanes if source.padded else 0
    slot = x_elements + packed * pixels * together * 2 * lanes or lanes
    places = [r * width for width in (2 * lanes, lanes) for r in range(SPARE_ROWS)]
    header = [
        g.batch, g.groups, blocks, block, source.height, source.width, source.channels, source.top,
        source.left, source.row, source.extent, source.step, int(source.padded), slot,
        g.out_height, g.out_width, g.filters, channels, filters, g.depth, parts, chunks, panels, partial,
        run_pixels, step, merged, packed, x_elements, together, image_elements, TICKETS + parts * partial,
        len(image_runs), units,
    ]  # fmt: skip
    at = np.cumsum([HEADER, len(places), len(runs), len(runs)])
    header += [int(n) for n in at[1:]] + [0] * (HEADER - len(header) - 3)
    table = np.array(header + places + runs + weight_rows + rows + [rows[-1]] * SPARE_ROWS, np.int64)
    return WeightGradientPlan(table, parts * partial, slot, g.work)
