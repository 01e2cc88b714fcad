"""Sums beside the tiles of a convolution's kernel gradient, as LLVM vector IR: the bias's, and of parts."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.convolution_tile import VECTOR_BYTES
from nnctl.kernels.simd import lane_mask, library_function, load, masked_store, store

_I64 = ir.IntType(64)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


@intrinsic
def add_columns(
    typingctx: Any, like: Any, w: Any, step: Any, rows: Any, width: Any, older: Any, out: Any
) -> Any:
    """Sums of columns: `out[j] (+)= sum of w[p*step + j]` over rows p, in four chains (p modulo 4).

    `like` is any array of the dtype; w and out are addresses; j < width, whole vectors of 64
    bytes; with `older` not 0 the sums are added to what is there. The chains are added in pairs.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(like.dtype)
        itemsize = int(like.dtype.bitwidth) // 8
        vector = ir.VectorType(element, VECTOR_BYTES // itemsize)

        def fill(inner: Any, *arguments: Any) -> None:
            _fill_add_columns(inner, vector, itemsize, *arguments)

        name = f"nnctl_add_columns_{element}"
        builder.call(library_function(builder.module, name, [_I64] * 6, fill), args[1:])
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 6), codegen


def _fill_add_columns(
    builder: Any, vector: Any, itemsize: int, w: Any, step: Any, rows: Any, width: Any, older: Any, out: Any
) -> None:
    pointer = vector.element.as_pointer()
    chains = [cgutils.alloca_once(builder, vector) for _ in range(4)]
    whole = builder.and_(rows, _int(-4))

    def add(chain: Any, row: Any, column: Any) -> None:
        at = builder.gep(builder.inttoptr(w, pointer), [builder.add(builder.mul(row, step), column)])
        value = load(builder, builder.bitcast(at, vector.as_pointer()), itemsize)
        builder.store(builder.fadd(builder.load(chain), value), chain)

    with cgutils.for_range_slice(builder, _int(0), width, _int(vector.count), intp=_I64) as (column, _):
        for chain in chains:
            builder.store(ir.Constant(vector, None), chain)
        with cgutils.for_range_slice(builder, _int(0), whole, _int(4), intp=_I64) as (row, _):
            for n, chain in enumerate(chains):
                add(chain, builder.add(row, _int(n)), column)
        with cgutils.for_range_slice(builder, whole, rows, _int(1), intp=_I64) as (row, _):
            add(chains[0], row, column)
        a, b, c, d = (builder.load(chain) for chain in chains)
        total = builder.fadd(builder.fadd(a, b), builder.fadd(c, d))
        place = builder.bitcast(builder.gep(builder.inttoptr(out, pointer), [column]), vector.as_pointer())
        with builder.if_else(builder.icmp_signed("!=", older, _int(0))) as (then, otherwise):
            with then:
                store(builder, builder.fadd(load(builder, place, itemsize), total), place, itemsize)
            with otherwise:
                store(builder, total, place, itemsize)


@intrinsic
def add_parts(
    typingctx: Any, like: Any, sums: Any, parts: Any, step: Any, rows: Any, width: Any, columns: Any,
    out: Any, out_row: Any,
) -> Any:  # fmt: skip
    """`out[r*out_row + j]` = the sum over parts p, ascending, of `sums[r*width + j]` p*step bytes further.

    `like` is any array of the dtype; sums and out are addresses; r < rows, j < columns <= width,
    width whole vectors of 64 bytes.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(like.dtype)
        itemsize = int(like.dtype.bitwidth) // 8
        vector = ir.VectorType(element, VECTOR_BYTES // itemsize)

        def fill(inner: Any, *arguments: Any) -> None:
            _fill_add_parts(inner, vector, itemsize, *arguments)

        name = f"nnctl_add_parts_{element}"
        builder.call(library_function(builder.module, name, [_I64] * 8, fill), args[1:])
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 8), codegen


def _fill_add_parts(
    builder: Any, vector: Any, itemsize: int, sums: Any, parts: Any, step: Any, rows: Any, width: Any,
    columns: Any, out: Any, out_row: Any,
) -> None:  # fmt: skip
    def scaled(count: Any) -> Any:
        return builder.mul(count, _int(itemsize))

    def place(at: Any) -> Any:
        return builder.inttoptr(at, vector.as_pointer())

    lanes = _int(vector.count)
    total = cgutils.alloca_once(builder, vector)
    with (
        cgutils.for_range(builder, rows, intp=_I64) as row,
        cgutils.for_range_slice(builder, _int(0), columns, lanes, intp=_I64) as (column, _),
    ):
        first = builder.add(sums, scaled(builder.add(builder.mul(row.index, width), column)))
        builder.store(load(builder, place(first), itemsize), total)
        with cgutils.for_range_slice(builder, _int(1), parts, _int(1), intp=_I64) as (part, _):
            value = load(builder, place(builder.add(first, builder.mul(part, step))), itemsize)
            builder.store(builder.fadd(builder.load(total), value), total)
        to = place(builder.add(out, scaled(builder.add(builder.mul(row.index, out_row), column))))
        left = builder.sub(columns, column)
        with builder.if_else(builder.icmp_signed(">=", left, lanes)) as (whole, short):
            with whole:
                store(builder, builder.load(total), to, itemsize)
            with short:
                masked_store(builder, builder.load(total), to, lane_mask(builder, left, vector))
