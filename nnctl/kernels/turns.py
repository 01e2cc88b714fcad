"""Steps that threads take together: a step is cut into parts, and the next one begins when all are done.

At a barrier everybody would wait for a thread that has no core. Here, as in kernels/threads.py, a thread
takes the next part by compare-and-swap, and waits only for parts that others have taken; after a while it
leaves. Whoever holds a part goes on when it is done, with all parts of all steps if need be: what is taken is
finished, and nobody else is needed.

Two int64 words at the start of memory that threads share: how many parts were taken, and how many are done.
"""

from __future__ import annotations

import platform
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nnctl.kernels.simd import data_pointer

TAKEN, DONE = 0, 8
"""Elements where the words lie; at least 8 bytes apart for each type of element."""
PATIENCE = 5000
"""Looks at parts that others have taken before a thread leaves (some 100 us)."""

_I64 = ir.IntType(64)
_PAUSE = {
    "x86_64": ("llvm.x86.sse2.pause", []),
    "aarch64": ("llvm.aarch64.hint", [ir.Constant(ir.IntType(32), 1)]),
}
"""LLVM's name of the instruction, and its arguments, by machine."""


def _word(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Pointer to the int64 at element args[1] of the array args[0]."""
    place = data_pointer(context, builder, signature.args[0], args[0], args[1])
    return builder.bitcast(place, _I64.as_pointer())


@intrinsic
def _read(typingctx: Any, scratch: Any, at: Any) -> Any:
    """The word, and with it all that was written before it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_word(context, builder, signature, args), "acquire", 8)

    return types.int64(scratch, types.int64), codegen


@intrinsic
def _replace(typingctx: Any, scratch: Any, at: Any, old: Any, new: Any) -> Any:
    """Put `new` into the word where it is `old`; whether it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, signature, args)
        found = builder.cmpxchg(place, args[2], args[3], "acq_rel", "monotonic")
        return builder.extract_value(found, 1)

    return types.boolean(scratch, types.int64, types.int64, types.int64), codegen


@intrinsic
def _count(typingctx: Any, scratch: Any, at: Any) -> Any:
    """Add 1 to the word, after all that this thread has written."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = _word(context, builder, signature, args)
        return builder.atomic_rmw("add", place, ir.Constant(_I64, 1), "acq_rel")

    return types.int64(scratch, types.int64), codegen


@intrinsic
def _pause(typingctx: Any) -> Any:
    """Tell the processor that this thread waits."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if platform.machine() in _PAUSE:
            name, numbers = _PAUSE[platform.machine()]
            kind = ir.FunctionType(ir.VoidType(), [number.type for number in numbers])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), numbers)
        return context.get_dummy_value()

    return types.void(), codegen


@numba.njit(error_model="numpy", nogil=True)
def take_part(scratch: Any, steps: int, parts: int) -> int:
    """The next part of the next step, as step * parts + part; -1: none is left for this thread."""
    patience = PATIENCE
    while patience:
        turn = _read(scratch, TAKEN)
        if turn >= steps * parts:
            return -1
        if _read(scratch, DONE) < turn - turn % parts:
            patience -= 1
            _pause()
        elif _replace(scratch, TAKEN, turn, turn + 1):
            return turn
    return -1


@numba.njit(error_model="numpy", nogil=True)
def part_done(scratch: Any) -> None:
    """Tell that a part which this thread took is done."""
    _count(scratch, DONE)
