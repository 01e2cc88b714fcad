"""What holds of every op graph, between any two passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nnctl.ops.base import Condition, Graph
from nnctl.ops.choice import Choose


def _defined_before_use(graph: Graph) -> Iterator[str]:
    known = set(graph.inputs.values()) | set(graph.variables.values()) | set(graph.constants)
    if graph.slices is not None:
        known.update(value for value in graph.slices.wholes if value.node is None)
    for node in graph.nodes:
        for value in node.reads:
            if value not in known:
                yield f"{node.op} reads a value that nothing before it makes"
        known.update(node.outputs)
        if graph.slices is not None:
            known.update(graph.slices.wholes[out] for out in node.outputs if out in graph.slices.wholes)


def _outputs_point_back(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        for index, out in enumerate(node.outputs):
            if out.node is not node or out.index != index:
                yield f"output {index} of {node.op} does not point back at its node"


def _types_follow(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        types = node.op.infer(*(v.type for v in node.inputs))
        if types != tuple(out.type for out in node.outputs):
            yield f"{node.op} gives {types}, its outputs say {[o.type for o in node.outputs]}"


def _only_variables_mutate(graph: Graph) -> Iterator[str]:
    variables = set(graph.variables.values())
    for node in graph.nodes:
        for index in node.op.mutates:
            if node.inputs[index] not in variables:
                yield f"{node.op} writes an input that is not a variable"


def _what_may_not_run_is_not_read(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        for value in node.inputs:
            only = value.node.only if value.node is not None else None
            asks = node.only or (
                Condition(node.inputs[2], node.op.part, node.op.parts)
                if isinstance(node.op, Choose)
                else None
            )
            if only is not None and asks != only:
                yield f"{node.op} reads what runs only in some steps"


INVARIANTS: tuple[tuple[str, Callable[[Graph], Iterator[str]]], ...] = (
    ("every value is made before it is read", _defined_before_use),
    ("every output points back at its node", _outputs_point_back),
    ("types follow from the ops", _types_follow),
    ("what runs in some steps is read in those", _what_may_not_run_is_not_read),
    ("only variables are written", _only_variables_mutate),
)


def broken_invariants(graph: Graph) -> list[str]:
    """What does not hold; empty for a sound graph."""
    return [f"{name}: {fault}" for name, rule in INVARIANTS for fault in rule(graph)]
