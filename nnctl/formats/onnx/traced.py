"""A model's op graph in inference, written as ONNX's operators with its batch and its lengths left open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.emitters import NoOperator, emit
from nnctl.formats.onnx.sizes import Size, open_axis
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Graph, Node, Value
from nnctl.program.step import Built, prediction

FLOAT = "float32"
"""Of all floats in a file: operators for others are rare in what runs them."""

_BATCHES = (211, 307)
_LENGTHS = ((2881, 5761), (2880, 5760))
"""Two sizes to compose an op graph with, twice: what is written must not depend on which it is.

One more than a multiple of many strides, so that `same` puts zeros at both ends; and multiples, for models that
halve lengths and double them again.
"""


def compose(model: TrainedModel) -> tuple[Built, Built]:
    """The op graph, its open axes with one size and with another.

    Raises:
        ConfigError: a layer takes neither.
    """
    problem = None
    varying = any(None in info.shape for info in model.graph.inputs.values())
    for lengths in _LENGTHS if varying else _LENGTHS[:1]:
        for apart in (True, False) if varying else (True,):
            try:
                one, other = (
                    prediction(model.graph, FLOAT, _sizes(model, batch, length, apart), 0)
                    for batch, length in zip(_BATCHES, lengths, strict=True)
                )
            except (ConfigError, ValueError) as error:
                problem = problem or error
            else:
                return one, other
    raise ConfigError(Problem(f"the model takes no lengths that ONNX could leave open: {problem}"))


def _sizes(model: TrainedModel, batch: int, length: int, apart: bool) -> dict[str, tuple[int, ...]]:
    """The shape of each input, its batch the first input's; with `apart`, each length that varies its own."""
    shared = open_axis(next(iter(model.graph.inputs)), 0, batch)
    lengths = _Lengths(length, apart)
    return {
        name: (shared, *(lengths.of(name, axis) if n is None else n for axis, n in enumerate(info.shape, 1)))
        for name, info in model.graph.inputs.items()
    }


class _Lengths:
    """The lengths that vary, in order: each is another number where they are apart, else all are one axis."""

    def __init__(self, length: int, apart: bool) -> None:
        self.length = length
        self.apart = apart
        self.first: Size | None = None

    def of(self, name: str, axis: int) -> Size:
        if self.first is None:
            self.first = open_axis(name, axis, self.length)
            return self.first
        if not self.apart:
            return self.first
        self.length += 2880
        return open_axis(name, axis, self.length)


def write_body(model: TrainedModel, built: Built, w: Writer, inputs: Mapping[str, str]) -> dict[str, str]:
    """Add what a model computes; the names of its outputs.

    Args:
        inputs: What each of the model's inputs is called.

    Raises:
        ConfigError: a layer does what ONNX has no operators for.
    """
    graph = built.graph
    for name, value in graph.inputs.items():
        if name != "step":
            w.give(value, inputs[name.removeprefix("input:")])
    for name, value in graph.variables.items():
        w.arrays[value] = np.asarray(model.weights[name], FLOAT)
        w.weights.add(value)
    w.arrays |= graph.constants
    for node in _live(graph, built.outputs.values()):
        try:
            emit(w, node)
        except NoOperator as reason:
            raise _refused(model, node, str(reason)) from None
    w.origin = ""
    return {name: w.plain(value) for name, value in built.outputs.items()}


def _live(graph: Graph, outputs: Iterable[Value]) -> list[Node]:
    """The nodes that outputs follow from, in order."""
    wanted = set(outputs)
    found = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.reads)
            found.append(node)
    return found[::-1]


def _refused(model: TrainedModel, node: Node, reason: str) -> ConfigError:
    call = model.graph.calls[node.origin]
    message = f"ONNX cannot hold the layer '{node.origin}' ({call.layer.kind}): {reason}"
    return ConfigError(Problem(message, call.path))
