"""Gradient of a convolution's kernel and bias, by one of Winograd's forms turned around.

Order of arithmetic of an element, on every CPU and any number of threads: the sums of `winograd_lines` for
the pixels of x and of dy that a tile has; for each of the form's points one chain of fused multiply-adds over
the tiles of a block, ascending, from zero; blocks are added in order within their part (see
`winograd_gradient_plan`), parts in order; at last the sums of the transform back to taps. For the bias, the
pixels of a tile are added in pairs and those in pairs, then the tiles of a part and the parts in order.
"""

from __future__ import annotations

import functools
from typing import Any

import numba

from nnctl.kernels.convolution_plan import SERIAL, VECTOR_BYTES
from nnctl.kernels.convolution_sums import add_parts
from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.panels import ROWS, VECTORS
from nnctl.kernels.simd import lanes, take_ticket
from nnctl.kernels.tile import address, make_tile
from nnctl.kernels.winograd import inputs, list_outs
from nnctl.kernels.winograd_forms import Form
from nnctl.kernels.winograd_gradient_plan import BY, PANELS, SPARE_ROWS
from nnctl.kernels.winograd_plan import AT, LINE, OF, PANEL, PIXELS
from nnctl.kernels.winograd_transforms import gradient_transform, kernel_gradient_transform

_first_1, _first_n = make_tile(ROWS, 1), make_tile(ROWS, VECTORS)
_more_1, _more_n = make_tile(ROWS, 1, adds=True), make_tile(ROWS, VECTORS, adds=True)


@inline
def _accumulate(
    panel: Any, x: int, count: int, older: bool, table: Any, scratch: Any, slot: int, points: int, sums: int
) -> None:
    """For point x, channels x tiles times tiles x filters: to the sums, or with `older` added to them."""
    channels, block, step, rows = table[AT.channels], table[AT.block], table[AT.step], table[BY.rows]
    width, lane = panel[OF.width], lanes(scratch)
    across = lane if width < VECTORS * lane else VECTORS * lane
    b = points + x * (block * width + LINE)
    to = sums + panel[OF.at] + x * panel[OF.step]
    for j in range(0, width, across):
        for c in range(0, channels, ROWS):
            a, there, out = address(scratch, slot + x * step + c), channels - c, to + j * rows + c * across
            if across == lane:
                if older:
                    _more_1(a, 1, channels, there, scratch, b + j, width, count, scratch, out)
                else:
                    _first_1(a, 1, channels, there, scratch, b + j, width, count, scratch, out)
            elif older:
                _more_n(a, 1, channels, there, scratch, b + j, width, count, scratch, out)
            else:
                _first_n(a, 1, channels, there, scratch, b + j, width, count, scratch, out)


@inline
def _bias_sums(number: int, table: Any, lane: int) -> int:
    """Where a panel's sums for the bias are in a part."""
    return table[BY.bias] + number * 2 * lane


def _block_sums(form: Form) -> Any:
    """The function that adds a block to sums."""
    transform_inputs, transform = inputs(form), gradient_transform(form)

    @inline
    @named(f"winograd_block_{form.name}")
    def block_sums(
        x: Any, dy: Any, first: int, count: int, chunk: int, older: bool, table: Any, scratch: Any, slot: int,
        places: Any, at: int, sums: int,
    ) -> None:  # fmt: skip
        """Some tiles, of a chunk's panels, to the sums."""
        block, chunks, panels = table[AT.block], table[AT.chunks], table[AT.panels]
        pixels, all_points = table[AT.outs], table[AT.points]
        points, outside = slot + all_points * table[AT.step], address(scratch, table[AT.zeros])
        transform_inputs(x, first, count, table, scratch, slot, places, at)
        for t in range(count):
            outs = at + PIXELS + t * pixels
            list_outs(address(dy, 0), first + t, table, dy.itemsize, outside, places, outs)
        for number in range(chunk * panels // chunks, (chunk + 1) * panels // chunks):
            panel = table[PANELS + number * PANEL : PANELS + (number + 1) * PANEL]
            width = panel[OF.width]
            bias = address(scratch, sums + _bias_sums(number, table, VECTOR_BYTES // dy.itemsize))
            for t in range(count):
                listed, to = address(places, at + PIXELS + t * pixels), address(scratch, points + t * width)
                transform(dy, (listed, panel[OF.start], width, to, block * width + LINE, bias))
            for point in range(all_points):
                _accumulate(panel, point, count, older, table, scratch, slot, points, sums)

    return block_sums


def _worker(form: Form) -> Any:
    """The function that a thread runs at first."""
    block_sums = _block_sums(form)

    @numba.njit(error_model="numpy", nogil=True)
    @named(f"winograd_sums_{form.name}")
    def work(x: Any, dy: Any, table: Any, scratch: Any, slot: int, places: Any, at: int) -> None:
        """Draw (part, chunk of panels) until none is left."""
        tiles, block, blocks = table[AT.tiles], table[AT.block], table[AT.blocks]
        parts, chunks, panels = table[BY.parts], table[AT.chunks], table[AT.panels]
        lane = VECTOR_BYTES // dy.itemsize
        while True:
            task = take_ticket(scratch, 0)
            if task >= parts * chunks:
                break
            part, chunk = task // chunks, task % chunks
            sums = table[BY.sums] + part * table[BY.partial]
            start, end = chunk * panels // chunks, (chunk + 1) * panels // chunks
            for i in range(_bias_sums(start, table, lane), _bias_sums(end, table, lane)):
                scratch[sums + i] = 0
            begin = part * blocks // parts
            for number in range(begin, (part + 1) * blocks // parts):
                first = number * block
                block_sums(
                    x, dy, first, min(block, tiles - first), chunk, number > begin, table, scratch, slot,
                    places, at, sums,
                )  # fmt: skip

    return work


def _combiner(form: Form) -> Any:
    """The function that a thread runs at last."""
    transform = kernel_gradient_transform(form)

    @numba.njit(error_model="numpy", nogil=True)
    @named(f"winograd_combine_{form.name}")
    def combine(table: Any, scratch: Any, dw: Any, db: Any) -> None:
        """Draw some channels, add up their parts, and transform the sums to taps."""
        channels, filters, rows = table[AT.channels], table[AT.filters], table[BY.rows]
        parts, partial = table[BY.parts], table[BY.partial] * dw.itemsize
        lane = lanes(dw)
        while True:
            c = take_ticket(scratch, 2) * SPARE_ROWS
            if c >= channels:
                break
            for number in range(table[AT.panels]):
                panel = table[PANELS + number * PANEL : PANELS + (number + 1) * PANEL]
                start, width, step = panel[OF.start], panel[OF.width], panel[OF.step]
                across = lane if width < VECTORS * lane else VECTORS * lane
                for j in range(0, width, across):
                    place = table[BY.sums] + panel[OF.at] + j * rows + c * across
                    size = SPARE_ROWS * across
                    if parts > 1:
                        for x in range(table[AT.points]):
                            at = address(scratch, place + x * step)
                            add_parts(dw, at, parts, partial, 1, size, size, at, 0)
                    source, out = address(scratch, place), address(dw, c * filters + start + j)
                    args = (source, step, across, min(SPARE_ROWS, channels - c), across)
                    transform(dw, (*args, out, channels * filters, filters))
                if c == 0 and db.size > 0:
                    bias = address(
                        scratch, table[BY.sums] + _bias_sums(number, table, VECTOR_BYTES // dw.itemsize)
                    )
                    add_parts(dw, bias, parts, partial, 1, width, width, address(db, start), 0)

    return combine


@functools.cache
def weight_gradient(form: Form) -> Any:
    """The kernel of the gradients of a convolution's kernel and bias."""
    work, combine = _worker(form), _combiner(form)

    @kernel(parallel=True)
    @named(f"weight_gradient_{form.name}")
    def weight_gradient(
        x: Any, dy: Any, operations: int, table: Any, scratch: Any, places: Any, dw: Any, db: Any
    ) -> None:
        """Shapes, all flat: x (B*pixels*C,), dy (B*pixels*F,), table, scratch and places (int64) of
        `winograd_gradient_plan`, dw (taps*C*F,), db (F,) or empty. `operations` decides whether other
        threads are woken.
        """
        slots, slot, each = table[AT.slots], table[AT.slot], table[AT.places]
        for i in range(4):
            scratch[i] = 0
        for i in range(table[AT.zeros], slots):
            scratch[i] = 0
        if operations <= SERIAL:
            work(x, dy, table, scratch, slots, places, 0)
            combine(table, scratch, dw, db)
        else:
            for stage in range(2):
                for worker in numba.prange((scratch.size - slots) // slot):
                    if stage == 0:
                        work(x, dy, table, scratch, slots + worker * slot, places, worker * each)
                    else:
                        combine(table, scratch, dw, db)

    return weight_gradient
