"""A model as one C file: its parts in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from nnctl.core.records import record
from nnctl.formats.c.program import OneExample, root
from nnctl.formats.c.text import C_TYPES, comment, identifier, shown
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Value

_MACROS = {"FMA": "fma", "SQRT": "sqrt", "FLOOR": "floor", "ABS": "fabs", "COPYSIGN": "copysign"}

_GUARDS = """\
#if defined(__FAST_MATH__) || defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "compiled with -ffast-math or the like, this file would compute other numbers"
#endif
/* 16: as 0, and halves as halves, where a processor has them. */
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16
#error "this file needs floats computed as floats: on x86, compile for SSE2 (-msse2 -mfpmath=sse)"
#endif
/* A product and a sum are two roundings here, and FMA is one: nothing may be contracted. ISO C modes of GCC
   (-std=c99) never do; in its GNU modes it is told here, as is clang everywhere. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__) && !defined(__STRICT_ANSI__)
#pragma GCC optimize("fp-contract=off")
#endif"""


@record
class Section:
    """A further function of a file.

    Attributes:
        prototype: Its own, or nothing.
        told: What the comment at the top says of it.
        lines: Its definition.
    """

    prototype: str
    told: Sequence[str]
    lines: Sequence[str]


class ModelFile:
    """The C of a program.

    Args:
        name: What its functions' names begin with.
        about: Lines of the comment at the top.

    Attributes:
        sections: What it has besides the prediction.
    """

    def __init__(self, program: OneExample, name: str, about: list[str]) -> None:
        self.program, self.name, self.about = program, identifier(name), about
        self.sections: list[Section] = []
        self.inputs = _named(program.inputs, "in")
        self.outputs = _named(program.outputs, "out")
        self.writer = Writer(program, self._addresses())
        self.writer.write()
        for output, value in program.outputs.items():
            called = self.outputs[output]
            if self.writer.at(value) != called:
                self.writer.line("")
                self.writer.line(f"memcpy({called}, {self.writer.at(value)}, {value.type.nbytes});")

    def _addresses(self) -> dict[Value, str]:
        """What the function's arguments are called: a value that is given to several names has the first."""
        found = {value: self.inputs[name] for name, value in self.program.inputs.items()}
        for name, value in self.program.outputs.items():
            base = root(value)
            if base not in self.program.constants:
                found.setdefault(base, self.outputs[name])
        return found

    @property
    def prototype(self) -> str:
        """The function that predicts one example."""
        kinds = [
            *(
                f"const {self._kind(v)} {self.inputs[n]}[{v.type.size}]"
                for n, v in self.program.inputs.items()
            ),
            *(f"{self._kind(v)} {self.outputs[n]}[{v.type.size}]" for n, v in self.program.outputs.items()),
        ]
        return f"void {self.name}_predict({', '.join(kinds)})"

    def _kind(self, value: Value) -> str:
        return C_TYPES[value.dtype]

    def _told(self, value: Value) -> str:
        return f"{shown(value.shape[1:])} of {self._kind(value)}"

    def lines(self) -> Iterator[str]:
        """The file, line by line."""
        w = self.writer
        yield "/*"
        for line in self._header():
            yield f" * {comment(line)}".rstrip()
        yield " */"
        yield from ("#include <float.h>", "#include <math.h>", "#include <stddef.h>", "#include <stdint.h>")
        yield from ("#include <string.h>", "", _GUARDS, "")
        single = self.program.dtype == "float32"
        yield f"typedef {'float' if single else 'double'} real;"
        body = "\n".join([*w.helpers.texts.values(), *w.lines])
        yield from (f"#define {m} {f}{'f' if single else ''}" for m, f in _MACROS.items() if f"{m}(" in body)
        yield ""
        prototypes = [self.prototype, *(each.prototype for each in self.sections if each.prototype)]
        yield from (f"{each};" for each in prototypes)
        yield from w.helpers.lines()
        yield from w.data
        if w.elements and "arena" in body:
            yield from ("", f"/* What layers make, laid out by lifetime: {w.elements} numbers. */")
            yield f"static real arena[{w.elements}];"
        yield from ("", self.prototype + " {")
        unread = [name for name in self.inputs.values() if not re.search(rf"\b{name}\b", "\n".join(w.lines))]
        yield from (f"    (void){name};" for name in unread)
        yield from w.lines
        yield "}"
        for section in self.sections:
            yield ""
            yield from section.lines

    def _header(self) -> Iterator[str]:
        yield from self.about
        yield ""
        yield self.prototype + ";"
        yield ""
        for name, value in self.program.inputs.items():
            yield f"  {self.inputs[name]}: the input '{name}', {self._told(value)}"
        for name, value in self.program.outputs.items():
            yield f"  {self.outputs[name]}: the output '{name}', {self._told(value)}"
        for section in self.sections:
            yield from ("", *([f"{section.prototype};"] if section.prototype else []), *section.told)
        arena = self.writer.elements * self.writer._itemsize
        yield ""
        yield f"Constants take {self.writer.constant_bytes} bytes, static buffers {arena} bytes."
        yield "Buffers are static: one call at a time."


def _named(values: Mapping[str, Value], start: str) -> dict[str, str]:
    """Arguments' names, each once."""
    made: dict[str, str] = {}
    for name in values:
        called, count = f"{start}_{identifier(name)}", 1
        while called in made.values():
            count += 1
            called = f"{start}_{identifier(name)}_{count}"
        made[name] = called
    return made
