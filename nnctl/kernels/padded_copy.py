"""An image's rows with zeros around them, as an LLVM function: memset and memcpy."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import library_function

_I64 = ir.IntType(64)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)


@intrinsic
def copy_padded(
    typingctx: Any, like: Any, image: Any, height: Any, row: Any, first: Any, rows: Any, before: Any,
    width: Any, out: Any,
) -> Any:  # fmt: skip
    """Rows first..first+rows-1 of an image (height, row) into rows of `width`, zeros outside it.

    `like` is any array of the dtype; image and out are addresses; `before` zeros start a row.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        element = context.get_value_type(like.dtype)
        kinds = [_I64] * 8
        name = f"nnctl_copy_padded_{element}"
        itemsize = int(like.dtype.bitwidth) // 8

        def fill(inner: Any, *arguments: Any) -> None:
            _fill_copy_padded(inner, itemsize, *arguments)

        builder.call(library_function(builder.module, name, kinds, fill), args[1:])
        return context.get_dummy_value()

    return types.void(like, *[types.int64] * 8), codegen


def _fill_copy_padded(
    builder: Any, itemsize: int, image: Any, height: Any, row: Any, first: Any, rows: Any, before: Any,
    width: Any, out: Any,
) -> None:  # fmt: skip
    byte = ir.IntType(8)
    size = _int(itemsize)
    place = builder.inttoptr(out, byte.as_pointer())
    total = builder.mul(builder.mul(rows, width), size)
    cgutils.memset(builder, place, total, 0)
    zero = _int(0)
    begin = builder.select(builder.icmp_signed("<", first, zero), builder.neg(first), zero)
    left = builder.sub(height, first)
    end = builder.select(builder.icmp_signed("<", left, rows), left, rows)
    with cgutils.for_range_slice(builder, begin, end, _int(1), intp=_I64) as (r, _):
        source = builder.mul(builder.mul(builder.add(first, r), row), size)
        target = builder.mul(builder.add(builder.mul(r, width), before), size)
        cgutils.raw_memcpy(
            builder,
            builder.gep(place, [target]),
            builder.inttoptr(builder.add(image, source), byte.as_pointer()),
            builder.mul(row, size),
            1,
        )
