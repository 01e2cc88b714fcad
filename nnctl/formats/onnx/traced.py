"""A model's op graph in inference, written as ONNX's operators with its batch and its lengths left open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np

from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.emit_attention import write_band
from nnctl.formats.onnx.emitters import NoOperator, emit
from nnctl.formats.onnx.sizes import is_open, open_axis
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Graph, Node, Value
from nnctl.program.step import Built, prediction

FLOAT = "float32"
"""Of all floats in a file: operators for others are rare in what runs them."""

_BATCHES = (211, 307, 5)
_ODD, _EVEN = (1441, 2881, 37), (1440, 2880, 48)
"""Lengths to compose an op graph with, three times: what is written must not depend on them.

One more than multiples of many strides, so that `same` puts zeros at both ends; and multiples, for models
that halve lengths and double them again. Lengths that vary are so many `_APART`.
"""
_APART = (1440, 1440, 12)


def compose(model: TrainedModel) -> list[Built]:
    """The op graph, with its open axes of one size and of another; and of a small one, where it takes that.

    Raises:
        ConfigError: a layer takes none of them.
    """
    varying = any(None in info.shape for info in model.graph.inputs.values())
    problems: list[Exception] = []
    for lengths in (_ODD, _EVEN) if varying else (_ODD,):
        for apart in (True, False) if varying else (True,):
            sizes = [
                _sizes(model, *numbers, apart) for numbers in zip(_BATCHES, lengths, _APART, strict=True)
            ]
            try:
                found = [_composed(model, one) for one in sizes[:2]]
            except (ConfigError, ValueError) as error:
                problems.append(error)
                continue
            with suppress(ConfigError, ValueError):
                found.append(_composed(model, sizes[2]))
            return found
    first = problems[0]
    path = first.problems[0].path if isinstance(first, ConfigError) else ()
    message = f"the model takes no lengths that ONNX could leave open: {first}"
    raise ConfigError(Problem(message, path, expected="inputs whose shapes are known"))


Sizes = Mapping[str, tuple[int, ...]]


def _composed(model: TrainedModel, sizes: Sizes) -> Built:
    return prediction(model.graph, FLOAT, sizes, 0)


def _sizes(model: TrainedModel, batch: int, length: int, step: int, apart: bool) -> Sizes:
    """The shape of each input; their batch is the first one's. All lengths are one if they are not apart."""
    inputs = model.graph.inputs
    shared = open_axis(next(iter(inputs)), 0, batch)
    varying = [
        (n, axis) for n, info in inputs.items() for axis, size in enumerate(info.shape, 1) if size is None
    ]
    lengths = {
        place: open_axis(*(place if apart else varying[0]), length + at * step * apart)
        for at, place in enumerate(varying)
    }
    return {
        name: (shared, *(lengths.get((name, axis), n or 0) for axis, n in enumerate(info.shape, 1)))
        for name, info in inputs.items()
    }


def write_body(model: TrainedModel, built: Built, w: Writer) -> dict[str, str]:
    """Add what a model computes from `w.inputs`; the names of its outputs.

    Raises:
        ConfigError: a layer does what ONNX has no operators for.
    """
    graph = built.graph
    for name, value in graph.inputs.items():
        if name != "step":
            w.give(value, w.inputs[name.removeprefix("input:")])
    for name, value in graph.variables.items():
        w.arrays[value] = np.asarray(model.weights[name], FLOAT)
        w.weights.add(value)
    w.arrays |= graph.constants
    for value, rule in graph.bands.items():
        if any(map(is_open, value.shape)):
            del w.arrays[value]
            write_band(w, value, rule)
    later = []
    for node in _live(graph, built.outputs.values()):
        # What follows from weights alone comes first: it may be known now.
        known = node.inputs and all(w.array(value) is not None for value in node.inputs)
        if known:
            _emit(model, w, node)
        else:
            later.append(node)
    for node in later:
        _emit(model, w, node)
    w.origin = ""
    return {name: w.plain(value) for name, value in built.outputs.items()}


def _emit(model: TrainedModel, w: Writer, node: Node) -> None:
    try:
        emit(w, node)
    except NoOperator as reason:
        call = model.graph.calls[node.origin]
        message = f"ONNX cannot hold the layer '{node.origin}' ({call.layer.kind}): {reason}"
        raise ConfigError(Problem(message, call.path)) from None


def _live(graph: Graph, outputs: Iterable[Value]) -> list[Node]:
    """The nodes that outputs follow from, in order."""
    wanted = set(outputs)
    found = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.reads)
            found.append(node)
    return found[::-1]
