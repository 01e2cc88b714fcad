"""Reverse-mode differentiation of an op graph: gradients are more ops in the same graph."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.ops.base import Graph, Node, Value, is_float
from nnctl.ops.elementwise import add, fill


def gradients(loss: Value, wrt: Sequence[Value]) -> list[Value | None]:
    """The gradient of `loss` (1,) with respect to each of `wrt`; None where it does not depend on it.

    Nodes are visited in reverse order of creation, so contributions to one value are always added in the
    same order.
    """
    graph = loss.graph
    wanted = _depends_on(graph, wrt)
    flowing: dict[Value, Value] = {loss: fill(graph, loss.shape, 1.0, loss.dtype)}
    forward = [node for node in graph.nodes if any(out in wanted for out in node.outputs)]
    origin = graph.origin
    for node in reversed(forward):
        dys = [flowing.get(out) for out in node.outputs]
        if all(dy is None for dy in dys):
            continue
        if node.only is not None:
            raise ValueError(f"a gradient of {type(node.op).__name__}, which does not run in every step")
        graph.origin = node.origin
        _send(node, node.op.grad(node, *dys), wanted, flowing)
    graph.origin = origin
    return [flowing.get(value) for value in wrt]


def _depends_on(graph: Graph, wrt: Sequence[Value]) -> set[Value]:
    """The values that some value of `wrt` flows into."""
    wanted = set(wrt)
    for node in graph.nodes:
        if any(value in wanted for value in node.inputs):
            wanted.update(out for out in node.outputs if is_float(out))
    return wanted


def _send(node: Node, dxs: Sequence[Value | None], wanted: set[Value], flowing: dict[Value, Value]) -> None:
    """Add the gradients of one node's inputs to what already flows into them."""
    for value, dx in zip(node.inputs, dxs, strict=True):
        if dx is None or value not in wanted:
            continue
        if dx.type != value.type:
            raise ValueError(f"{type(node.op).__name__}.grad gives {dx.type} for an input of {value.type}")
        flowing[value] = add(flowing[value], dx) if value in flowing else dx
