"""Vectors as values inside kernels: load, compute, store, without waiting for the auto-vectoriser.

A vector has `LANES` elements of its array's dtype (`vectors.lanes(array)` in a kernel). Use it
where rows are too short for LLVM's own vectoriser, which leaves the ends of a loop to scalars.
Each operation is elementwise and rounds once, so the width never changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from nnctl.kernels.simd import (
    _at_vector, _data, _lanes, _load, _splat, _store, fma_function, lane_mask, masked_load, masked_store,
)  # fmt: skip


class Vector(types.Type):  # type: ignore[misc]
    """Numba type of a vector register."""

    def __init__(self, dtype: Any, lanes: int) -> None:
        self.dtype, self.lanes = dtype, lanes
        super().__init__(name=f"vector({dtype} x {lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, ir.VectorType(manager[kind.dtype].get_value_type(), kind.lanes))


@intrinsic
def lanes(typingctx: Any, array: Any) -> Any:
    """How many elements of this array's dtype a vector holds; a constant to LLVM."""
    count = _lanes(array)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.get_constant(types.int64, count)

    return types.int64(array), codegen


@intrinsic
def load(typingctx: Any, array: Any, at: Any) -> Any:
    """The vector that starts at flat element `at` of a C-contiguous array."""
    kind = Vector(array.dtype, _lanes(array))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = _data(context, builder, signature.args[0], args[0], args[1])
        vector = context.get_value_type(kind)
        place = _at_vector(builder, start, ir.Constant(ir.IntType(64), 0), vector)
        return _load(builder, place, array.dtype.bitwidth // 8)

    return kind(array, types.int64), codegen


@intrinsic
def store(typingctx: Any, array: Any, at: Any, value: Any) -> Any:
    """Write a vector from flat element `at` on."""
    if not isinstance(value, Vector) or value.dtype != array.dtype:
        raise TypeError(f"cannot store {value} in {array}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = _data(context, builder, signature.args[0], args[0], args[1])
        place = _at_vector(builder, start, ir.Constant(ir.IntType(64), 0), args[2].type)
        _store(builder, args[2], place, array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, value), codegen


@intrinsic
def load_part(typingctx: Any, array: Any, at: Any, count: Any) -> Any:
    """As `load`, but only the first `count` lanes (any number) are read; zeros in the others."""
    kind = Vector(array.dtype, _lanes(array))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = _data(context, builder, signature.args[0], args[0], args[1])
        vector = context.get_value_type(kind)
        return masked_load(builder, start, lane_mask(builder, args[2], vector), vector)

    return kind(array, types.int64, types.int64), codegen


@intrinsic
def store_part(typingctx: Any, array: Any, at: Any, value: Any, count: Any) -> Any:
    """As `store`, but only the first `count` lanes (any number) are written."""
    if not isinstance(value, Vector) or value.dtype != array.dtype:
        raise TypeError(f"cannot store {value} in {array}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        start = _data(context, builder, signature.args[0], args[0], args[1])
        masked_store(builder, args[2], start, lane_mask(builder, args[3], args[2].type))
        return context.get_dummy_value()

    return types.void(array, types.int64, value, types.int64), codegen


@intrinsic
def broadcast(typingctx: Any, array: Any, scalar: Any) -> Any:
    """A vector for `array`'s dtype with `scalar`, of that dtype, in every lane."""
    if scalar != array.dtype:
        raise TypeError(f"cannot broadcast {scalar} for {array}")
    kind = Vector(array.dtype, _lanes(array))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _splat(builder, args[1], context.get_value_type(kind))

    return kind(array, scalar), codegen


def _elementwise(name: str, emit: Callable[[Any, list[Any]], Any], count: int, doc: str) -> Any:
    """An intrinsic on `count` vectors of one kind."""

    def typed(kinds: tuple[Any, ...]) -> Any:
        if not all(isinstance(kind, Vector) and kind == kinds[0] for kind in kinds):
            raise TypeError(f"{name} needs {count} vectors of one kind, not {kinds}")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return emit(builder, list(args))

        return kinds[0](*kinds), codegen

    def two(typingctx: Any, x: Any, y: Any) -> Any:
        return typed((x, y))

    def three(typingctx: Any, x: Any, y: Any, z: Any) -> Any:
        return typed((x, y, z))

    function = two if count == 2 else three
    function.__name__, function.__doc__ = name, doc
    return intrinsic(function)


def _below(builder: Any, args: list[Any]) -> Any:
    return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[1], args[0])


def _above(builder: Any, args: list[Any]) -> Any:
    return builder.select(builder.fcmp_ordered(">", args[0], args[1]), args[2], args[1])


add = _elementwise("add", lambda b, v: b.fadd(*v), 2, "x + y")
multiply = _elementwise("multiply", lambda b, v: b.fmul(*v), 2, "x * y")
at_least = _elementwise("at_least", _below, 2, "y where x < y, else x (a NaN in x stays)")
gated = _elementwise("gated", _above, 3, "z where x > y, else y")
multiply_add = _elementwise(
    "multiply_add", lambda b, v: b.call(fma_function(b, v[0].type), v), 3, "x * y + z, rounded once"
)
