"""The program of one example: what `nnctl predict` runs, with its memory planned for C.

What follows from weights alone is worked out here, by nnctl itself, and becomes a constant. How kernels lay
weights out by the CPU stays out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.graph.model import LayerGraph
from nnctl.ops.base import Graph, Node, Value
from nnctl.ops.convolution import LaidOutKernel
from nnctl.ops.linear import LaidOutMatrix

if TYPE_CHECKING:
    from nnctl.program.bind import Bound, Compiled
    from nnctl.program.plan import MemoryPlan


_LAID_OUT = (LaidOutMatrix, LaidOutKernel)


@record
class OneExample:
    """A prediction program over one example.

    Attributes:
        inputs: By name; they are given.
        outputs: By name.
        constants: Every number that is known: weights, constants, and what follows from them.
        nodes: What is left to be run, with the outputs that something reads.
    """

    inputs: Mapping[str, Value]
    outputs: Mapping[str, Value]
    constants: Mapping[Value, Array]
    nodes: list[Node]
    dtype: str

    def plan(self, scratch: Callable[[Node], int]) -> MemoryPlan:
        """Where everything lies: inputs, outputs and what is not of the model's float type outside.

        Args:
            scratch: Bytes that a node needs beside its inputs and outputs.
        """
        from nnctl.program.plan import plan_memory

        graph = Graph(self.dtype, inference=True)
        graph.nodes = self.nodes
        graph.constants = dict(self.constants) | {v: np.zeros(0, v.dtype) for v in self.inputs.values()}
        made = [out for node in self.nodes if not node.op.view for out in node.outputs]
        given = {root(v) for v in self.outputs.values()}
        pinned = {v: "outside" for v in made if v.dtype != self.dtype or v in given}
        return plan_memory(graph, list(self.outputs.values()), pinned, 1, scratch)


def root(value: Value) -> Value:
    """The value whose memory it is, seen otherwise."""
    while value.node is not None and value.node.op.view:
        value = value.node.inputs[0]
    return value


def one_example(model: LayerGraph, weights: Mapping[str, Array], dtype: str, direct: bool) -> OneExample:
    """The program of a model with these weights.

    Args:
        direct: Whether convolutions are never taken through Winograd's transforms.

    Raises:
        ConfigError: an input has no fixed shape.
    """
    from nnctl.program.programs import PredictionProgram
    from nnctl.program.session import Session

    sizes = {}
    for name, info in model.inputs.items():
        if None in info.shape:
            message = f"--format c needs a length for every axis, and the input '{name}' has one that varies"
            raise ConfigError(Problem(message, expected=f"a `shape` of numbers for the input '{name}'"))
        sizes[name] = (1, *(n for n in info.shape if n is not None))
    session = Session(model, dtype=dtype, seed=0, threads=1, direct_convolution=direct)
    session.weights.load(weights)
    bound = session.prediction(sizes)
    return without_settled(session.compiled(PredictionProgram(sizes)), bound)


def without_settled(compiled: Compiled, bound: Bound) -> OneExample:
    """A program whose settled nodes are run once: what they make of weights alone is constant."""
    for kernel, args in bound.calls[: bound.settled]:
        kernel(*args)
    graph = compiled.graph
    constants = dict(graph.constants)
    made = [out for node in graph.nodes[: graph.settled] for out in node.outputs]
    for value in (*graph.variables.values(), *made):
        if value in bound.buffers:
            constants[value] = bound.buffers[value].copy()
    inputs = {name.removeprefix("input:"): value for name, value in graph.inputs.items()}
    return OneExample(inputs, compiled.outputs, constants, _read(graph, compiled.outputs), graph.dtype)


def _read(graph: Graph, outputs: Mapping[str, Value]) -> list[Node]:
    """The nodes that run for each example, with those of their outputs that are read."""
    nodes = graph.nodes[graph.settled :]
    wanted = {value for node in nodes for value in node.reads} | set(outputs.values())
    return [
        Node(
            node.op, _given(node), tuple(out for out in node.outputs if out in wanted), node.origin, node.only
        )
        for node in nodes
    ]


def _given(node: Node) -> tuple[Value, ...]:
    """What a node reads, but for what kernels have laid out by the CPU."""
    return tuple(v for v in node.inputs if v.node is None or not isinstance(v.node.op, _LAID_OUT))
