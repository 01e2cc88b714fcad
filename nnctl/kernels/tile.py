"""Blocks of arrays and register tiles as LLVM vector IR: what packs, copies and multiplies.

Each is one LLVM function per dtype, called from kernels through an intrinsic. Arrays are
C-contiguous and of one dtype; `*_at` are flat positions, strides are in elements. `lanes` is
the width of a vector; edges are masked, nothing beyond them is read or written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import (
    data_pointer,
    fma_function,
    lane_mask,
    lanes_of,
    library_function,
    load,
    masked_load,
    no_unrolling,
    prefetch,
    splat,
    store,
    vector_pointer,
)  # fmt: skip

_I64 = ir.IntType(64)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


def _itemsize(vector: Any) -> int:
    return 8 if vector.element == ir.DoubleType() else 4


def _vector(context: Any, array: Any) -> Any:
    return ir.VectorType(context.get_value_type(array.dtype), lanes_of(array))


def _row_pointers(builder: Any, base: Any, stride: Any, rows: Any, height: int) -> list[Any]:
    """Pointers to `height` rows; a row past the last one is the last one again."""
    last = builder.sub(rows, _int(1))
    pointers = []
    for i in range(height):
        row = builder.select(builder.icmp_signed("<", _int(i), last), _int(i), last)
        pointers.append(builder.gep(base, [builder.mul(row, stride)]))
    return pointers


def make_tile(height: int, vectors: int, adds: bool = False) -> Any:
    """A register-tile product of `height` rows by `vectors` vectors, as a function for kernels.

    `tile(a, a_row, a_k, rows, b, b_at, b_k, depth, out, out_at)`, a an `address`, writes the sums over k
    in 0..depth-1, ascending, of `a[i*a_row + k*a_k] * b[b_at + k*b_k + j]`, by fused
    multiply-adds from zero, to `out[out_at + i*vectors*lanes + j]` for i < height and
    j < vectors*lanes. Rows from `rows` (at least 1) on repeat the last row. a and b are read in
    place, whatever their strides: `a_k = 1` for A as it is stored, `a_row = 1` for its transpose. With
    `adds` the sums are added to what is there.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        typingctx: Any, a: Any, a_row: Any, a_k: Any, rows: Any, b: Any, b_at: Any,
        b_k: Any, depth: Any, out: Any, out_at: Any,
    ) -> Any:  # fmt: skip
        i, _ = types.int64, lanes_of(b, out)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            vector = _vector(context, out)
            panel, place = (
                data_pointer(context, builder, signature.args[n], args[n], args[n + 1]) for n in (4, 8)
            )
            pointer = panel.type
            start = builder.inttoptr(args[0], pointer)
            kinds = [pointer, _I64, _I64, _I64, pointer, _I64, _I64, pointer]
            name = f"nnctl_tile{'_adds' * adds}_{vector.element}_{height}x{vectors}x{vector.count}"

            def fill(inner: Any, *arguments: Any) -> None:
                _fill_tile(inner, vector, height, vectors, adds, *arguments)

            function = library_function(builder.module, name, kinds, fill)
            builder.call(function, [start, *args[1:4], panel, *args[6:8], place])
            return context.get_dummy_value()

        return types.void(i, i, i, i, b, i, i, i, out, i), codegen

    return tile


def _fill_tile(
    builder: Any, vector: Any, height: int, vectors: int, adds: bool,
    a: Any, a_row: Any, a_k: Any, rows: Any, b: Any, b_k: Any, depth: Any, out: Any,
) -> None:  # fmt: skip
    """The loop over k with every sum in a register (a phi node)."""
    itemsize, fused = _itemsize(vector), fma_function(builder, vector)
    a_rows = _row_pointers(builder, a, a_row, rows, height)
    before = builder.block
    loop, body, done = (builder.append_basic_block(name) for name in ("k", "k.body", "k.done"))
    builder.branch(loop)
    builder.position_at_end(loop)
    counters = [builder.phi(_I64) for _ in range(3)]
    k, a_index, b_index = counters
    sums = [builder.phi(vector) for _ in range(height * vectors)]
    for phi in counters + sums:
        phi.add_incoming(ir.Constant(phi.type, None if phi.type == vector else 0), before)
    builder.cbranch(builder.icmp_signed("<", k, depth), body, done)

    builder.position_at_end(body)
    panel = []
    for j in range(vectors):
        place = builder.add(b_index, _int(j * vector.count))
        panel.append(load(builder, vector_pointer(builder, b, place, vector), itemsize))
    for i in range(height):
        factor = splat(builder, load(builder, builder.gep(a_rows[i], [a_index]), itemsize), vector)
        for j in range(vectors):
            total = sums[i * vectors + j]
            total.add_incoming(builder.call(fused, [factor, panel[j], total]), body)
    for phi, step in zip(counters, (_int(1), a_k, b_k), strict=True):
        phi.add_incoming(builder.add(phi, step), body)
    no_unrolling(builder, builder.branch(loop))

    builder.position_at_end(done)
    for n, total in enumerate(sums):
        place = vector_pointer(builder, out, _int(n * vector.count), vector)
        value = builder.fadd(load(builder, place, itemsize), total) if adds else total
        store(builder, value, place, itemsize)


@intrinsic
def address(typingctx: Any, array: Any, at: Any) -> Any:
    """The address of flat element `at` of a C-contiguous array, for a tile."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ptrtoint(data_pointer(context, builder, signature.args[0], args[0], args[1]), _I64)

    return types.int64(array, types.int64), codegen


@intrinsic
def prefetch_block(typingctx: Any, source: Any, at: Any, stride: Any, rows: Any, columns: Any) -> Any:
    """Ask for `source[at + i*stride + j]`, i < rows, j < columns, to come to the second-level cache."""
    i, _ = types.int64, lanes_of(source)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(context, source)
        start = data_pointer(context, builder, signature.args[0], args[0], args[1])

        def fill(inner: Any, *arguments: Any) -> None:
            _fill_prefetch(inner, vector, *arguments)

        name = f"nnctl_prefetch_{vector.element}"
        function = library_function(builder.module, name, [start.type, _I64, _I64, _I64], fill)
        builder.call(function, [start, *args[2:5]])
        return context.get_dummy_value()

    return types.void(source, i, i, i, i), codegen


def _fill_prefetch(builder: Any, vector: Any, source: Any, stride: Any, rows: Any, columns: Any) -> None:
    line = _int(64 // _itemsize(vector))
    with cgutils.for_range(builder, rows, intp=_I64) as loop:
        base = builder.gep(source, [builder.mul(loop.index, stride)])
        with cgutils.for_range_slice(builder, _int(0), columns, line, intp=_I64) as (v, _):
            prefetch(builder, builder.gep(base, [v]), 2)


@intrinsic
def copy_block(
    typingctx: Any, source: Any, at: Any, stride: Any, rows: Any, columns: Any, out: Any, out_at: Any,
    out_stride: Any,
) -> Any:  # fmt: skip
    """`out[out_at + i*out_stride + j] = source[at + i*stride + j]` for i < rows, j < columns.

    Columns are rounded up to whole vectors; the further ones become zeros in `out`.
    """
    return _block_function("copy", _fill_copy, source, out)


def _fill_copy(
    builder: Any, vector: Any, source: Any, stride: Any, rows: Any, columns: Any, out: Any, out_stride: Any
) -> None:
    step = _int(vector.count)
    whole = builder.sub(columns, builder.srem(columns, step))
    left = builder.sub(columns, whole)
    mask = lane_mask(builder, left, vector)
    with cgutils.for_range(builder, rows, intp=_I64) as loop:
        base = builder.gep(source, [builder.mul(loop.index, stride)])
        target = builder.gep(out, [builder.mul(loop.index, out_stride)])
        with cgutils.for_range_slice(builder, _int(0), whole, step, intp=_I64) as (v, _):
            value = load(builder, vector_pointer(builder, base, v, vector), _itemsize(vector))
            store(builder, value, vector_pointer(builder, target, v, vector), _itemsize(vector))
        with builder.if_then(builder.icmp_signed(">", left, _int(0))):
            value = masked_load(builder, builder.gep(base, [whole]), mask, vector)
            store(builder, value, vector_pointer(builder, target, whole, vector), _itemsize(vector))


def make_tile_copy(height_of: Callable[[int], int]) -> Any:
    """Copies rows to tiles of some elements a row, as a function for kernels.

    `height_of` tells how many by the lanes of a vector.
    `copy(source, at, stride, rows, columns, out, out_at, tile)` makes
    `out[out_at + t*tile + i*height + j] = source[at + i*stride + t*height + j]` for i < rows, j < height and
    as many t as cover the columns, in whole vectors: up to a tile and a vector are read beyond the columns,
    up to a vector is written beyond a tile's last row.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def copy(
        typingctx: Any, source: Any, at: Any, stride: Any, rows: Any, columns: Any, out: Any, out_at: Any,
        tile: Any,
    ) -> Any:  # fmt: skip
        height = height_of(lanes_of(source))

        def fill(builder: Any, vector: Any, *arguments: Any) -> None:
            _fill_tile_copy(builder, vector, height, *arguments)

        return _block_function(f"copy_tiles_{height}", fill, source, out)

    return copy


def _fill_tile_copy(
    builder: Any, vector: Any, height: int, source: Any, stride: Any, rows: Any, columns: Any, out: Any,
    tile: Any,
) -> None:  # fmt: skip
    itemsize = _itemsize(vector)
    with cgutils.for_range(builder, rows, intp=_I64) as loop:
        base = builder.gep(source, [builder.mul(loop.index, stride)])
        target = builder.gep(out, [builder.mul(loop.index, _int(height))])
        with cgutils.for_range_slice(builder, _int(0), columns, _int(height), intp=_I64) as (j, count):
            first, to = builder.gep(base, [j]), builder.gep(target, [builder.mul(count, tile)])
            places = [_int(v) for v in range(0, height, vector.count)]
            read = [load(builder, vector_pointer(builder, first, v, vector), itemsize) for v in places]
            for value, v in zip(read, places, strict=True):
                store(builder, value, vector_pointer(builder, to, v, vector), itemsize)


@intrinsic
def transpose_block(
    typingctx: Any, source: Any, at: Any, stride: Any, rows: Any, columns: Any, out: Any, out_at: Any,
    out_stride: Any,
) -> Any:  # fmt: skip
    """`out[out_at + j*out_stride + i] = source[at + i*stride + j]` for i, j < lanes.

    Nothing past `rows` (at least 1) and `columns` of the source is read: the last row is
    repeated, zeros stand for further columns.
    """
    return _block_function("transpose", _fill_transpose, source, out)


def _fill_transpose(
    builder: Any, vector: Any, source: Any, stride: Any, rows: Any, columns: Any, out: Any, out_stride: Any
) -> None:
    mask = lane_mask(builder, columns, vector)
    loaded = [
        masked_load(builder, pointer, mask, vector)
        for pointer in _row_pointers(builder, source, stride, rows, vector.count)
    ]
    for n, column in enumerate(_transposed(builder, loaded)):
        place = builder.mul(_int(n), out_stride)
        store(builder, column, vector_pointer(builder, out, place, vector), _itemsize(vector))


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """The columns of a square of vectors: swap ever smaller off-diagonal blocks."""
    count = len(rows)
    size = count // 2
    while size:
        swapped = list(rows)
        for i in range(count):
            if i & size:
                continue
            first, second = rows[i], rows[i + size]
            low = [j if not j & size else count + j - size for j in range(count)]
            high = [j + size if not j & size else count + j for j in range(count)]
            for target, picks in ((i, low), (i + size, high)):
                mask = ir.Constant(ir.VectorType(ir.IntType(32), count), picks)
                swapped[target] = builder.shuffle_vector(first, second, mask)
        rows = swapped
        size //= 2
    return rows


def _block_function(name: str, fill: Any, source: Any, out: Any) -> Any:
    """Signature and code of an intrinsic that takes a block of one array to another."""
    i, _ = types.int64, lanes_of(source, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(context, source)
        start = data_pointer(context, builder, signature.args[0], args[0], args[1])
        end = data_pointer(context, builder, signature.args[5], args[5], args[6])

        def written(inner: Any, *arguments: Any) -> None:
            fill(inner, vector, *arguments)

        function = library_function(
            builder.module,
            f"nnctl_{name}_{vector.element}_{vector.count}",
            [start.type, _I64, _I64, _I64, end.type, _I64],
            written,
        )
        builder.call(function, [start, *args[2:5], end, args[7]])
        return context.get_dummy_value()

    return types.void(source, i, i, i, i, out, i, i), codegen
