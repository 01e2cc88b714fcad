"""LLVM IR of our own as machine code: compiled once per machine and kept beside the kernels."""

from __future__ import annotations

import json
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from nnctl.kernels.entry import entry_name
from nnctl.kernels.jit import folder


def machine_code(label: str, text: str) -> Any:
    """An engine that has the functions and globals of a module; it must live as long as they are used.

    Args:
        label: What it is, for the file's name in the cache.
        text: LLVM IR, without its target.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    triple = llvm.get_process_triple()
    key = json.dumps([label, llvmlite.__version__, list(llvm.llvm_version_info), triple, text])
    name = entry_name(label, key)

    def keep(module: Any, code: bytes) -> None:
        folder().write(name, key, code)

    def kept(module: Any) -> bytes | None:
        return folder().read(name, key)

    target = llvm.Target.from_triple(triple).create_target_machine(opt=2)
    module = llvm.parse_assembly(f'target triple = "{triple}"\n{text}')
    module.verify()
    engine = llvm.create_mcjit_compiler(module, target)
    engine.set_object_cache(keep, kept)
    engine.finalize_object()
    return engine
