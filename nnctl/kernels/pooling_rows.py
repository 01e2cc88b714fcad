"""One row of a pooling, written as LLVM vector IR: channels side by side in vectors.

Rows are short and windows small; Numba's loops over them would check for overlapping arrays
at every pixel. As LLVM functions they take no such checks and little time to compile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import (
    lane_mask,
    library_function,
    load,
    masked_load,
    masked_store,
    no_unrolling,
    splat,
    store,
)

VECTOR_BYTES = 64
_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


class PixelRow:
    """A row of output pixels: loops over pixels, vectors of channels and windows, loads and stores."""

    def __init__(self, builder: Any, element: Any, channels: Any) -> None:
        self.builder, self.element, self.channels = builder, element, channels
        self.itemsize = 8 if element == ir.DoubleType() else 4
        self.vector = ir.VectorType(element, VECTOR_BYTES // self.itemsize)
        self.lanes = self.vector.count
        self.masked = True

    @contextmanager
    def loop(self, count: Any, step: int = 1) -> Iterator[Any]:
        """`with row.loop(count) as i`: 0, step, 2*step ... below count."""
        b = self.builder
        before = b.block
        check, body, done = (b.append_basic_block(name) for name in ("check", "body", "done"))
        b.branch(check)
        b.position_at_end(check)
        i = b.phi(_I64)
        i.add_incoming(_int(0), before)
        b.cbranch(b.icmp_signed("<", i, count), body, done)
        b.position_at_end(body)
        yield i
        i.add_incoming(b.add(i, _int(step)), b.block)
        no_unrolling(b, b.branch(check))
        b.position_at_end(done)

    def enter(self, channel: Any) -> None:
        """Work on the vector that starts at `channel`."""
        b = self.builder
        self.channel, left = channel, b.sub(self.channels, channel)
        self.mask = lane_mask(b, left, self.vector)
        self.whole = b.icmp_signed(">=", left, _int(self.lanes))

    def halves(self, body: Callable[[], None]) -> None:
        """`body` twice: for a vector of channels that is whole, read without a mask, and for another."""
        with self.builder.if_else(self.whole) as (then, otherwise):
            with then:
                self.masked = False
                body()
            with otherwise:
                self.masked = True
                body()

    def record(self, table: Any, number: Any) -> tuple[Any, Any, Any]:
        """Three numbers of a table (an address)."""
        b = self.builder
        pointer = b.inttoptr(table, _I64.as_pointer())
        start = b.mul(number, _int(3))
        first, second, third = (b.load(b.gep(pointer, [b.add(start, _int(i))])) for i in range(3))
        return first, second, third

    def _place(self, base: Any, pixel: Any, kind: Any) -> Any:
        b = self.builder
        at = b.add(b.mul(pixel, self.channels), self.channel)
        return b.gep(b.inttoptr(base, kind.as_pointer()), [at])

    def read(self, base: Any, pixel: Any) -> Any:
        """The vector of a pixel of an image at address `base`."""
        place = self._place(base, pixel, self.element)
        if self.masked:
            return masked_load(self.builder, place, self.mask, self.vector)
        return load(self.builder, self.builder.bitcast(place, self.vector.as_pointer()), self.itemsize)

    def write(self, base: Any, pixel: Any, value: Any) -> None:
        """Store the vector of a pixel."""
        b = self.builder
        place = self._place(base, pixel, self.element)
        with b.if_else(self.whole) as (then, otherwise):
            with then:
                store(b, value, b.bitcast(place, self.vector.as_pointer()), self.itemsize)
            with otherwise:
                masked_store(b, value, place, self.mask)

    def read_taps(self, base: Any, pixel: Any, kind: Any) -> Any:
        """The taps of a pixel, as 32-bit integers; a whole vector, which may reach past the last pixel."""
        b = self.builder
        narrow = ir.VectorType(kind, self.lanes)
        taps = load(b, b.bitcast(self._place(base, pixel, kind), narrow.as_pointer()), 1)
        return taps if kind == _I32 else b.zext(taps, ir.VectorType(_I32, self.lanes))

    def write_taps(self, base: Any, pixel: Any, taps: Any, kind: Any) -> None:
        """Store the taps of a pixel."""
        b = self.builder
        narrow = ir.VectorType(kind, self.lanes)
        place = self._place(base, pixel, kind)
        taps = taps if kind == _I32 else b.trunc(taps, narrow)
        with b.if_else(self.whole) as (then, otherwise):
            with then:
                store(b, taps, b.bitcast(place, narrow.as_pointer()), 1)
            with otherwise:
                value = cgutils.alloca_once(b, narrow)
                b.store(taps, value)
                lanes = b.bitcast(value, kind.as_pointer())
                with self.loop(b.sub(self.channels, self.channel)) as lane:
                    store(b, b.load(b.gep(lanes, [lane])), b.gep(place, [lane]), 1)


def _every_vector(row: PixelRow, pixels: Any, table: Any, body: Callable[..., None]) -> None:
    """`body(pixel, *its record)` for the pixels of a row and their vectors of channels."""
    with row.loop(pixels) as pixel:
        record = row.record(table, pixel)
        with row.loop(row.channels, row.lanes) as channel:
            row.enter(channel)
            row.halves(lambda: body(pixel, *record))


def row_function(name: str, arguments: int, fill: Callable[..., None]) -> Any:
    """An intrinsic `f(like, taps, *addresses and sizes)`; `like` and `taps` are arrays for their dtypes."""

    @intrinsic
    def row(typingctx: Any, like: Any, taps: Any, given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            element = context.get_value_type(like.dtype)
            kind = context.get_value_type(taps.dtype)

            def filled(inner: Any, *values: Any) -> None:
                fill(inner, element, kind, *values)

            full = f"nnctl_{name}_{element}_{kind}"
            function = library_function(builder.module, full, [_I64] * arguments, filled)
            builder.call(function, cgutils.unpack_tuple(builder, args[2]))
            return context.get_dummy_value()

        return types.void(like, taps, types.UniTuple(types.int64, arguments)), codegen

    return row


def _fill_max(
    b: Any, element: Any, kind: Any, x: Any, width: Any, channels: Any, taps: Any, h: Any, i: Any, rows: Any,
    columns: Any, pixels: Any, y: Any, chosen: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    wide = ir.VectorType(_I32, row.lanes)
    best, number = cgutils.alloca_once(b, row.vector), cgutils.alloca_once(b, wide)
    two_rows = b.icmp_signed("==", rows, _int(2))

    def consider(at: Any, tap: Any) -> None:
        value = row.read(x, at)
        # The first of equal values stays; a NaN wins.
        above = b.fcmp_ordered(">", value, b.load(best))
        above = b.or_(above, b.fcmp_unordered("uno", value, value))
        b.store(b.select(above, value, b.load(best)), best)
        b.store(b.select(above, splat(b, b.trunc(tap, _I32), wide), b.load(number)), number)

    def vector(pixel: Any, w: Any, j: Any, count: Any) -> None:
        first, corner = b.add(b.mul(i, taps), j), b.add(b.mul(h, width), w)
        b.store(splat(b, ir.Constant(element, float("-inf")), row.vector), best)
        b.store(splat(b, b.trunc(first, _I32), wide), number)
        # The usual window without loops.
        with b.if_else(b.and_(two_rows, b.icmp_signed("==", count, _int(2)))) as (usual, other):
            with usual:
                for down in (0, 1):
                    for across in (_int(0), _int(1)):
                        below, tap_below = (width, taps) if down else (_int(0), _int(0))
                        at = b.add(corner, b.add(below, across))
                        consider(at, b.add(first, b.add(tap_below, across)))
            with other, row.loop(rows) as down, row.loop(count) as across:
                at = b.add(corner, b.add(b.mul(down, width), across))
                consider(at, b.add(first, b.add(b.mul(down, taps), across)))
        row.write(y, pixel, b.load(best))
        row.write_taps(chosen, pixel, b.load(number), kind)

    _every_vector(row, pixels, columns, vector)


def _fill_max_gradient(
    b: Any, element: Any, kind: Any, dy: Any, y: Any, gated: Any, chosen: Any, out_width: Any, channels: Any,
    taps: Any, down_stride: Any, stride: Any, oh: Any, i: Any, rows: Any, columns: Any, pixels: Any, dx: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    total, zero = cgutils.alloca_once(b, row.vector), ir.Constant(row.vector, None)
    # y >= the least number above 0 is y > 0; every y >= -inf, and a NaN passes: no branch for the gate.
    tiny = ir.Constant(element, 5e-324 if row.itemsize == 8 else 2.0**-149)
    open_ = b.icmp_signed("==", gated, _int(0))
    least = splat(b, b.select(open_, ir.Constant(element, float("-inf")), tiny), row.vector)

    def vector(pixel: Any, ow: Any, j: Any, count: Any) -> None:
        b.store(zero, total)
        with row.loop(rows) as down, row.loop(count) as across:
            at = b.add(b.mul(b.add(oh, down), out_width), b.add(ow, across))
            tap_row = b.sub(i, b.mul(down, down_stride))
            tap = b.add(b.mul(tap_row, taps), b.sub(j, b.mul(across, stride)))
            wanted = splat(b, b.trunc(tap, _I32), ir.VectorType(_I32, row.lanes))
            mine = b.icmp_signed("==", row.read_taps(chosen, at, kind), wanted)
            mine = b.and_(mine, b.fcmp_unordered(">=", row.read(y, at), least))
            b.store(b.fadd(b.load(total), b.select(mine, row.read(dy, at), zero)), total)
        row.write(dx, pixel, b.load(total))

    _every_vector(row, pixels, columns, vector)


def _fill_average(
    b: Any, element: Any, kind: Any, x: Any, width: Any, channels: Any, h: Any, rows: Any, columns: Any,
    pixels: Any, y: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    total = cgutils.alloca_once(b, row.vector)

    def vector(pixel: Any, w: Any, _: Any, count: Any) -> None:
        b.store(ir.Constant(row.vector, None), total)
        with row.loop(rows) as down, row.loop(count) as across:
            at = b.add(b.mul(b.add(h, down), width), b.add(w, across))
            b.store(b.fadd(b.load(total), row.read(x, at)), total)
        size = splat(b, b.sitofp(b.mul(rows, count), element), row.vector)
        row.write(y, pixel, b.fdiv(b.load(total), size))

    _every_vector(row, pixels, columns, vector)


def _fill_average_gradient(
    b: Any, element: Any, kind: Any, dy: Any, out_width: Any, channels: Any, oh: Any, rows: Any,
    window_rows: Any, window_columns: Any, columns: Any, pixels: Any, dx: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    total = cgutils.alloca_once(b, row.vector)

    def vector(pixel: Any, ow: Any, _: Any, count: Any) -> None:
        b.store(ir.Constant(row.vector, None), total)
        with row.loop(rows) as down, row.loop(count) as across:
            r, c = b.add(oh, down), b.add(ow, across)
            size = b.mul(row.record(window_rows, r)[2], row.record(window_columns, c)[2])
            share = splat(b, b.sitofp(size, element), row.vector)
            value = row.read(dy, b.add(b.mul(r, out_width), c))
            b.store(b.fadd(b.load(total), b.fdiv(value, share)), total)
        row.write(dx, pixel, b.load(total))

    _every_vector(row, pixels, columns, vector)


max_row = row_function("max_pool", 11, _fill_max)
"""(x, width, channels, taps, h, i, rows, columns, pixels, y, chosen): a row of maxima and their taps.

x is the address of an image, `taps` the window's width, (h, i, rows) the record of the output
row, `columns` the address of the records of output columns, y and chosen the row's addresses.
"""

max_gradient_row = row_function("max_pool_gradient", 15, _fill_max_gradient)
"""(dy, y, gated, chosen, out_width, channels, taps, down_stride, stride, oh, i, rows, columns, pixels, dx).

A row of the input's gradient: each pixel adds up, over the windows that chose it, their gradient
(with `gated`: only where y > 0). dy, y and chosen are addresses of an image, dx of the row.
"""

average_row = row_function("average_pool", 8, _fill_average)
"""(x, width, channels, h, rows, columns, pixels, y): a row of means over windows."""

average_gradient_row = row_function("average_pool_gradient", 10, _fill_average_gradient)
"""(dy, out_width, channels, oh, rows, window_rows, window_columns, columns, pixels, dx).

A row of the input's gradient: each pixel adds up its share of the windows over it.
"""
