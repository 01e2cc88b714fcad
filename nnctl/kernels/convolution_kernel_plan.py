"""Tables for the gradient of a convolution's kernel and bias: how its work is cut, by shape alone.

The gradient of the kernel sums over all pixels of all images. Blocks of rows of images (as in
the forward pass) are dealt in order to `parts`; each part has partial sums of its own, which
are added in order at the end. Few parts where the kernel is large, and then each part's
columns (filters) are cut too, so that there is work for every thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnctl.kernels.convolution_plan import (
    TICKETS,
    VECTOR_BYTES,
    WORKERS,
    Geometry,
    Source,
    Table,
    block_elements,
    forward_source,
    rows_per_block,
)

HEADER = 32
SPARE_ROWS = 8  # partial sums are kept for whole tiles of rows
PARTIAL_ELEMENTS = 1 << 20  # of all parts together, where the kernel is not larger itself
PANEL_PIXELS = 256  # a panel of dy stays in the first-level cache
PACK_DEPTH = 32  # rows of the kernel from which copying a panel of dy pays
PART_PIXELS = 128  # fewer, and adding up the parts costs more than it brings


class KernelGradient(NamedTuple):
    """What `convolution_gradient.kernel_gradient` needs."""

    table: Table
    partial_elements: int  # of all parts
    slot_elements: int
    work: int  # multiply-adds

    def scratch(self, threads: int) -> int:
        """Elements of scratch on up to `threads` threads."""
        return TICKETS + self.partial_elements + min(threads, WORKERS) * self.slot_elements


def _runs(g: Geometry, source: Source, block: int) -> tuple[list[int], int, int, int]:
    """How the pixels of a block are walked: (offsets of runs, pixels of a run, step, 1 if one run)."""
    across, down = g.stride[1] * g.channels, g.stride[0] * source.row
    if g.out_width == 1:
        return [0], 1, down, 1
    if across * g.out_width == down:
        return [0], g.out_width, across, 1
    return [m * down for m in range(block)], g.out_width, across, 0


def kernel_gradient(g: Geometry, itemsize: int) -> KernelGradient:
    """Tables for dw (and db) from x and dy."""
    g = g.turned()
    source = forward_source(g)
    lanes = VECTOR_BYTES // itemsize
    block = rows_per_block(source, g.out_height, g.out_width, g.batch, itemsize, PANEL_PIXELS)
    blocks = -(-g.out_height // block)
    channels, filters = g.channels // g.groups, g.filters // g.groups
    padded_filters = -(-filters // lanes) * lanes
    rows = [
        i * g.dilation[0] * source.row + j * g.dilation[1] * g.channels + c
        for i in range(g.kernel[0])
        for j in range(g.kernel[1])
        for c in range(channels)
    ]
    partial = g.groups * padded_filters * (g.depth + SPARE_ROWS + 1)
    pixels = g.batch * g.out_height * g.out_width
    parts = max(1, min(g.batch * blocks, WORKERS, PARTIAL_ELEMENTS // partial, pixels // PART_PIXELS))
    panels = g.groups * -(-padded_filters // (2 * lanes))
    chunks = min(panels, -(-WORKERS // parts))
    runs, run_pixels, step, merged = _runs(g, source, block)
    packed = int(g.depth >= PACK_DEPTH or filters % lanes != 0)
    x_elements = block_elements(source, block, itemsize)
    slot = x_elements + packed * block * g.out_width * 2 * lanes or lanes
    places = [r * width for width in (2 * lanes, lanes) for r in range(SPARE_ROWS)]
    header = [
        g.batch, g.groups, blocks, block, source.height, source.width, source.channels, source.top,
        source.left, source.row, source.extent, source.step[0], int(source.padded), slot,
        g.out_height, g.out_width, g.filters, channels, filters, g.depth, parts, chunks, panels, partial,
        run_pixels, step, merged, packed, x_elements, 0, 0, 0,
    ]  # fmt: skip
    table = np.array(header + places + runs + rows + [rows[-1]] * SPARE_ROWS, np.int64)
    table[31] = TICKETS + parts * partial
    table[29] = HEADER + len(places)
    table[30] = HEADER + len(places) + len(runs)
    work = g.batch * g.out_height * g.out_width * g.filters * g.depth
    return KernelGradient(table, parts * partial, slot, work)
