"""What Numba cannot say: fused multiply-adds, register tiles, vector transposes, a shared counter.

`fastmath` is off everywhere, so LLVM never contracts `a * b + c` by itself: a fused
multiply-add happens where a kernel says so, on every CPU, and rounds once. Without the
hardware instruction LLVM calls the C library's fma, which is exact too, only slow.

Vector widths and tile sizes follow the CPU that Numba compiles for (`NUMBA_CPU_NAME` and
`NUMBA_CPU_FEATURES` are respected). They change speed, never a bit of a result.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


class TileShape(NamedTuple):
    """A register tile: `rows` rows by up to `vectors` vectors of `lanes` elements."""

    rows: int
    vectors: int
    lanes: int

    @property
    def width(self) -> int:
        """Columns of the full tile."""
        return self.vectors * self.lanes


def vector_bytes() -> int:
    """Width in bytes of the widest vector registers of the CPU compiled for: 64, 32 or 16."""
    features = set(cpu_target.target_context.codegen().magic_tuple()[2].split(","))
    if "+avx512f" in features:
        return 64
    return 32 if {"+avx2", "+fma"} <= features else 16


def tile_shape(itemsize: int) -> TileShape:
    """The register tile for elements of `itemsize` bytes on this CPU.

    16 registers hold 12 sums, 2 vectors of B and a broadcast. Of 32 registers the tile takes 16
    sums: that fills the units, and 8 x 32 divides the usual sizes better than a wider tile.
    Without fma instructions speed is lost anyway, so the code is kept small.
    """
    width = vector_bytes()
    rows, vectors = {64: (8, 2), 32: (6, 2), 16: (2, 1)}[width]
    return TileShape(rows, vectors, width // itemsize)


def fma_function(builder: Any, value_type: Any) -> Any:
    """The LLVM function `llvm.fma` for a scalar or vector LLVM type."""
    if isinstance(value_type, ir.VectorType):
        name = f"v{value_type.count}f{64 if value_type.element == ir.DoubleType() else 32}"
    else:
        name = "f64" if value_type == ir.DoubleType() else "f32"
    signature = ir.FunctionType(value_type, [value_type] * 3)
    return cgutils.get_or_insert_function(builder.module, signature, f"llvm.fma.{name}")


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c rounded once. All three float32, or all three float64; no promotion.

    May be used in loops: LLVM vectorises it without changing a bit.
    """
    if not (a == b == c and a in (types.float32, types.float64)):
        raise TypeError(f"fma needs three float32 or three float64, not {a}, {b}, {c}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(fma_function(builder, args[0].type), args)

    return a(a, b, c), codegen


def _lanes(*arrays: Any) -> int:
    """Elements in a vector of the arrays' dtype, which must be one float type."""
    if any(array.dtype != arrays[0].dtype or array.layout != "C" for array in arrays):
        raise TypeError(f"C-contiguous arrays of one dtype are needed, not {arrays}")
    return vector_bytes() * 8 // int(arrays[0].dtype.bitwidth)


def _data(context: Any, builder: Any, array_type: Any, value: Any, offset: Any) -> Any:
    """Pointer to element `offset` of a C-contiguous array."""
    array = context.make_array(array_type)(context, builder, value)
    return builder.gep(array.data, [offset])


def _at_vector(builder: Any, pointer: Any, index: Any, vector: Any) -> Any:
    """Pointer to the vector that starts at element `index`."""
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def _load(builder: Any, pointer: Any, itemsize: int) -> Any:
    loaded = builder.load(pointer)
    loaded.align = itemsize
    return loaded


def _store(builder: Any, value: Any, pointer: Any, itemsize: int) -> None:
    builder.store(value, pointer).align = itemsize


def _splat(builder: Any, scalar: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, vector.count), None)
    return builder.shuffle_vector(single, undefined, mask)


def _row_pointers(builder: Any, base: Any, stride: Any, rows: Any, height: int) -> list[Any]:
    """Pointers to `height` rows; a row past the last one is the last one again."""
    last = builder.sub(rows, ir.Constant(_I64, 1))
    pointers = []
    for i in range(height):
        row = ir.Constant(_I64, i)
        row = builder.select(builder.icmp_signed("<", row, last), row, last)
        pointers.append(builder.gep(base, [builder.mul(row, stride)]))
    return pointers


def make_tile(height: int, vectors: int) -> Any:
    """A register-tile product as a function for kernels.

    `tile(a, a_at, a_row, a_k, rows, b, b_at, b_k, depth, out, out_at)` writes the sums over k
    in 0..depth-1, ascending, of `a[a_at + i*a_row + k*a_k] * b[b_at + k*b_k + j]`, by fused
    multiply-adds from zero, to `out[out_at + i*vectors*lanes + j]` for i < height and
    j < vectors*lanes, where lanes is `vector_bytes()` over the item size. Rows from `rows` (at
    least 1) on repeat the last row. Arrays are C-contiguous, of one dtype; a and b are read in
    place, whatever their strides: `a_k = 1` for A as it is stored, `a_row = 1` for its transpose.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        typingctx: Any, a: Any, a_at: Any, a_row: Any, a_k: Any, rows: Any, b: Any, b_at: Any,
        b_k: Any, depth: Any, out: Any, out_at: Any,
    ) -> Any:  # fmt: skip
        i, lanes = types.int64, _lanes(a, b, out)

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = signature.args
            vector = ir.VectorType(context.get_value_type(a.dtype), lanes)
            start, panel, place = (
                _data(context, builder, kinds[n], args[n], args[n + 1]) for n in (0, 5, 9)
            )
            function = _tile_function(builder.module, vector, height, vectors)
            builder.call(function, [start, *args[2:5], panel, *args[7:9], place])
            return context.get_dummy_value()

        return types.void(a, i, i, i, i, b, i, i, i, out, i), codegen

    return tile


def _tile_function(module: Any, vector: Any, height: int, vectors: int) -> Any:
    """The tile as an LLVM function: one copy of its code however often a kernel calls it."""
    name = f"nnctl_tile_{vector.element}_{height}x{vectors}x{vector.count}"
    if name in module.globals:
        return module.globals[name]
    pointer = vector.element.as_pointer()
    kinds = [pointer, _I64, _I64, _I64, pointer, _I64, _I64, pointer]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    _emit_tile(builder, vector, height, vectors, *function.args)
    builder.ret_void()
    return function


def _emit_tile(
    builder: Any, vector: Any, height: int, vectors: int,
    a: Any, a_row: Any, a_k: Any, rows: Any, b: Any, b_k: Any, depth: Any, out: Any,
) -> None:  # fmt: skip
    """The loop over k with every sum in a register (a phi node)."""
    itemsize = 8 if vector.element == ir.DoubleType() else 4
    fused = fma_function(builder, vector)
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
        place = builder.add(b_index, ir.Constant(_I64, j * vector.count))
        panel.append(_load(builder, _at_vector(builder, b, place, vector), itemsize))
    for i in range(height):
        factor = _splat(builder, _load(builder, builder.gep(a_rows[i], [a_index]), itemsize), vector)
        for j in range(vectors):
            total = sums[i * vectors + j]
            total.add_incoming(builder.call(fused, [factor, panel[j], total]), body)
    for phi, step in zip(counters, (ir.Constant(_I64, 1), a_k, b_k), strict=True):
        phi.add_incoming(builder.add(phi, step), body)
    _no_unrolling(builder, builder.branch(loop))

    builder.position_at_end(done)
    for n, total in enumerate(sums):
        place = ir.Constant(_I64, n * vector.count)
        _store(builder, total, _at_vector(builder, out, place, vector), itemsize)


def _no_unrolling(builder: Any, branch: Any) -> None:
    """Keep LLVM from unrolling a loop that fills the units as it is: it only takes time to compile."""
    module = builder.module
    disable = module.add_metadata(["llvm.loop.unroll.disable"])
    # A loop's metadata must be distinct: it names itself first.
    loop = ir.MDValue(module, [disable], name=str(len(module.metadata)))
    loop.operands = (loop, disable)
    branch.set_metadata("llvm.loop", loop)


@intrinsic
def transpose_block(
    typingctx: Any, source: Any, at: Any, stride: Any, rows: Any, columns: Any, out: Any, out_at: Any,
    out_stride: Any,
) -> Any:  # fmt: skip
    """`out[out_at + j*out_stride + i] = source[at + i*stride + j]` for i, j < lanes.

    lanes is `vector_bytes()` over the item size. Nothing past `rows` (at least 1) and `columns`
    of the source is read: the last row is repeated, zeros stand for further columns.
    """
    i, count = types.int64, _lanes(source, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(source.dtype)
        vector = ir.VectorType(element, count)
        pointer = element.as_pointer()
        start = _data(context, builder, signature.args[0], args[0], args[1])
        end = _data(context, builder, signature.args[5], args[5], args[6])
        kinds = [pointer, _I64, _I64, _I64, pointer, _I64]
        function = ir.FunctionType(ir.VoidType(), kinds)
        name = f"nnctl_transpose_{element}_{count}"
        made = name in builder.module.globals
        function = cgutils.get_or_insert_function(builder.module, function, name)
        if not made:
            _fill_transpose(function, vector)
        builder.call(function, [start, *args[2:5], end, args[7]])
        return context.get_dummy_value()

    return types.void(source, i, i, i, i, out, i, i), codegen


def _fill_transpose(function: Any, vector: Any) -> None:
    """The body of the LLVM function behind `transpose_block`."""
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    source, stride, row_count, columns, out, out_stride = function.args
    itemsize = 8 if vector.element == ir.DoubleType() else 4
    mask = lane_mask(builder, columns, vector)
    rows = [
        masked_load(builder, pointer, mask, vector)
        for pointer in _row_pointers(builder, source, stride, row_count, vector.count)
    ]
    for n, column in enumerate(_transposed(builder, rows)):
        place = builder.mul(ir.Constant(_I64, n), out_stride)
        _store(builder, column, _at_vector(builder, out, place, vector), itemsize)
    builder.ret_void()


def lane_mask(builder: Any, count: Any, vector: Any) -> Any:
    """A vector of bits: lane < count."""
    kind = ir.VectorType(_I64, vector.count)
    lanes = ir.Constant(kind, list(range(vector.count)))
    return builder.icmp_signed("<", lanes, _splat(builder, count, kind))


def masked_load(builder: Any, pointer: Any, mask: Any, vector: Any) -> Any:
    """Load the lanes that the mask allows, zero in the others, which are not touched."""
    bits = 64 if vector.element == ir.DoubleType() else 32
    place = builder.bitcast(pointer, vector.as_pointer())
    kind = ir.FunctionType(vector, [place.type, _I32, mask.type, vector])
    name = f"llvm.masked.load.v{vector.count}f{bits}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    zero = ir.Constant(vector, None)
    return builder.call(function, [place, ir.Constant(_I32, bits // 8), mask, zero])


def masked_store(builder: Any, value: Any, pointer: Any, mask: Any) -> None:
    """Store the lanes that the mask allows."""
    vector = value.type
    bits = 64 if vector.element == ir.DoubleType() else 32
    place = builder.bitcast(pointer, vector.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [vector, place.type, _I32, mask.type])
    name = f"llvm.masked.store.v{vector.count}f{bits}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [value, place, ir.Constant(_I32, bits // 8), mask])


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
                mask = ir.Constant(ir.VectorType(_I32, count), picks)
                swapped[target] = builder.shuffle_vector(first, second, mask)
        rows = swapped
        size //= 2
    return rows


@intrinsic
def take_ticket(typingctx: Any, scratch: Any, at: Any) -> Any:
    """Add 1 to the int64 that lies at element `at` of an array; returns what was there.

    Threads that draw their next task here share the work evenly even when another process
    slows one of them down. The element must be aligned to 8 bytes.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counter = builder.bitcast(
            _data(context, builder, signature.args[0], args[0], args[1]), _I64.as_pointer()
        )
        return builder.atomic_rmw("add", counter, ir.Constant(_I64, 1), "monotonic")

    return types.int64(scratch, types.int64), codegen


@intrinsic
def thread_count(typingctx: Any) -> Any:
    """How many threads `numba.prange` uses now; for parallel kernels only.

    `numba.get_num_threads` would do, but a kernel that calls it cannot be cached.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        # Declared as Numba's parallel lowering declares it in the same module.
        function_type = ir.FunctionType(_I64, [])
        function = cgutils.get_or_insert_function(builder.module, function_type, "get_num_threads")
        return builder.call(function, [])

    return types.int64(), codegen
