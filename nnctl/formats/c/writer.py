"""The lines of the function that computes a model, and what they need around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError
from nnctl.formats.c.emitters import emitter_of, refused
from nnctl.formats.c.formulas import formula
from nnctl.formats.c.helpers import Helpers
from nnctl.formats.c.program import OneExample, root
from nnctl.formats.c.text import C_TYPES, array, comment, identifier, number, shown
from nnctl.ops.base import Node, Value
from nnctl.ops.formula import Formula


class Writer:
    """Writes a program.

    Args:
        names: What inputs and outputs are called in C.

    Attributes:
        lines: The function's body.
        data: Definitions of constants and of buffers outside the arena.
        elements: Of the arena.
    """

    def __init__(self, program: OneExample, names: Mapping[Value, str]) -> None:
        self.program, self.dtype = program, program.dtype
        self.helpers = Helpers(self.dtype)
        self.lines: list[str] = []
        self.data: list[str] = []
        self.constant_bytes = 0
        self._itemsize = np.dtype(self.dtype).itemsize
        self._names = dict(names)
        self._known: dict[Any, str] = {}
        self._indent = "    "
        self._plan = program.plan(self._room)
        self.elements = -(-self._plan.size // self._itemsize)

    def _room(self, node: Node) -> int:
        """Bytes that a node needs for itself."""
        return 0 if node.op.view else self._itemsize * emitter_of(node).room(node)

    def write(self) -> None:
        """All nodes, in order."""
        for node in self.program.nodes:
            if not node.op.view:
                self.line("")
                self.line(f"/* {comment(_told(node))} */")
                emitter_of(node).emit(self, node)

    def line(self, text: str) -> None:
        """One line of the body."""
        self.lines.append(f"{self._indent}{text}" if text else "")

    @contextmanager
    def block(self) -> Iterator[None]:
        """What is written within is a block."""
        self.line("{")
        self._indent += "    "
        yield
        self._indent = self._indent[:-4]
        self.line("}")

    # Where things are.

    def at(self, value: Value, offset: int = 0) -> str:
        """The address of an element of a value, the first if not said otherwise."""
        base = root(value)
        if base in self._plan.offsets:
            return f"arena + {self._plan.offsets[base] // self._itemsize + offset}"
        start = self._start(value, base)
        return f"{start} + {offset}" if offset else start

    def _start(self, value: Value, base: Value) -> str:
        """What lies outside the arena by its name."""
        if base in self._names:
            return self._names[base]
        for known in (value, base):
            if known in self.program.constants:
                return self.constant(self.program.constants[known], str(known.name or "folded"), known)
        return self._outside(base)

    def out(self, node: Node, index: int) -> str:
        """The address of an output, NULL where nothing reads it."""
        return next((self.at(out) for out in node.outputs if out.index == index), "NULL")

    def room(self, node: Node, offset: int = 0) -> str:
        """The address of what a node has for itself."""
        start, _ = self._plan.scratch_of(node)
        return f"arena + {start // self._itemsize + offset}"

    def known(self, value: Value) -> Array | None:
        """The numbers of a value that is constant."""
        return next(
            (self.program.constants[v] for v in (value, root(value)) if v in self.program.constants), None
        )

    def constant(self, values: Array, name: str, key: Any = None) -> str:
        """The name of a constant array, which the file has once; NULL where it is empty."""
        if values.size == 0:
            return "NULL"
        if key is None or key not in self._known:
            made = self._free(f"k_{identifier(name)}")
            flags = values.astype(np.uint8) if values.dtype == bool else values
            kind = "real" if values.dtype.name == self.dtype else None
            self.data += ["", f"/* {comment(name)}: {shown(values.shape)} */", *array(made, flags, kind)]
            self.constant_bytes += flags.nbytes
            self._known[made if key is None else key] = made
            return made
        return self._known[key]

    def _free(self, name: str) -> str:
        taken, made, count = set(self._known.values()), name, 1
        while made in taken:
            count += 1
            made = f"{name}_{count}"
        return made

    def _outside(self, value: Value) -> str:
        """A buffer of its own, of what is not of the model's float type."""
        if value not in self._known:
            made = self._known[value] = self._free("buffer")
            self.data.append(f"static {C_TYPES[value.dtype]} {made}[{value.type.size}];")
        return self._known[value]

    def integers(self, values: Array, name: str) -> str:
        """The name of a constant array of whole numbers, which the file has once."""
        return self.constant(values, name, ("integers", name, values.shape, values.tobytes()))

    # What is done.

    def arguments(self, *args: Any) -> str:
        """Arguments of a call: addresses of values, numbers, text as it is."""
        return ", ".join(map(self._argument, args))

    def _argument(self, arg: Any) -> str:
        if isinstance(arg, Value):
            return self.at(arg)
        if arg is None:
            return "NULL"
        return number(arg, self.dtype) if isinstance(arg, float) else str(arg)

    def call(self, name: str, *args: Any) -> None:
        """Call a helper, or what was defined."""
        if name not in self.helpers.texts:
            self.helpers.need(name)
        self.line(f"{name}({self.arguments(*args)});")

    def define(self, name: str, text: str) -> None:
        """Have a function of this text, which belongs to no other file."""
        if name not in self.helpers.texts:
            self.helpers.add(name, text)

    def refused(self, node: Node, why: str) -> ConfigError:
        """The error of a node that C cannot have."""
        return refused(node, why)

    def applied(self, formula_: Formula) -> Callable[[str], str]:
        """A formula as C: from an operand's text to the text of its value."""
        name = formula(self.helpers, formula_.function)
        numbers = "".join(f", {number(n, self.dtype)}" for n in formula_.numbers)
        return lambda operand: f"{name}({operand}{numbers})"

    @contextmanager
    def times(self, count: int) -> Iterator[Callable[[Value, int], str]]:
        """What is written within runs `count` times. Given is how to call a value's address that is some
        elements further each time."""
        if count == 1:
            yield lambda value, step: self.at(value)
            return
        with self.block():
            self.line("int n;")
            self.line(f"for (n = 0; n < {count}; n++) {{")
            self._indent += "    "
            yield lambda value, step: f"{self.at(value)} + n * {step}"
            self._indent = self._indent[:-4]
            self.line("}")

    def loop(self, count: int, statement: str, **values: Value | str) -> None:
        """`statement` for each i < count.

        Args:
            values: What it calls the first elements of values, by name; those whose names begin with y are
                written.
        """
        with self.block():
            for name, value in values.items():
                kind = "real" if isinstance(value, str) else self.kind(value)
                const = "" if name.startswith("y") else "const "
                self.line(f"{const}{kind} *{name} = {value if isinstance(value, str) else self.at(value)};")
            self.line("int i;")
            self.line(f"for (i = 0; i < {count}; i++)")
            self.line(f"    {statement};")

    def kind(self, value: Value) -> str:
        """The C type of a value's elements."""
        return "real" if value.dtype == self.dtype else C_TYPES[value.dtype]


def _told(node: Node) -> str:
    """What a comment says of a node: layer, op, shapes."""
    made = ", ".join(shown(out.shape) for out in node.outputs)
    read = ", ".join(shown(value.shape) for value in node.inputs)
    return f"{node.origin}: {type(node.op).__name__} of {read} to {made}"
