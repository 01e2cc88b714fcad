"""The transforms of Winograd's forms over many channels, as LLVM functions: what they read and write.

A value of a square is a row of channels. Channels are gone through a vector at a time; the last vector may
overlap the one before it, so there must be a vector of them at least.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import Bounds, lanes_of, library_function, load, store
from nnctl.kernels.winograd_forms import Form
from nnctl.kernels.winograd_lines import (
    Arithmetic,
    both_ways,
    factors,
    input_line,
    kernel_gradient_line,
    multiplied,
    output_line,
    values_line,
)

_I64 = ir.IntType(64)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


class _Vectors:
    """Reads and writes vectors at addresses, for the function that `builder` writes."""

    def __init__(self, builder: Any, vector: Any) -> None:
        self.builder, self.vector = builder, vector
        self.itemsize = 8 if vector.element == ir.DoubleType() else 4

    def _place(self, address: Any, element: Any) -> Any:
        b = self.builder
        return b.bitcast(b.gep(b.inttoptr(address, self.vector.element.as_pointer()), [element]),
                         self.vector.as_pointer())  # fmt: skip

    def load(self, address: Any, element: Any) -> Any:
        return load(self.builder, self._place(address, element), self.itemsize)

    def store(self, value: Any, address: Any, element: Any) -> None:
        store(self.builder, value, self._place(address, element), self.itemsize)

    def listed(self, table: Any, number: int) -> Any:
        """Entry `number` of a table of addresses, itself at an address."""
        b = self.builder
        return b.load(b.gep(b.inttoptr(table, _I64.as_pointer()), [_int(number)]))

    def each(self, channels: Any, body: Callable[[Any], None]) -> None:
        """Writes the loop over vectors; `body` gets the first channel of one."""
        b, lanes = self.builder, self.vector.count
        last = b.sub(channels, _int(lanes))
        with cgutils.for_range_slice(b, _int(0), channels, _int(lanes), intp=_I64) as (at, _):
            body(b.select(b.icmp_signed("<", at, last), at, last))

    def each_of_rows(
        self, rows: Any, source_step: Any, target_step: Any, channels: Any, body: Callable[[Any, Any], None]
    ) -> None:
        """Writes the loop over vectors of rows; `body` gets where one begins in the source and the target."""
        b = self.builder
        with cgutils.for_range(b, rows, intp=_I64) as row:
            source, target = b.mul(row.index, source_step), b.mul(row.index, target_step)
            self.each(channels, lambda at: body(b.add(source, at), b.add(target, at)))

    def gathered(self, count: int, source: Any, step: Any, element: Any) -> list[Any]:
        """Values number i < count from element i*step + element of `source`."""
        b = self.builder
        return [self.load(source, b.add(element, b.mul(_int(i), step))) for i in range(count)]

    def spread(self, values: Sequence[Any], out: Any, step: Any, element: Any) -> None:
        """Write value number i at element i*step + element from `out` on."""
        for number, value in enumerate(values):
            place = self.builder.add(self.builder.mul(_int(number), step), element)
            self.store(value, out, place)


def _intrinsic(name: str, form: Form, arguments: int, fill: Callable[..., None]) -> Any:
    """An intrinsic `f(like, *addresses and numbers)`; `like` is any array of the dtype."""

    @intrinsic  # type: ignore[untyped-decorator]
    def function(typingctx: Any, like: Any, given: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector = ir.VectorType(context.get_value_type(like.dtype), lanes_of(like))
            full = f"nnctl_winograd_{name}_{form.name}_{vector.element}_{vector.count}"

            def written(inner: Any, *numbers: Any) -> None:
                fill(_Vectors(inner, vector), Arithmetic(inner, vector), *numbers)

            made = library_function(builder.module, full, [_I64] * arguments, written)
            builder.call(made, [builder.extract_value(args[1], n) for n in range(arguments)])
            return context.get_dummy_value()

        return types.void(like, types.UniTuple(types.int64, arguments)), codegen

    return function


def input_transform(form: Form) -> Any:
    """`transform(like, (pixels, channels, out, step))`: the pixels that a tile reads to points.

    `pixels` is the address of a table with the address of each pixel, row by row. Point x of channel c goes
    to element x*step + c of the address `out`.
    """

    def fill(v: _Vectors, m: Arithmetic, pixels: Any, channels: Any, out: Any, step: Any) -> None:
        def transform(at: Any) -> None:
            square = [v.load(v.listed(pixels, number), at) for number in range(form.points)]
            v.spread(both_ways(input_line, m, form, square, form.columns.count), out, step, at)

        v.each(channels, transform)

    return _intrinsic("input", form, 4, fill)


def gradient_transform(form: Form) -> Any:
    """`transform(like, (pixels, first, channels, out, step, sums))`: a tile's pixels of dy to points.

    Channel j is the pixels' channel first + j. Its sum over the pixels is added to element j of the address
    `sums`.
    """

    def fill(
        v: _Vectors, m: Arithmetic, pixels: Any, first: Any, channels: Any, out: Any, step: Any, sums: Any
    ) -> None:
        def transform(at: Any) -> None:
            place = v.builder.add(first, at)
            square = [v.load(v.listed(pixels, number), place) for number in range(form.outs)]
            v.spread(both_ways(values_line, m, form, square, form.columns.places), out, step, at)
            v.store(m.add(v.load(sums, at), _in_pairs(m, square)), sums, at)

        v.each(channels, transform)

    return _intrinsic("gradient", form, 6, fill)


def _in_pairs(m: Arithmetic, values: Sequence[Any]) -> Any:
    """The sum of a power of two of values: of both halves' sums."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return m.add(_in_pairs(m, values[:middle]), _in_pairs(m, values[middle:]))


def kernel_transform(form: Form) -> Any:
    """`transform(like, (w, tap_step, row_step, rows, columns, out, step))`: taps to points.

    Tap i of row r, column j lies at element i*tap_step + r*row_step + j of the address `w`; its point x goes
    to element x*step + r*columns + j of `out`.
    """
    rows, columns = form.rows, form.columns
    scales = factors(rows.point_scales(rows.places), columns.point_scales(columns.places))

    def fill(
        v: _Vectors, m: Arithmetic, w: Any, tap_step: Any, row_step: Any, rows: Any, channels: Any, out: Any,
        step: Any,
    ) -> None:  # fmt: skip
        def transform(place: Any, target: Any) -> None:
            taps = v.gathered(form.taps, w, tap_step, place)
            points = both_ways(values_line, m, form, taps, form.columns.taps)
            v.spread(multiplied(m, scales, points), out, step, target)

        v.each_of_rows(rows, row_step, channels, channels, transform)

    return _intrinsic("kernel", form, 7, fill)


def kernel_gradient_transform(form: Form) -> Any:
    """`transform(like, (sums, step, row_step, rows, columns, out, tap_step, out_row))`.

    Points at elements x*step + r*row_step + j of `sums` to taps at i*tap_step + r*out_row + j of `out`.
    """
    rows, columns = form.rows, form.columns
    point_scales = factors(rows.point_scales(rows.taps), columns.point_scales(columns.taps))
    tap_scales = factors(rows.place_scales(rows.taps), columns.place_scales(columns.taps))

    def fill(
        v: _Vectors, m: Arithmetic, sums: Any, step: Any, row_step: Any, rows: Any, channels: Any, out: Any,
        tap_step: Any, out_row: Any,
    ) -> None:  # fmt: skip
        def transform(place: Any, target: Any) -> None:
            points = multiplied(m, point_scales, v.gathered(form.points, sums, step, place))
            taps = both_ways(kernel_gradient_line, m, form, points, form.columns.count)
            v.spread(multiplied(m, tap_scales, taps), out, tap_step, target)

        v.each_of_rows(rows, row_step, out_row, channels, transform)

    return _intrinsic("kernel_gradient", form, 8, fill)


def output_transform(form: Form, gated: bool = False) -> Any:
    """`transform(like, (points, step, bias, bounds, outs, gates, first, columns))`: points to pixels.

    Point x of column j lies at element x*step + j of the address `points`. Column first + j of `bias` is
    added, the result is kept between the two numbers at the address `bounds` unless that is 0, and goes to
    that column of the pixels whose addresses the table at `outs` lists. With `gated`, it is 0 where the pixel
    that the table at `gates` lists is not positive.
    """
    rows, columns = form.rows, form.columns
    scales = factors(rows.place_scales(rows.places), columns.place_scales(columns.places))

    def fill(
        v: _Vectors, m: Arithmetic, points: Any, step: Any, bias: Any, bounds: Any, outs: Any, gates: Any,
        first: Any, channels: Any,
    ) -> None:  # fmt: skip
        b, element = v.builder, v.vector.element
        kept = Bounds(b, b.inttoptr(bounds, element.as_pointer()), v.vector)
        zeros = m.constant(0.0)

        def transform(at: Any) -> None:
            place = b.add(first, at)
            square = v.gathered(form.points, points, step, at)
            added = v.load(bias, place)
            values = zip(scales, both_ways(output_line, m, form, square, form.columns.count), strict=True)
            for number, (factor, value) in enumerate(values):
                y = kept.clip(m.scaled(factor, value, added))
                if gated:
                    gate = v.load(v.listed(gates, number), place)
                    y = b.select(b.fcmp_ordered(">", gate, zeros), y, zeros)
                v.store(y, v.listed(outs, number), place)

        v.each(channels, transform)

    return _intrinsic("gated_output" if gated else "output", form, 8, fill)
