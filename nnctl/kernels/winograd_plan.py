"""Which convolutions go through one of Winograd's forms, and how their work is cut: by their sizes only.

An image's output is covered by tiles (of 4x4 pixels for a kernel of 3x3, which read 6x6) from its upper left
corner on. For each of a form's points (there 36), a matrix product takes tiles x channels to tiles x filters.
Some tiles, of one or more images, are a block; its transformed input stays in the second-level cache. One
axis is an image of one row.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import NamedTuple

import numpy as np

from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import TICKETS, VECTOR_BYTES, Geometry, PlanTable
from nnctl.kernels.winograd_forms import FORMS, Form

PIXELS = 64
"""Entries of a thread's list for the addresses that a tile reads, as whole lines of the cache."""
LINE = 16
"""Elements between the points beyond what they hold, lest all of them fall into one set of a cache."""
TASKS = 8
"""A block's filters are cut into chunks until there are so many tasks."""
CHUNK_PANELS = 4
"""Panels of a chunk, at least, where there are several blocks: each chunk transforms its input anew."""
LEAST_TASKS, LEAST_TAKE = 4, 12
"""Few blocks are cut evenly, into so many tasks where each then has so many tiles at least."""
WORKERS = 16
"""Threads that get scratch of their own."""
ADDRESS = 8
"""Bytes of an integer of scratch."""
KERNEL_ROWS = 16
"""Channels of the kernel that a task transforms."""

LEAST_PRODUCT, LEAST_OUT, LEAST_COVERED = 1024, 7, 0.6
"""Channels times filters, an axis of the output that is summed over, and its share of the tiles, below which
the direct form is as fast (measured on one image and on many; docs/performance.md)."""


class Header(NamedTuple):
    """What a table begins with. `AT.batch` is where in it `batch` is: kernels read by these names."""

    batch: int
    # The image that is read, the one that is written, and how far tiles begin before the former.
    height: int
    width: int
    channels: int
    before_row: int
    before_column: int
    out_height: int
    out_width: int
    filters: int
    # The form: a tile's pixels of the output, those it reads, and its points.
    tile_height: int
    tile_width: int
    read_height: int
    read_width: int
    points: int
    outs: int
    # How the work is cut.
    tile_rows: int
    tile_columns: int
    tiles: int
    block: int
    take: int
    blocks: int
    chunks: int
    panels: int
    transposed: int
    # Where things are in the scratch.
    step: int
    zeros: int
    waste: int
    slots: int
    slot: int
    places: int


class Panel(NamedTuple):
    """Filters start..start+width-1, and where their kernel's points are; `OF.start` is where `start` is."""

    start: int
    width: int
    at: int
    step: int


AT = Header(*range(len(Header._fields)))
OF = Panel(*range(len(Panel._fields)))
HEADER, PANEL = len(AT), len(OF)


class Winograd(NamedTuple):
    """What the kernels need for one direction."""

    form: Form
    table: PlanTable
    work: int  # multiply-adds of the direct form, so that shares of the peak can be compared
    kernel_elements: int  # the kernel's points, where they are kept; 0 where the scratch has all
    shared: int  # elements of scratch before the threads' own
    slot: int
    places: int
    tasks: int

    def elements(self, threads: int) -> int:
        """Floats of scratch on up to `threads` threads."""
        return self.shared + min(threads, WORKERS, self.tasks) * self.slot

    def addresses(self, threads: int) -> int:
        """Integers of scratch on up to `threads` threads."""
        return min(threads, WORKERS, self.tasks) * self.places

    def scratch_bytes(self, itemsize: int, threads: int) -> int:
        """Bytes of scratch: the kernel's points, the floats, then the integers."""
        floats = self.kernel_elements + self.elements(threads)
        return floats * itemsize + self.addresses(threads) * ADDRESS


def pays(g: Geometry, itemsize: int) -> bool:
    """Whether a convolution, or its input gradient as one (`turned`), goes this way.

    Float32 only: who asks for float64 asks for its accuracy. The batch has no say: a row has the same bits
    alone and in a batch.
    """
    form = form_of(g)
    if form is None or itemsize != 4:
        return False
    summed = [axis.out for axis in g.axes if axis.kernel > 1]
    covered = prod(tile_grid(g, form)) * form.outs
    large = form.large > 0 and min(summed) >= form.large
    return (
        min(g.channels, g.filters) >= VECTOR_BYTES // itemsize
        and (g.channels * g.filters >= LEAST_PRODUCT or large)
        and min(summed) >= LEAST_OUT
        and prod(g.outs) >= LEAST_COVERED * covered
    )


def form_of(g: Geometry) -> Form | None:
    """The form of a convolution by its kernel, or None where no form is of its kind."""
    if g.groups != 1 or any((a.stride, a.dilation) != (1, 1) for a in g.axes):
        return None
    kernel = tuple(axis.kernel for axis in as_image(g).axes)
    return next((form for form in FORMS if (form.rows.taps, form.columns.taps) == kernel), None)


def as_image(g: Geometry) -> Geometry:
    """The same, of one axis as an image of one row."""
    return replace(g, axes=(Axis(1, 1, 1), *g.axes)) if len(g.axes) == 1 else g


def panels(form: Form, filters: int, itemsize: int, depth: int) -> list[Panel]:
    """Filters in panels of two vectors of 64 bytes, or of one; the last may overlap the one before it."""
    lanes = VECTOR_BYTES // itemsize
    found: list[Panel] = []
    done = at = 0
    while done < filters:
        width = 2 * lanes if filters - done > lanes and filters >= 2 * lanes else lanes
        start = min(done, filters - width)
        step = depth * width + LINE
        found.append(Panel(start, width, at, step))
        at += form.points * step
        done = start + width
    return found


def turned(g: Geometry) -> Geometry:
    """The input gradient of a convolution of stride 1: a convolution of dy by the kernel turned around."""
    axes = tuple(
        Axis(a.out, a.size, a.kernel, a.stride, a.dilation, (a.kernel - 1) * a.dilation - a.before)
        for a in g.axes
    )
    return Geometry(g.batch, g.filters, g.channels, axes, g.groups)


def forward(g: Geometry, itemsize: int) -> Winograd:
    """Tables for the output: y from x."""
    return _plan(g, False, itemsize)


def input_gradient(g: Geometry, itemsize: int) -> Winograd:
    """Tables for the gradient of the input: dx from dy."""
    return _plan(turned(g), True, itemsize)


def whole_lines(elements: int) -> int:
    """Elements rounded up to whole lines of the cache."""
    return -(-elements // LINE) * LINE


def tile_grid(g: Geometry, form: Form) -> tuple[int, int]:
    """Rows and columns of an image's tiles."""
    rows, columns = as_image(g).axes
    return -(-rows.out // form.rows.places), -(-columns.out // form.columns.places)


def tile_count(g: Geometry, form: Form) -> int:
    """Tiles of a batch."""
    return g.batch * prod(tile_grid(g, form))


def header(g: Geometry, form: Form, **cut: int) -> Header:
    """What a table begins with; `cut`: the fields that do not follow from the sizes alone."""
    rows, columns = as_image(g).axes
    tile_rows, tile_columns = tile_grid(g, form)
    return Header(
        batch=g.batch,
        height=rows.size,
        width=columns.size,
        channels=g.channels,
        before_row=rows.before,
        before_column=columns.before,
        out_height=rows.out,
        out_width=columns.out,
        filters=g.filters,
        tile_height=form.rows.places,
        tile_width=form.columns.places,
        read_height=form.rows.count,
        read_width=form.columns.count,
        points=form.points,
        outs=form.outs,
        tile_rows=tile_rows,
        tile_columns=tile_columns,
        tiles=tile_count(g, form),
        **cut,
    )


def _tasks(tiles: int, block: int, panels: int) -> tuple[int, int, int]:
    """Tiles of a task, how many times tiles are taken, and into how many chunks panels are cut."""
    blocks = -(-tiles // block)
    chunks = max(1, min(-(-TASKS // blocks), panels if blocks == 1 else panels // CHUNK_PANELS))
    parts = max(blocks, -(-LEAST_TASKS // chunks))
    take = block if blocks >= TASKS else min(block, max(-(-tiles // parts), LEAST_TAKE))
    return take, -(-tiles // take), chunks


def _plan(g: Geometry, transposed: bool, itemsize: int) -> Winograd:
    form = form_of(g)
    assert form is not None
    block, points = form.block, form.points
    listed = panels(form, g.filters, itemsize, g.channels)
    widest = max(panel.width for panel in listed)
    take, blocks, chunks = _tasks(tile_count(g, form), block, len(listed))
    kernel = listed[-1].at + points * listed[-1].step
    # A row of zeros stands for pixels outside and a bias that is not there; what is outside goes to waste.
    row = whole_lines(max(g.channels, g.filters))
    zeros = TICKETS
    step = whole_lines(block * g.channels) + LINE
    slot = max(points * (step + block * widest + LINE), form.taps * KERNEL_ROWS * widest)
    places = PIXELS + 2 * form.outs * block
    first = header(
        g,
        form,
        block=block,
        take=take,
        blocks=blocks,
        chunks=chunks,
        panels=len(listed),
        transposed=int(transposed),
        step=step,
        zeros=zeros,
        waste=zeros + row,
        slots=zeros + 2 * row,
        slot=slot,
        places=places,
    )
    table = np.array([*first, *(number for panel in listed for number in panel)], np.int64)
    tasks = max(blocks * chunks, len(listed) * -(-g.channels // KERNEL_ROWS))
    return Winograd(form, table, g.work, kernel, zeros + 2 * row, slot, places, tasks)
