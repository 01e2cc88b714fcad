"""One row of a depthwise convolution, written as LLVM vector IR: channels side by side in vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from nnctl.kernels.pooling_rows import PixelRow, row_function
from nnctl.kernels.simd import Bounds, fma_function

TOGETHER = 4
"""Pixels whose sums are in registers at once: they share the weights that are loaded."""

TAPS = 3
"""Taps of a row whose gradients are in registers at once: they share the pixel of dy."""

_I64 = ir.IntType(64)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


def _fill_sum(
    b: Any, element: Any, kind: Any, x: Any, width: Any, channels: Any, weights: Any, taps: Any, bias: Any,
    has_bias: Any, h: Any, i: Any, rows: Any, columns: Any, source_down: Any, source_across: Any,
    tap_down: Any, tap_across: Any, inner: Any, inner_end: Any, inner_step: Any, pixels: Any, bounds: Any,
    gate: Any, gated: Any, y: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    add = fma_function(b, row.vector)
    sums = [cgutils.alloca_once(b, row.vector) for _ in range(TOGETHER)]
    zero = ir.Constant(row.vector, None)
    kept = Bounds(b, b.inttoptr(bounds, element.as_pointer()), row.vector)

    def finish(pixel: Any, total: Any) -> None:
        """Clip, gate and store."""
        b.store(kept.clip(b.load(total)), total)
        with b.if_then(b.icmp_signed("!=", gated, _int(0))):
            positive = b.fcmp_ordered(">", row.read(gate, pixel), zero)
            b.store(b.select(positive, b.load(total), zero), total)
        row.write(y, pixel, b.load(total))

    def some(pixel: Any, count: int) -> None:
        """`count` pixels from `pixel` on, which have the same taps."""
        w, j, across_count = row.record(columns, pixel)
        for total in sums[:count]:
            b.store(zero, total)
        with b.if_then(b.icmp_signed("!=", has_bias, _int(0))):
            for total in sums[:count]:
                b.store(row.read(bias, _int(0)), total)
        with row.loop(rows) as down:
            line = b.mul(b.add(h, b.mul(down, source_down)), width)
            tap_row = b.mul(b.add(i, b.mul(down, tap_down)), taps)
            with row.loop(across_count) as across:
                at = b.add(line, b.add(w, b.mul(across, source_across)))
                weight = row.read(weights, b.add(tap_row, b.add(j, b.mul(across, tap_across))))
                for n, total in enumerate(sums[:count]):
                    value = row.read(x, b.add(at, b.mul(inner_step, _int(n))))
                    b.store(b.call(add, [value, weight, b.load(total)]), total)
        for n, total in enumerate(sums[:count]):
            finish(b.add(pixel, _int(n)), total)

    together = b.sub(inner_end, b.srem(b.sub(inner_end, inner), _int(TOGETHER)))

    def every_channel(pixel: Any, count: int) -> None:
        """All channels of some pixels before the next ones: memory is walked as it lies."""
        with row.loop(channels, row.lanes) as channel:
            row.enter(channel)
            row.halves(lambda: some(pixel, count))

    with row.loop(inner) as pixel:
        every_channel(pixel, 1)
    with row.loop(b.sub(together, inner), TOGETHER) as n:
        every_channel(b.add(inner, n), TOGETHER)
    with row.loop(b.sub(pixels, together)) as n:
        every_channel(b.add(together, n), 1)


def _fill_weights(
    b: Any, element: Any, kind: Any, x: Any, width: Any, channels: Any, taps: Any, h: Any, i: Any, rows: Any,
    source_down: Any, reach: Any, step: Any, dy: Any, pixels: Any, has_bias: Any, sums: Any,
) -> None:  # fmt: skip
    row = PixelRow(b, element, channels)
    multiply_add = fma_function(b, row.vector)
    totals = [cgutils.alloca_once(b, row.vector) for _ in range(TAPS)]
    zero = ir.Constant(row.vector, None)

    def least(p: Any, q: Any) -> Any:
        return b.select(b.icmp_signed("<", p, q), p, q)

    def most(p: Any, q: Any) -> Any:
        return b.select(b.icmp_signed(">", p, q), p, q)

    def keep(tap: Any, total: Any) -> None:
        """Add a row's sum to what is there."""
        row.write(sums, tap, b.fadd(row.read(sums, tap), b.load(total)))

    def add(source: Any, pixel: Any, value: Any, total: Any) -> None:
        at = b.add(source, b.mul(pixel, step))
        b.store(b.call(multiply_add, [row.read(x, at), value, b.load(total)]), total)

    def alone(source: Any, begin: Any, end: Any, total: Any) -> None:
        with row.loop(b.sub(end, begin)) as n:
            pixel = b.add(begin, n)
            add(source, pixel, row.read(dy, pixel), total)

    def group(line: Any, tap_row: Any, tap: Any) -> None:
        """TAPS taps side by side: first where not all are inside, then all of them, then the rest."""
        numbers = [b.add(tap, _int(n)) for n in range(TAPS)]
        reached = [row.record(reach, number) for number in numbers]
        sources = [b.add(line, shift) for _, _, shift in reached]
        begin, end, _ = reached[0]
        for other, last, _ in reached[1:]:
            begin, end = most(begin, other), least(end, last)
        end = most(begin, end)
        for source, (own, last, _), total in zip(sources, reached, totals, strict=True):
            b.store(zero, total)
            alone(source, own, least(begin, last), total)
        with row.loop(b.sub(end, begin)) as n:
            pixel = b.add(begin, n)
            value = row.read(dy, pixel)
            for source, total in zip(sources, totals, strict=True):
                add(source, pixel, value, total)
        for number, source, (_, last, _), total in zip(numbers, sources, reached, totals, strict=True):
            alone(source, end, last, total)
            keep(b.add(tap_row, number), total)

    whole = b.sub(taps, b.srem(taps, _int(TAPS)))

    def all_taps() -> None:
        with row.loop(rows) as down:
            line = b.mul(b.add(h, b.mul(down, source_down)), width)
            tap_row = b.mul(b.add(i, down), taps)
            with row.loop(whole, TAPS) as tap:
                group(line, tap_row, tap)
            with row.loop(b.sub(taps, whole)) as n:
                number = b.add(whole, n)
                begin, end, shift = row.record(reach, number)
                b.store(zero, totals[0])
                alone(b.add(line, shift), begin, end, totals[0])
                keep(b.add(tap_row, number), totals[0])
        with b.if_then(b.icmp_signed("!=", has_bias, _int(0))):
            b.store(zero, totals[0])
            with row.loop(pixels) as pixel:
                b.store(b.fadd(b.load(totals[0]), row.read(dy, pixel)), totals[0])
            keep(has_bias, totals[0])

    with row.loop(channels, row.lanes) as channel:
        row.enter(channel)
        row.halves(all_taps)


sum_row = row_function("depthwise", 23, _fill_sum)
"""(x, width, channels, weights, taps, bias, has_bias, h, i, rows, columns, source_down, source_across,
tap_down, tap_across, inner, inner_end, inner_step, pixels, bounds, gate, gated, y): a row of sums over taps.

x is the address of an image, `weights` of (taps, channels), (h, i, rows) the record of the row, `columns` the
address of the records of its pixels, bounds the address of two numbers or 0, gate and y the row's addresses;
the rest is `depthwise_plan.Header`'s.
"""

weight_row = row_function("depthwise_weights", 14, _fill_weights)
"""(x, width, channels, taps, h, i, rows, source_down, reach, step, dy, pixels, has_bias, sums).

Adds to `sums` (taps, channels) what a row of dy gives each tap, and to row `has_bias` of it, if that is not
0, the sum of dy.

`reach` is the address of three numbers for each tap: the pixels [begin, end) of dy at which it is inside the
image, and where it is for pixel 0; it moves by `step` from one pixel to the next.
"""
