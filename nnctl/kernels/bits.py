"""Floats as their bits, and polynomials with explicit fma: what mathfn.py is written in."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import fma_function

_INT_OF: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}
_FLOAT_OF: dict[Any, Any] = {types.int32: types.float32, types.int64: types.float64}


@intrinsic
def bits(typingctx: Any, x: Any) -> Any:
    """The bits of a float32 as int32, of a float64 as int64."""
    integer = _INT_OF[x]

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(integer.bitwidth))

    return integer(x), codegen


@intrinsic
def from_bits(typingctx: Any, i: Any) -> Any:
    """The float32 with the bits of an int32, the float64 with those of an int64."""
    real = _FLOAT_OF[i]

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(real))

    return real(i), codegen


@intrinsic
def store_four(typingctx: Any, array: Any, at: Any, word: Any) -> Any:
    """Write the bytes of a uint32, lowest first, to elements at .. at + 3 of a uint8 array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(32).as_pointer())
        builder.store(args[2], place, align=1)
        return context.get_dummy_value()

    return types.void(array, types.uint64, types.uint32), codegen


@intrinsic
def polynomial(typingctx: Any, x: Any, coefficients: Any) -> Any:
    """c0 + c1 x + c2 x^2 + ..., from the highest term down, one fma a term.

    `coefficients` is a constant tuple (c0, c1, ...) of Python floats, rounded to x's type.
    """
    count = len(coefficients)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, given = args
        terms = [builder.extract_value(given, i) for i in range(count)]
        if x == types.float32:
            terms = [builder.fptrunc(term, ir.FloatType()) for term in terms]
        function = fma_function(builder, value.type)
        total = terms[-1]
        for term in reversed(terms[:-1]):
            total = builder.call(function, (total, value, term))
        return total

    return x(x, coefficients), codegen
