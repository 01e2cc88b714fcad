"""Sums in one fixed order, fast: 16 lanes side by side, then a fixed tree over the lanes.

The number of lanes is the same on every CPU, so the bits are too. Element i of a row goes to
lane i mod 16; what is left after whole groups of 16 is added one by one at the end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from nnctl.kernels.jit import inline
from nnctl.kernels.simd import fma_function

LANES = 16


class Lanes(types.Type):
    """Numba type of 16 numbers side by side."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        super().__init__(manager, kind, ir.VectorType(manager[kind.dtype].get_value_type(), LANES))


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to flat element args[1] of the C-contiguous array args[0]."""
    array = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0])
    return builder.gep(array.data, [args[1]])


def _vector_pointer(context: Any, builder: Any, signature: Any, args: Any, kind: Any) -> Any:
    place = _place(context, builder, signature, args)
    return builder.bitcast(place, context.get_value_type(kind).as_pointer())


@intrinsic
def load16(typingctx: Any, array: Any, at: Any) -> Any:
    """16 elements from flat element `at` of a C-contiguous array."""
    kind = Lanes(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _vector_pointer(context, builder, signature, args, kind)
        return builder.load(place, align=array.dtype.bitwidth // 8)

    return kind(array, types.int64), codegen


@intrinsic
def store16(typingctx: Any, array: Any, at: Any, value: Any) -> Any:
    """Put 16 elements at flat element `at` of a C-contiguous array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _vector_pointer(context, builder, signature, args, value)
        builder.store(args[2], place).align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.int64, value), codegen


@intrinsic
def all16(typingctx: Any, array: Any, scalar: Any) -> Any:
    """16 times `scalar`, of the array's dtype."""
    kind = Lanes(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.Constant(context.get_value_type(kind), ir.Undefined)
        for lane in range(LANES):
            vector = builder.insert_element(vector, args[1], ir.Constant(ir.IntType(32), lane))
        return vector

    return kind(array, array.dtype), codegen


@intrinsic
def element(typingctx: Any, array: Any, at: Any) -> Any:
    """Flat element `at` of a C-contiguous array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature, args))

    return array.dtype(array, types.int64), codegen


@intrinsic
def add(typingctx: Any, x: Any, y: Any) -> Any:
    """x + y, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args)

    return x(x, y), codegen


@intrinsic
def multiply(typingctx: Any, x: Any, y: Any) -> Any:
    """x * y, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fmul(*args)

    return x(x, y), codegen


@intrinsic
def subtract(typingctx: Any, x: Any, y: Any) -> Any:
    """x - y, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(*args)

    return x(x, y), codegen


@intrinsic
def magnitude(typingctx: Any, x: Any) -> Any:
    """|x|, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        name = f"llvm.fabs.v{LANES}f{x.dtype.bitwidth}"
        kind = ir.FunctionType(args[0].type, [args[0].type])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)

    return x(x), codegen


@intrinsic
def multiply_add(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z rounded once, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.call(fma_function(builder, args[0].type), args)

    return x(x, y, z), codegen


@intrinsic
def larger(typingctx: Any, x: Any, y: Any) -> Any:
    """The larger of x and y, lane by lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), args[1], args[0])

    return x(x, y), codegen


def _halves(builder: Any, vector: Any) -> tuple[Any, Any]:
    half = vector.type.count // 2
    parts = []
    for start in (0, half):
        lanes = [ir.Constant(ir.IntType(32), start + i) for i in range(half)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), half), lanes)
        parts.append(builder.shuffle_vector(vector, vector, mask))
    return parts[0], parts[1]


def _fold(builder: Any, vector: Any, combine: Any) -> Any:
    while vector.type.count > 1:
        vector = combine(*_halves(builder, vector))
    return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))


@intrinsic
def total16(typingctx: Any, vector: Any) -> Any:
    """The sum of the lanes: halves added until one is left."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _fold(builder, args[0], builder.fadd)

    return vector.dtype(vector), codegen


@intrinsic
def largest16(typingctx: Any, vector: Any) -> Any:
    """The largest lane."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def pick(x: Any, y: Any) -> Any:
            return builder.select(builder.fcmp_ordered("<", x, y), y, x)

        return _fold(builder, args[0], pick)

    return vector.dtype(vector), codegen


@inline
def lane_sum(x, start, count):
    """Sum of `count` elements from flat element `start` of x."""
    sums = all16(x, x.dtype.type(0.0))
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        sums = add(sums, load16(x, start + i))
    total = total16(sums)
    for i in range(whole, count):
        total += element(x, start + i)
    return total


@inline
def lane_dot(x, x_start, y, y_start, count):
    """Sum of products of `count` elements of x and y from flat places on."""
    sums = all16(x, x.dtype.type(0.0))
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        sums = multiply_add(load16(x, x_start + i), load16(y, y_start + i), sums)
    total = total16(sums)
    for i in range(whole, count):
        total += element(x, x_start + i) * element(y, y_start + i)
    return total


@inline
def lane_max(x, start, count):
    """The largest of `count` > 0 elements from flat element `start` of x."""
    largest = element(x, start)
    tops = all16(x, largest)
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        tops = larger(tops, load16(x, start + i))
    largest = largest16(tops)
    for i in range(whole, count):
        value = element(x, start + i)
        largest = value if value > largest else largest
    return largest
