"""Loops that work on several vectors at a time, for functions whose operations wait for each other.

A polynomial is a chain: each multiply-add needs the last one's result, and the units are idle meanwhile. LLVM
puts vectors of numbers next to each other in a loop's body where it believes that there are registers for it;
here it is told to. The operations on each number are the same ones in the same order, so no bit changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import compiler, lowering, typed_passes
from numba.core import ir as numba_ir
from numba.core.compiler_machinery import register_pass

from nnctl.kernels.ranges import assume_no_overlap

VECTORS = 4
"""Vectors side by side. 2 were 1.3 times as fast as 1, 4 were 1.7 times, 8 were slower than 4."""


def _mark(builder: Any, jump: Any) -> None:
    """Ask LLVM to interleave the loop whose jump back this is."""
    module, name = builder.module, "llvm.loop.interleave.count"
    count = module.add_metadata([ir.MetaDataString(module, name), ir.Constant(ir.IntType(32), VECTORS)])
    # A loop's metadata must be distinct: it names itself first.
    loop = ir.MDValue(module, [count], name=str(len(module.metadata)))
    loop.operands = (loop, count)
    jump.set_metadata("llvm.loop", loop)


class _Lower(lowering.Lower):  # type: ignore[misc]
    """Writes LLVM's text of a function, and marks each jump back to a block that is written already."""

    def lower_inst(self, inst: Any) -> None:
        super().lower_inst(inst)
        if isinstance(inst, numba_ir.Jump) and self.blkmap[inst.target].is_terminated:
            _mark(self.builder, self.builder.block.terminator)


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):  # type: ignore[misc]
    _name = "nnctl_interleaved_lowering"

    @property
    def lowering_class(self) -> Any:
        return _Lower


class _Compiler(compiler.Compiler):  # type: ignore[misc]
    """Numba's compiler with this lowering in place of its own."""

    def define_pipelines(self) -> list[Any]:
        pipelines: list[Any] = super().define_pipelines()
        for passes in pipelines:
            passes.passes = [
                (_Lowering if one is typed_passes.NativeLowering else one, why) for one, why in passes.passes
            ]
            passes.finalize()
        return pipelines


def interleaved(function: Callable[..., Any]) -> Any:
    """A `ranges.part` whose loops work on VECTORS vectors at a time."""
    dispatcher: Any = numba.njit(error_model="numpy", fastmath=False, pipeline_class=_Compiler)(function)
    dispatcher._compiler._customize_flags = assume_no_overlap
    return dispatcher
