"""A program as text: one line a kernel call, or a node before binding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from typing import Any

from nnctl.core.records import record
from nnctl.ops.base import Graph, Node, Op, Value
from nnctl.program.bind import Compiled


@record
class Line:
    """One op of a program: what it computes, from what, where it lies, which layer it is for."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    origin: str
    flops: int
    offset: int | None
    """Where the first output starts in the arena, in bytes; None outside of it."""
    scratch: int
    """Bytes of scratch memory."""


def listing(compiled: Compiled) -> list[Line]:
    """The lines of a compiled program, in the order they run; views cost nothing and are left out."""
    names = value_names(compiled.graph, compiled.pinned)
    lines = []
    for node in compiled.graph.nodes:
        if node.op.view:
            continue
        first = node.outputs[0] if node.outputs else None
        lines.append(
            Line(
                op=op_text(node.op) + _when(node, names),
                inputs=tuple(names[v] for v in node.inputs),
                outputs=tuple(names[v] for v in node.outputs),
                origin=node.origin,
                flops=node.op.flops([v.type for v in node.inputs], [v.type for v in node.outputs]),
                offset=compiled.plan.offsets.get(first) if first is not None else None,
                scratch=compiled.plan.scratch_of(node)[1],
            )
        )
    return lines


def _when(node: Node, names: Mapping[Value, str]) -> str:
    """In which steps a node runs, where it does not in all."""
    only = node.only
    if only is None:
        return ""
    return f" if {names[only.number].split()[0]} falls into part {only.part + 1} of {only.parts}"


def value_names(graph: Graph, pinned: Mapping[Value, str]) -> dict[Value, str]:
    """A readable name for each value: leaves by theirs, others numbered; all with type and shape."""
    names: dict[Value, str] = {}
    leaves: list[Value] = [*graph.inputs.values(), *graph.variables.values(), *graph.constants]
    if graph.slices is not None:
        leaves += [v for pair in graph.slices.wholes.items() for v in pair if v.node is None]
    for leaf in leaves:
        names[leaf] = f"{leaf.name} {_type(leaf)}"
    count = 0
    for node in graph.nodes:
        for out in node.outputs:
            if out in pinned:
                names[out] = f"{pinned[out]} {_type(out)}"
                continue
            names[out] = f"%{count} {_type(out)}"
            count += 1
    return names


def _type(value: Value) -> str:
    short = value.dtype.replace("float", "f").replace("uint", "u").replace("int", "i")
    return f"{short}[{','.join(map(str, value.shape))}]"


def op_text(op: Op) -> str:
    """The op with the attributes that are not their defaults."""
    shown = []
    attributes: tuple[Field[Any], ...] = fields(op) if is_dataclass(op) else ()
    for f in attributes:
        value = getattr(op, f.name)
        if value != f.default and f.name not in ("type", "key"):
            shown.append(f.name if value is True else f"{f.name}={value}")
    return f"{type(op).__name__}({', '.join(shown)})" if shown else type(op).__name__
