"""How the gradient of a convolution's kernel by one of Winograd's forms is cut: by its sizes only.

Blocks of tiles are dealt in order to `parts`; each part has sums of its own for the form's points, which are
added in order at the end. Few parts where the kernel is large, and then its filters are cut too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nnctl.kernels.convolution_plan import TICKETS, VECTOR_BYTES, Geometry
from nnctl.kernels.winograd_plan import (
    HEADER,
    LINE,
    PIXELS,
    TASKS,
    Winograd,
    form_of,
    header,
    panels,
    pays,
    tile_count,
    whole_lines,
)

SPARE_ROWS = 8
"""Sums are kept for whole register tiles of channels on any CPU."""
PARTIAL_ELEMENTS = 3 << 19
"""Of the sums of all parts, where those of one are not more."""
MOST_PARTS = 16
PART_BLOCKS = 2
"""Blocks of a part, at least: fewer, and adding up the parts costs more than it brings."""
LEAST_TILES = 64
"""Tiles of a batch below which the transform of the sums takes too long."""


class Sums(NamedTuple):
    """What follows the header in a table; `BY.parts` is where `parts` is."""

    parts: int
    rows: int
    partial: int
    bias: int
    sums: int


BY = Sums(*range(HEADER, HEADER + len(Sums._fields)))
PANELS = HEADER + len(BY)
"""Where the list of panels begins."""


def gradient_pays(g: Geometry, itemsize: int) -> bool:
    """Whether the gradient of the kernel goes this way. It is a sum over the batch, which has its say."""
    form = form_of(g)
    return form is not None and pays(g, itemsize) and tile_count(g, form) >= LEAST_TILES


def weight_gradient(g: Geometry, itemsize: int) -> Winograd:
    """Tables for dw (and db) from x and dy."""
    form = form_of(g)
    assert form is not None
    block, points = form.block, form.points
    blocks = -(-tile_count(g, form) // block)
    rows = g.channels + SPARE_ROWS
    listed = panels(form, g.filters, itemsize, rows)
    widest = 2 * VECTOR_BYTES // itemsize
    bias = listed[-1].at + points * listed[-1].step
    partial = bias + whole_lines(len(listed) * widest)
    parts = max(1, min(blocks // PART_BLOCKS, MOST_PARTS, PARTIAL_ELEMENTS // partial))
    chunks = max(1, min(-(-TASKS // parts), len(listed) // 2))
    zeros = TICKETS + parts * partial
    slots = zeros + whole_lines(max(g.channels, g.filters))
    step = whole_lines(block * g.channels) + LINE
    slot = points * (step + block * widest + LINE)
    places = PIXELS + form.outs * block
    first = header(
        g, form, block=block, take=block, blocks=blocks, chunks=chunks, panels=len(listed), transposed=0,
        step=step, zeros=zeros, waste=slots, slots=slots, slot=slot, places=places,
    )  # fmt: skip
    sums = Sums(parts=parts, rows=rows, partial=partial, bias=bias, sums=TICKETS)
    table = np.array([*first, *sums, *(number for panel in listed for number in panel)], np.int64)
    tasks = max(parts * chunks, -(-g.channels // SPARE_ROWS))
    return Winograd(form, table, g.work, 0, slots, slot, places, tasks)
