"""A convolution of stride 1, and its input gradient, by one of Winograd's forms (`winograd_forms`).

Order of arithmetic of an output element, on every CPU and any number of threads: the sums of
`winograd_lines` for the pixels of its tile and the taps of each filter; for each of the form's points one
chain of fused multiply-adds over channels, ascending, from zero; the sums of the output's transform; at last
the bias. Tiles begin at the image's corner, so a row's bits do not depend on the batch.

A task is a block of tiles (`winograd_plan`), or some panels of filters of one.
"""

from __future__ import annotations

import functools
from typing import Any

import numba

from nnctl.kernels.convolution_plan import SERIAL
from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.panels import ROWS, VECTORS
from nnctl.kernels.simd import lanes, take_ticket
from nnctl.kernels.tile import address, make_tile, prefetch_block, transpose_block
from nnctl.kernels.winograd_forms import Form
from nnctl.kernels.winograd_plan import AT, HEADER, KERNEL_ROWS, LINE, OF, PANEL, PIXELS
from nnctl.kernels.winograd_transforms import input_transform, kernel_transform, output_transform

_tile_1, _tile_n = make_tile(ROWS, 1), make_tile(ROWS, VECTORS)


@inline
def list_pixels(
    image: int, row: int, column: int, rows: int, columns: int, height: int, width: int, pixel: int,
    outside: int, places: Any, at: int,
) -> None:  # fmt: skip
    """Addresses of rows x columns pixels from (row, column) on, `outside` for those outside the image.

    `image` is an address, `pixel` the bytes of one.
    """
    for i in range(rows):
        for j in range(columns):
            inside = 0 <= row + i < height and 0 <= column + j < width
            place = image + ((row + i) * width + column + j) * pixel
            places[at + i * columns + j] = place if inside else outside


@inline
def _place(tile: int, table: Any) -> tuple[int, int, int]:
    """Image, row and column at which a tile of the output begins."""
    across, down = table[AT.tile_columns], table[AT.tile_rows]
    row, column = tile // across % down, tile % across
    return tile // (across * down), row * table[AT.tile_height], column * table[AT.tile_width]


@inline
def list_outs(out: int, tile: int, table: Any, itemsize: int, outside: int, places: Any, at: int) -> None:
    """Where the pixels of a tile are in an image like the output; `out` is its address."""
    image, row, column = _place(tile, table)
    height, width, pixel = table[AT.out_height], table[AT.out_width], table[AT.filters] * itemsize
    start, rows, columns = out + image * height * width * pixel, table[AT.tile_height], table[AT.tile_width]
    list_pixels(start, row, column, rows, columns, height, width, pixel, outside, places, at)


@functools.cache
def inputs(form: Form) -> Any:
    """The function that transforms what a block reads."""
    transform = input_transform(form)

    @inline
    @named(f"winograd_inputs_{form.name}")
    def transform_inputs(
        x: Any, first: int, count: int, table: Any, scratch: Any, slot: int, places: Any, at: int
    ) -> None:
        """Points of tiles first..first+count-1 to the slot: point, tile, channel."""
        height, width, channels = table[AT.height], table[AT.width], table[AT.channels]
        rows, columns = table[AT.read_height], table[AT.read_width]
        pixel, outside = channels * x.itemsize, address(scratch, table[AT.zeros])
        for t in range(count):
            image, row, column = _place(first + t, table)
            row, column = row - table[AT.before_row], column - table[AT.before_column]
            start = address(x, image * height * width * channels)
            list_pixels(start, row, column, rows, columns, height, width, pixel, outside, places, at)
            to = address(scratch, slot + t * channels)
            transform(x, (address(places, at), channels, to, table[AT.step]))

    return transform_inputs


@inline
def _prefetch(x: Any, y: Any, tile: int, table: Any) -> None:
    """Ask for what a tile writes, and for what the tile a block further reads, while the units multiply."""
    image, row, column = _place(tile, table)
    width, pixel = table[AT.out_width], table[AT.filters]
    rows, columns = table[AT.tile_height], table[AT.tile_width]
    at = ((image * table[AT.out_height] + row) * width + column) * pixel
    prefetch_block(y, at, width * pixel, rows, columns * pixel)
    image, row, column = _place(tile + table[AT.take], table)
    width, pixel = table[AT.width], table[AT.channels]
    at = ((image * table[AT.height] + row) * width + column) * pixel
    prefetch_block(x, at, width * pixel, rows, columns * pixel)


@inline
def _multiply(
    kernel: Any, panel: Any, x: int, count: int, table: Any, scratch: Any, slot: int, points: int
) -> None:
    """For point x, the block's tiles times the kernel's panel, in columns of a register tile's width."""
    channels, block, step = table[AT.channels], table[AT.block], table[AT.step]
    width, lane = panel[OF.width], lanes(scratch)
    across = lane if width < VECTORS * lane else VECTORS * lane
    kernel_at = panel[OF.at] + x * panel[OF.step]
    to = points + x * (block * width + LINE)
    for j in range(0, width, across):
        for t in range(0, count, ROWS):
            a = address(scratch, slot + x * step + t * channels)
            rows, out = min(ROWS, count - t), to + j * block + t * across
            if across == lane:
                _tile_1(a, channels, 1, rows, kernel, kernel_at + j, width, channels, scratch, out)
            else:
                _tile_n(a, channels, 1, rows, kernel, kernel_at + j, width, channels, scratch, out)


def _writer(form: Form) -> Any:
    """The function that makes a block's outputs of their points."""
    transform, gated_transform = output_transform(form), output_transform(form, gated=True)

    @inline
    @named(f"winograd_write_{form.name}")
    def write(
        y: Any, panel: Any, count: int, bias: int, bounds: int, gated: bool, table: Any, scratch: Any,
        points: int, places: Any, at: int,
    ) -> None:  # fmt: skip
        """The transform of a panel's points; where each tile's pixels are is listed in `places`."""
        block, start, width, lane = table[AT.block], panel[OF.start], panel[OF.width], lanes(scratch)
        across = lane if width < VECTORS * lane else VECTORS * lane
        step, pixels = block * width + LINE, table[AT.outs]
        for j in range(0, width, across):
            for t in range(count):
                outs, gates = address(places, at + t * pixels), address(places, at + (block + t) * pixels)
                source = address(scratch, points + j * block + t * across)
                args = (source, step, bias, bounds, outs, gates, start + j, across)
                if gated:
                    gated_transform(y, args)
                else:
                    transform(y, args)

    return write


def _worker(form: Form) -> Any:
    """The function that a thread runs."""
    transform_inputs, write = inputs(form), _writer(form)

    @numba.njit(error_model="numpy", nogil=True)
    @named(f"winograd_work_{form.name}")
    def work(
        x: Any, kernel: Any, bias: Any, bounds: int, gate: Any, table: Any, scratch: Any, slot: int,
        places: Any, at: int, y: Any,
    ) -> None:  # fmt: skip
        """Draw tasks and do them until none is left."""
        tiles, take, chunks, panels = table[AT.tiles], table[AT.take], table[AT.chunks], table[AT.panels]
        block, pixels, all_points = table[AT.block], table[AT.outs], table[AT.points]
        points = slot + all_points * table[AT.step]
        zeros, waste = address(scratch, table[AT.zeros]), address(scratch, table[AT.waste])
        bias_at = address(bias, 0) if bias.size else zeros
        while True:
            task = take_ticket(scratch, 0)
            first, chunk = task // chunks * take, task % chunks
            if first >= tiles:
                break
            count = min(take, tiles - first)
            transform_inputs(x, first, count, table, scratch, slot, places, at)
            for t in range(count):
                outs = at + PIXELS + t * pixels
                list_outs(address(y, 0), first + t, table, y.itemsize, waste, places, outs)
                if gate.size:
                    gates = outs + block * pixels
                    list_outs(address(gate, 0), first + t, table, y.itemsize, zeros, places, gates)
            first_panel, end = chunk * panels // chunks, (chunk + 1) * panels // chunks
            for number in range(first_panel, end):
                panel = table[HEADER + number * PANEL : HEADER + (number + 1) * PANEL]
                for point in range(all_points):
                    if number == first_panel:
                        for t in range(point * count // all_points, (point + 1) * count // all_points):
                            _prefetch(x, y, first + t, table)
                    _multiply(kernel, panel, point, count, table, scratch, slot, points)
                listed = at + PIXELS
                write(y, panel, count, bias_at, bounds, gate.size > 0, table, scratch, points, places, listed)

    return work


@functools.cache
def convolve(form: Form) -> Any:
    """The kernel of y = bias + convolution of x, kept in bounds, 0 where the gate is not positive."""
    work = _worker(form)

    @kernel(parallel=True)
    @named(f"convolve_{form.name}")
    def convolve(
        x: Any, kernel: Any, bias: Any, bounds: Any, operations: int, gate: Any, table: Any, scratch: Any,
        places: Any, y: Any,
    ) -> None:  # fmt: skip
        """Shapes, all flat: x (B*pixels*C,), kernel as `transform_kernels` gives it, bias (F,) or empty,
        bounds (2,) or empty, gate like y or empty, table, scratch and places (int64) of
        `winograd_plan.Winograd`, y (B*pixels*F,). `operations` decides whether other threads are woken.
        """
        slots, slot, each = table[AT.slots], table[AT.slot], table[AT.places]
        ends = address(bounds, 0) if bounds.size else 0
        scratch[0] = scratch[1] = 0
        for i in range(table[AT.zeros], table[AT.waste]):
            scratch[i] = 0
        if operations <= SERIAL:
            work(x, kernel, bias, ends, gate, table, scratch, slots, places, 0, y)
        else:
            for worker in numba.prange((scratch.size - slots) // slot):
                at = slots + worker * slot
                work(x, kernel, bias, ends, gate, table, scratch, at, places, worker * each, y)

    return convolve


@inline
def _turn(w: Any, taps: int, first: int, rows: int, panel: Any, table: Any, scratch: Any, slot: int) -> None:
    """Taps of a panel with channels and filters exchanged, to the slot: tap, channel, filter of the panel.

    w is (tap, filter, channel) of the table, whose kernel is turned around.
    """
    channels, filters = table[AT.channels], table[AT.filters]
    start, width, lane = panel[OF.start], panel[OF.width], lanes(w)
    for tap in range(taps):
        for v in range(0, width, lane):
            for f in range(0, rows, lane):
                transpose_block(
                    w, (tap * filters + start + v) * channels + first + f, channels, lane, rows - f,
                    scratch, slot + (tap * KERNEL_ROWS + f) * width + v, width,
                )  # fmt: skip


def _kernel_worker(form: Form) -> Any:
    transform, taps = kernel_transform(form), form.taps

    @numba.njit(error_model="numpy", nogil=True)
    @named(f"winograd_panels_{form.name}")
    def transform_panels(w: Any, table: Any, scratch: Any, slot: int, kernel: Any) -> None:
        """Draw (panel, some channels) until none is left."""
        channels, filters = table[AT.channels], table[AT.filters]
        blocks = (channels + KERNEL_ROWS - 1) // KERNEL_ROWS
        while True:
            task = take_ticket(scratch, 0)
            if task >= table[AT.panels] * blocks:
                break
            number, first = task // blocks, task % blocks * KERNEL_ROWS
            panel = table[HEADER + number * PANEL : HEADER + (number + 1) * PANEL]
            rows, start, width = min(KERNEL_ROWS, channels - first), panel[OF.start], panel[OF.width]
            to = address(kernel, panel[OF.at] + first * width)
            if table[AT.transposed] == 0:
                source, tap, row = address(w, first * filters + start), channels * filters, filters
            else:
                _turn(w, taps, first, rows, panel, table, scratch, slot)
                # Turned around: the last tap is the first one.
                tap, row = -KERNEL_ROWS * width, width
                source = address(scratch, slot - (taps - 1) * tap)
            transform(w, (source, tap, row, rows, width, to, panel[OF.step]))

    return transform_panels


@functools.cache
def transform_kernels(form: Form) -> Any:
    """The kernel that makes the points of every channel and filter, panel by panel."""
    transform_panels = _kernel_worker(form)

    @kernel(parallel=True)
    @named(f"transform_kernels_{form.name}")
    def transform_kernels(w: Any, table: Any, scratch: Any, kernel: Any) -> None:
        """Shapes, all flat: w (taps*C*F,), table and scratch of `winograd_plan.Winograd`, kernel
        (`kernel_elements`,).
        """
        slots, slot = table[AT.slots], table[AT.slot]
        scratch[0] = scratch[1] = 0
        if w.size * 8 <= SERIAL:
            transform_panels(w, table, scratch, slots, kernel)
        else:
            for worker in numba.prange((scratch.size - slots) // slot):
                transform_panels(w, table, scratch, slots + worker * slot, kernel)

    return transform_kernels
