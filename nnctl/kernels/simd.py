"""What Numba cannot say: fused multiply-adds, vectors, a counter that threads share.

`fastmath` is off everywhere, so LLVM never contracts `a * b + c` by itself: a fused
multiply-add happens where a kernel says so, on every CPU, and rounds once. Without the
hardware instruction LLVM calls the C library's fma, which is exact too, only slow.

Vector widths and tile sizes follow the CPU that Numba compiles for (`NUMBA_CPU_NAME` and
`NUMBA_CPU_FEATURES` are respected). They change speed, never a bit of a result.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
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


@functools.cache
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


def no_unrolling(builder: Any, branch: Any) -> None:
    """Keep LLVM from unrolling a loop that fills the units as it is: it only takes time to compile."""
    module = builder.module
    disable = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    # A loop's metadata must be distinct: it names itself first.
    loop = ir.MDValue(module, [disable], name=str(len(module.metadata)))
    loop.operands = (loop, disable)
    branch.set_metadata("llvm.loop", loop)


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


def lanes_of(*arrays: Any) -> int:
    """Elements in a vector of the arrays' dtype, which must be one float type."""
    if any(array.dtype != arrays[0].dtype or array.layout != "C" for array in arrays):
        raise TypeError(f"C-contiguous arrays of one dtype are needed, not {arrays}")
    return vector_bytes() * 8 // int(arrays[0].dtype.bitwidth)


def data_pointer(context: Any, builder: Any, array_type: Any, value: Any, offset: Any) -> Any:
    """Pointer to element `offset` of a C-contiguous array."""
    array = context.make_array(array_type)(context, builder, value)
    return builder.gep(array.data, [offset])


def vector_pointer(builder: Any, pointer: Any, index: Any, vector: Any) -> Any:
    """Pointer to the vector that starts at element `index`."""
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def load(builder: Any, pointer: Any, itemsize: int) -> Any:
    loaded = builder.load(pointer)
    loaded.align = itemsize
    return loaded


def store(builder: Any, value: Any, pointer: Any, itemsize: int) -> None:
    builder.store(value, pointer).align = itemsize


def splat(builder: Any, scalar: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
    mask = ir.Constant(ir.VectorType(_I32, vector.count), None)
    return builder.shuffle_vector(single, undefined, mask)


class Bounds:
    """Between what values are kept, read from two numbers at a pointer: none where that is null."""

    def __init__(self, builder: Any, pointer: Any, vector: Any) -> None:
        self._builder = builder
        ends = [cgutils.alloca_once_value(builder, ir.Constant(vector.element, end)) for end in _ANY]
        there = builder.icmp_unsigned("!=", builder.ptrtoint(pointer, _I64), ir.Constant(_I64, 0))
        with builder.if_then(there):
            for number, end in enumerate(ends):
                builder.store(builder.load(builder.gep(pointer, [ir.Constant(_I32, number)])), end)
        self._low, self._high = (splat(builder, builder.load(end), vector) for end in ends)

    def clip(self, value: Any) -> Any:
        """The value, or the bound that it is beyond; a NaN stays."""
        b = self._builder
        value = b.select(b.fcmp_ordered("<", value, self._low), self._low, value)
        return b.select(b.fcmp_ordered(">", value, self._high), self._high, value)


_ANY = (float("-inf"), float("inf"))


def lane_mask(builder: Any, count: Any, vector: Any) -> Any:
    """A vector of bits: lane < count. The comparison is as wide as the elements, as masks are on AVX2."""
    element = _I64 if vector.element == ir.DoubleType() else _I32
    kind, most = ir.VectorType(element, vector.count), ir.Constant(_I64, vector.count)
    count = builder.select(builder.icmp_signed("<", count, most), count, most)
    least = ir.Constant(_I64, 0)
    count = builder.select(builder.icmp_signed(">", count, least), count, least)
    if element != _I64:
        count = builder.trunc(count, element)
    lanes = ir.Constant(kind, list(range(vector.count)))
    return builder.icmp_signed("<", lanes, splat(builder, count, kind))


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


def prefetch(builder: Any, pointer: Any, nearness: int) -> None:
    """Ask for a cache line: 3 to the first-level cache, 2 to the second-level cache."""
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(
        function, [builder.bitcast(pointer, byte), *(ir.Constant(_I32, n) for n in (0, nearness, 1))]
    )


def library_function(module: Any, name: str, kinds: list[Any], fill: Callable[..., None]) -> Any:
    """An LLVM function `name` with arguments of these kinds, written by `fill(builder, *arguments)`.

    It stays one function, never inlined, so a kernel may call it often and still compile fast.
    """
    if name in module.globals:
        return module.globals[name]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    fill(builder, *function.args)
    builder.ret_void()
    return function


@intrinsic
def lanes(typingctx: Any, array: Any) -> Any:
    """How many elements of this array's dtype a vector holds; a constant to LLVM."""
    count = lanes_of(array)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.int64, count)

    return types.int64(array), codegen


@intrinsic
def take_ticket(typingctx: Any, scratch: Any, at: Any) -> Any:
    """Add 1 to the int64 that lies at element `at` of an array; returns what was there.

    Threads that draw their next task here share the work evenly even when another process
    slows one of them down. The element must be aligned to 8 bytes.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        counter = builder.bitcast(
            data_pointer(context, builder, signature.args[0], args[0], args[1]), _I64.as_pointer()
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
