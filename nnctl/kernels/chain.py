"""A program's kernel calls as one call: arguments are laid out once, and compiled code goes through them.

Called from Python, a compiled kernel looks at every array that it is given: which type, where, how
large. In a small model that takes longer than the kernels do. A program's arguments never change, so they
are laid out as Numba passes them (an array is an address, sizes and strides; a tuple is its elements), and
a few lines of LLVM IR call one kernel after the other with them. To pass more arguments than a function has
does no harm where the caller takes them away again and where integers and floats are counted apart, as on
Linux on x86-64 and on 64-bit ARM: so a few sizes of a call are enough.
"""

from __future__ import annotations

import ctypes
import functools
import platform
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numba.core.callconv import RETCODE_NONE
from numba.core.types import Array, BaseTuple, Boolean, Float, Integer

from nnctl.kernels.native import machine_code

Types = tuple[Any, ...]
"""Numba's types of a call's arguments."""
Call = tuple[Any, tuple[Any, ...]]
"""A kernel as `jit.kernel` makes it, and its arguments."""
Laid = tuple[int, list[int], list[int]]
"""Where a call's code is, its integers and addresses, its floats."""

_REGISTERS = {"x86_64": 4, "aarch64": 6}
"""Registers for integers and addresses, by machine, besides the two for a result and an error."""
_SIZES = (8, 32, 128, 512)
"""Integers and addresses that a call passes on the stack."""
_FLOATS = 8
"""Floating-point numbers that it passes: as many as there are registers for them."""
_WORD = 2**64 - 1
_FIELDS = 4
"""Words of a call's record: the code, which of the sizes, where its integers are, where its floats are."""


class Runner(Protocol):
    """Calls that are ready to run."""

    def run(self, start: int, stop: int) -> None:
        """Run the calls from number `start` up to `stop` (not included), in order."""
        ...


class Chain:
    """Calls whose arguments are laid out.

    Args:
        calls: They are kept, and with them the arrays.
        records: Each call's (N, 4): where its code and what it passes are.
        kept: What the records point to.
    """

    def __init__(self, calls: Sequence[Call], records: Any, kept: Sequence[Any]) -> None:
        self._calls, self._records, self._kept = calls, records, kept
        _, self._loop = _loop()
        self._at = _place(records)

    @classmethod
    def of(cls, calls: Sequence[Call], laid: Mapping[int, Laid]) -> Chain:
        """The calls; `laid` has each by its id, once where it is repeated."""
        registers = _REGISTERS[platform.machine()]
        # A call reads as many words as its size has, beyond its own.
        words = np.zeros(sum(len(integers) for _, integers, _ in laid.values()) + _SIZES[-1], np.uint64)
        numbers = np.zeros((len(laid), _FLOATS), np.uint64)
        at, records = 0, {}
        for n, (call, (code, integers, floats)) in enumerate(laid.items()):
            size = next(size for size in _SIZES if size >= len(integers) - registers)
            words[at : at + len(integers)] = integers
            numbers[n, : len(floats)] = floats
            records[call] = (code, size, _place(words) + 8 * at, _place(numbers) + 8 * _FLOATS * n)
            at += len(integers)
        found = np.array([records[id(call)] for call in calls], np.uint64).reshape(len(calls), _FIELDS)
        return cls(calls, found, (words, numbers))

    @classmethod
    def joined(cls, chains: Sequence[Chain]) -> Chain:
        """The calls of several, one after the other."""
        calls = [call for chain in chains for call in chain._calls]
        return cls(calls, np.concatenate([chain._records for chain in chains]), chains)

    def run_all(self) -> None:
        """Run every call, in order."""
        self.run(0, len(self._calls))

    def run(self, start: int, stop: int) -> None:
        done = start + self._loop(self._at + 8 * _FIELDS * start, stop - start)
        if done < stop:
            # It has raised: called by Python it says what.
            kernel, args = self._calls[done]
            kernel(*args)


class Entries:
    """Calls of compiled code one by one: Numba's kernels would look up the types of all arguments again."""

    def __init__(self, calls: Sequence[Call], types: Sequence[Types]) -> None:
        self._calls = [(_entry(call[0], kinds), call[1]) for call, kinds in zip(calls, types, strict=True)]

    def run(self, start: int, stop: int) -> None:
        for at in range(start, stop):
            code, args = self._calls[at]
            code(*args)


def runner(calls: Sequence[Call], types: Sequence[Types]) -> Runner:
    """The calls, ready to run: as a chain where that can be (on Linux, with arrays, numbers, tuples of them).

    Args:
        types: Numba's types of each call's arguments. The kernels are compiled for them.
    """
    if sys.platform != "linux" or platform.machine() not in _REGISTERS or sys.byteorder != "little":
        return Entries(calls, types)
    laid: dict[int, Laid] = {}
    for call, kinds in zip(calls, types, strict=True):
        if id(call) in laid:  # slices of a batch share calls
            continue
        one = _laid_out(call[0], kinds, call[1])
        if one is None:
            return Entries(calls, types)
        laid[id(call)] = one
    return Chain.of(calls, laid)


def joined(runners: Sequence[Runner | None]) -> Chain | None:
    """The calls of all runners as one chain; None where not each is one."""
    chains = [one for one in runners if isinstance(one, Chain)]
    return Chain.joined(chains) if len(chains) == len(runners) else None


def _entry(kernel: Any, kinds: Types) -> Any:
    """The code that a kernel was compiled to for arguments of these types; another function is itself."""
    compiled = getattr(kernel, "overloads", {}).get(kinds)
    return kernel if compiled is None else compiled.entry_point


def _laid_out(kernel: Any, kinds: Types, args: tuple[Any, ...]) -> Laid | None:
    """Where a kernel's code is, its integers and addresses, its floats; None: it cannot be called so."""
    compiled = getattr(kernel, "overloads", {}).get(kinds)
    if compiled is None:
        return None
    integers: list[int] = []
    floats: list[int] = []
    for kind, value in zip(kinds, args, strict=True):
        if not _lay(kind, value, integers, floats):
            return None
    if len(integers) > _SIZES[-1] or len(floats) > _FLOATS:
        return None
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name), integers, floats


def _lay(kind: Any, value: Any, integers: list[int], floats: list[int]) -> bool:
    """Append a value's words as Numba passes them; whether its type is known here."""
    if isinstance(kind, Array):
        # Its owner, counted by nobody here, then what `numba.core.datamodel` has of an array.
        integers += (0, 0, value.size, value.itemsize, _place(value), *value.shape)
        integers += (stride & _WORD for stride in value.strides)
    elif isinstance(kind, BaseTuple):
        return all(_lay(one, part, integers, floats) for one, part in zip(kind, value, strict=True))
    elif isinstance(kind, Float):
        packed = struct.pack("<f" if kind.bitwidth == 32 else "<d", value)
        floats.append(int.from_bytes(packed, "little"))
    elif isinstance(kind, Integer | Boolean):
        integers.append(int(value) & _WORD)
    else:
        return False
    return True


def _place(array: Any) -> int:
    """The address of an array's first element."""
    address: int = array.__array_interface__["data"][0]
    return address


def _ir() -> str:
    """The loop over the records, and for each size how its words are passed: the first in registers, then a
    copy of the others on the stack, which is where a function looks for them."""
    registers = _REGISTERS[platform.machine()]
    loads = [
        f"  %{kind[0]}{n}_at = getelementptr {kind}, ptr %{base}, i64 {n}\n"
        f"  %{kind[0]}{n} = load {kind}, ptr %{kind[0]}{n}_at, align 8"
        for kind, base, count in (("i64", "integers", registers), ("double", "floats", _FLOATS))
        for n in range(count)
    ]
    passed = ["ptr %room", "ptr %room", *(f"i64 %i{n}" for n in range(registers))]
    passed += [f"double %d{n}" for n in range(_FLOATS)]
    taken = ", ".join(["ptr", "ptr", *["i64"] * registers, *["double"] * _FLOATS, "ptr"])
    cases, blocks = [], []
    for size in _SIZES:
        given = ", ".join([*passed, f"ptr byval([{size} x i64]) align 8 %rest"])
        cases.append(f"i64 {size}, label %size_{size}")
        blocks.append(f"size_{size}:\n  %s{size} = call i32 ({taken}) %code({given})\n  br label %next")
    return _IR.format(
        fields=_FIELDS,
        registers=registers,
        loads="\n".join(loads),
        cases=" ".join(cases),
        blocks="\n".join(blocks),
        statuses=", ".join(f"[%s{size}, %size_{size}]" for size in _SIZES),
        none=RETCODE_NONE.constant,
    )


_IR = """
define i64 @nnctl_chain(ptr %records, i64 %count) {{
entry:
  %room = alloca i64, i64 4
  br label %head
head:
  %n = phi i64 [0, %entry], [%n1, %next]
  %more = icmp ult i64 %n, %count
  br i1 %more, label %body, label %end
body:
  %first = mul i64 %n, {fields}
  %code_at = getelementptr i64, ptr %records, i64 %first
  %size_at = getelementptr i64, ptr %code_at, i64 1
  %integers_at = getelementptr i64, ptr %code_at, i64 2
  %floats_at = getelementptr i64, ptr %code_at, i64 3
  %code = load ptr, ptr %code_at
  %size = load i64, ptr %size_at
  %integers = load ptr, ptr %integers_at
  %floats = load ptr, ptr %floats_at
  %rest = getelementptr i64, ptr %integers, i64 {registers}
{loads}
  switch i64 %size, label %next [{cases}]
{blocks}
next:
  %status = phi i32 [0, %body], {statuses}
  %nothing = icmp eq i32 %status, 0
  %none = icmp eq i32 %status, {none}
  %good = or i1 %nothing, %none
  %n1 = add i64 %n, 1
  br i1 %good, label %head, label %end
end:
  ret i64 %n
}}
"""


@functools.cache
def _loop() -> tuple[Any, Callable[[int, int], int]]:
    """The machine code, and the loop in it: of the records' address and number; how many of them it did."""
    engine = machine_code("chain", _ir())
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
    return engine, kind(engine.get_function_address("nnctl_chain"))
