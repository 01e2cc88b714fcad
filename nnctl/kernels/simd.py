"""The explicit fused multiply-add, and how wide this CPU's vectors are.

`fastmath` is off everywhere, so LLVM never contracts `a * b + c` by itself: a fused
multiply-add happens where a kernel says `fma`, on every CPU, and rounds once. Without the
hardware instruction LLVM calls the C library's fma, which is exact too, only slow.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


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
