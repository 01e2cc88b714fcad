"""The way from a file's graph to a model's entries: values, constants, names, and what is done to layouts.

Readers of operators (`read_*.py`, one function each) get a node and this: they ask for flows or constants,
add entries and give the node's outputs.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from pydantic import ValidationError

import nnctl.formats.onnx
from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.registry import snake_case
from nnctl.core.shapes import Shape, show
from nnctl.core.spec import first_fault
from nnctl.core.visible import visible
from nnctl.formats.keras.reading.found import Findings
from nnctl.formats.onnx.flows import Flow, in_order
from nnctl.formats.onnx.read_file import FileGraph, FileNode, FileValue
from nnctl.layers.base import layers

Entry = dict[str, Any]
Reader = Callable[["Reading", FileNode], None]
BATCH = "batch"
"""What stands for the batch in shapes that a graph computes."""

MOST_LAYERS = 1500
"""Layers that are read: networks of the largest families have some hundred."""

_readers: dict[str, Reader] = {}
_FLOATS, _WHOLE = (1, 10, 11), (2, 3, 4, 5, 6, 7, 12, 13)


def reads(*operators: str) -> Callable[[Reader], Reader]:
    """Decorator: the reader of these operators."""

    def register(reader: Reader) -> Reader:
        _readers.update(dict.fromkeys(operators, reader))
        return reader

    return register


@cache
def all_readers() -> Mapping[str, Reader]:
    """By operator."""
    for module in pkgutil.iter_modules(nnctl.formats.onnx.__path__):
        if module.name.startswith("read_"):
            importlib.import_module(f"nnctl.formats.onnx.{module.name}")
    return _readers


class Unread(Exception):
    """A node is none of nnctl's layers; the message says why, `expected` what would be."""

    def __init__(self, message: str, expected: str | None = None) -> None:
        super().__init__(message)
        self.expected = expected


class Reading:
    """A model in the making.

    Attributes:
        graph: What is read.
        entries: The layers so far, in order.
        weights: Of each layer that has some, by the names of its weights (`kernel`).
        left: How often each tensor is still to be read.
        sizes: Shapes that the graph computes: whole numbers, the batch, None for what is not known.
        zeros: Tensors of zeros whose shape is not known.
        halfway: Tensors that are a part of what an activation computes: which, and of what.
    """

    def __init__(self, graph: FileGraph, findings: Findings) -> None:
        self.graph = graph
        self.findings = findings
        self.inputs: dict[str, Entry] = {}
        self.entries: list[Entry] = []
        self.weights: dict[str, dict[str, Array]] = {}
        self.constants: dict[str, Array] = dict(graph.constants)
        self.flows: dict[str, Flow] = {}
        self.sizes: dict[str, list[Any]] = {}
        self.zeros: set[str] = set()
        self.halfway: dict[str, tuple[str, Flow]] = {}
        self.lost: set[str] = set()
        self.batches: set[int] = set()
        self.nodes = _needed(graph)
        self.left = Counter(name for node in self.nodes for name in node.inputs)
        self.left.update(value.name for value in graph.outputs)
        self._taken: set[str] = set()
        self._given: set[str] = set()

    # The whole graph.

    def read(self, computed: Callable[[Reading, FileNode], bool]) -> list[str]:
        """Read everything; the names of the outputs.

        Args:
            computed: Works out what follows from constants alone, and says whether it has.
        """
        for value in self.graph.inputs:
            self._input(value)
        known = all_readers()
        for node in self.nodes:
            if any(name in self.lost for name in node.inputs):
                self.lost.update(node.outputs)
                continue
            reader = known.get(node.operator)
            try:
                if any(name and self._is_made(name) for name in node.outputs):
                    raise Unread("what it makes was made before")
                if computed(self, node):
                    continue
                if reader is None:
                    raise Unread("nnctl has no layer that does this")
                reader(self, node)
            except Unread as reason:
                self._lose(node, str(reason), reason.expected)
            except ShapeError as error:
                self._lose(node, str(error), error.expected)
            except (ArithmeticError, LookupError, TypeError, ValueError):
                self._lose(node, "is not as the operator is described", None)
        return [self._output(value) for value in self.graph.outputs]

    def _is_made(self, name: str) -> bool:
        return name in self.flows or name in self.constants or name in self.sizes or name in self.lost

    def _lose(self, node: FileNode, message: str, expected: str | None) -> None:
        self.findings.refuse(node.place, visible(message, 300), expected)
        self.lost.update(node.outputs)

    def _input(self, value: FileValue) -> None:
        if value.type not in (*_FLOATS, *_WHOLE) or value.shape is None:
            what = "texts" if value.type == 8 else "what has no shape, or is of a type that nnctl has not"
            self.findings.refuse(_named("input", value), f"takes {what}", "numbers, prepared as for training")
            self.lost.add(value.name)
            return
        if not value.shape:
            self.findings.refuse(_named("input", value), "is a single number: there is no batch")
            self.lost.add(value.name)
            return
        if value.shape[0] is not None:
            self.batches.add(value.shape[0])
            self.findings.note(
                _named("input", value), f"is for {value.shape[0]} at once: here for any number"
            )
        if value.type in (10, 11):
            self.findings.note(_named("input", value), "is of doubles or halves: here of floats")
        name, shape = self.name(value.name), value.shape[1:]
        whole = value.type in _WHOLE
        self.inputs[name] = {"shape": list(shape), **({"dtype": "int32"} if whole else {})}
        self.flows[value.name] = Flow(name, shape, in_order(len(value.shape)), whole)

    def _output(self, value: FileValue) -> str:
        if value.name in self.lost:
            return ""
        if value.name not in self.flows:
            self.findings.refuse(_named("output", value), "follows from no input")
            return ""
        try:
            flow = self.plain(self.flows[value.name])
            if flow.ref in self.inputs or ":" in flow.ref or flow.ref in self._given:
                flow = self.layer("Identity", [flow], value.name)
        except (Unread, ShapeError) as reason:
            self.findings.refuse(_named("output", value), str(reason))
            return ""
        self._given.add(flow.ref)
        return flow.ref

    # What a node reads and makes.

    def constant(self, node: FileNode, at: int) -> Array | None:
        """Input `at`, where it is constant; None where there is none, or it is not."""
        name = self.input(node, at)
        if name and name in self.sizes and all(isinstance(n, int) for n in self.sizes[name]):
            return np.array(self.sizes[name], np.int64)
        return self.constants.get(name)

    def need_constant(self, node: FileNode, at: int, what: str) -> Array:
        """Input `at`, which must be constant."""
        found = self.constant(node, at)
        if found is None:
            raise Unread(f"its {what} is not constant")
        return found

    def input(self, node: FileNode, at: int) -> str:
        """The name of input `at`; "" where there is none."""
        return node.inputs[at] if at < len(node.inputs) else ""

    def flow(self, node: FileNode, at: int = 0) -> Flow:
        """Input `at`, which must follow from the model's inputs."""
        name = self.input(node, at)
        flow = self.flows.get(name)
        if name in self.halfway:
            raise Unread("it reads a part of what an activation computes")
        if flow is None:
            raise Unread("it reads a constant where nnctl's layer reads another layer")
        if flow.halves is not None:
            raise Unread("both directions of a recurrence are read as an axis of their own")
        return flow

    def give(self, node: FileNode, flow: Flow, at: int = 0) -> None:
        """Output `at` of a node."""
        if at < len(node.outputs) and node.outputs[at]:
            self.flows[node.outputs[at]] = flow

    def alone(self, node: FileNode, at: int = 0) -> Entry | None:
        """The layer that makes input `at`, where only this node reads it: it may do the node's work, too."""
        name = self.input(node, at)
        flow = self.flows.get(name)
        return flow.entry if flow is not None and self.left[name] == 1 else None

    # Entries.

    def name(self, wanted: str) -> str:
        """A name of a layer or an input that none has yet."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_")[:80] or "layer"
        base = base if not base[0].isdigit() else f"layer_{base}"
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def layer(
        self, type: str, reads: Sequence[Flow], called: str = "", weights: Mapping[str, Array] | None = None,
        **fields: Any,
    ) -> Flow:  # fmt: skip
        """Add a layer; its only output, with axes as they stand here."""
        (flow,) = self.layers(type, reads, called, weights, **fields)
        return flow

    def layers(
        self, type: str, reads: Sequence[Flow], called: str = "", weights: Mapping[str, Array] | None = None,
        **fields: Any,
    ) -> list[Flow]:  # fmt: skip
        """Add a layer; its outputs.

        Args:
            called: What its name is made of.
            weights: By the names that the layer gives them.

        Raises:
            Unread: nnctl's layer does not take the fields, or what it reads.
        """
        cls = layers.get(type)
        assert cls is not None, type
        try:
            made = cls.model_validate(fields).activated_shape(*(flow.shape for flow in reads))
        except ValidationError as error:
            raise Unread(f"nnctl's {type}: {first_fault(error)}") from None
        if len(self.entries) >= MOST_LAYERS:
            raise Unread(f"the model has more than {MOST_LAYERS:,} layers")
        name = self.name(called or snake_case(type))
        refs = [flow.ref for flow in reads]
        entry = {"type": type, "name": name, "inputs": refs, **fields}
        self.entries.append(entry)
        if weights:
            self.weights[name] = dict(weights)
        shapes: list[Shape] = made if isinstance(made, list) else [made]
        several = len(shapes) > 1
        return [
            Flow(f"{name}:{at}" if several else name, shape, in_order(len(shape) + 1), entry=entry)
            for at, shape in enumerate(shapes)
        ]

    def owner(self, node: FileNode, at: int) -> str:
        """A name for a layer: of what its weight, input `at`, belongs to, or of its node."""
        weight = self.input(node, at)
        owner = re.match(r"([A-Za-z_][\w./]*)[./](weight|kernel|gamma|w|W)$", weight)
        if owner is not None:
            return owner[1]
        return self.called(node)

    def called(self, node: FileNode) -> str:
        """A name for a layer, of its node's path without the operator; "" where that says nothing."""
        parts = [part for part in node.name.split("/") if part]
        operator = node.operator.rpartition(".")[2]
        if parts and re.fullmatch(rf"{re.escape(operator)}(_\d+)?", parts[-1]):
            parts.pop()
        return parts[-1] if parts else ""

    # Layouts.

    def arranged(self, flow: Flow, order: Sequence[int]) -> Flow:
        """A flow with the file's axes `order`, the batch first, as its own, all of them there."""
        if flow.order is not None:
            assert flow.source is not None
            flow = self.flat(self.plain(flow.source), flow.rank)
        if tuple(flow.axes[axis] for axis in order) == in_order(len(order)):
            return flow
        if flow.axes[order[0]] != 0:
            raise Unread("the batch is not its first axis")
        there = [here for axis in order[1:] if (here := flow.axes[axis]) is not None]
        made = flow
        if there != sorted(there):
            made = self.layer("Permute", [flow], dims=there)
        if len(there) < len(order) - 1:
            made = self._reshaped(made, [flow.length(axis) for axis in order[1:]])
        axes = [0] * flow.rank
        for place, axis in enumerate(order):
            axes[axis] = place
        return replace(made, axes=tuple(axes), whole=flow.whole, positive=flow.positive, entry=None)

    def _reshaped(self, flow: Flow, lengths: Sequence[int | None]) -> Flow:
        if sum(n is None for n in lengths) > 1:
            raise Unread(f"two lengths vary: nnctl cannot see it as {show(tuple(lengths))}")
        return self.layer("Reshape", [flow], target_shape=[-1 if n is None else n for n in lengths])

    def plain(self, flow: Flow) -> Flow:
        """A flow with its axes as they stand in the file."""
        if flow.halves is not None:
            raise Unread("both directions of a recurrence are read as an axis of their own")
        if flow.as_in_file:
            return flow
        return self.arranged(flow, range(flow.rank))

    def channels_last(self, flow: Flow) -> Flow:
        """A flow (B, C, *spatial) of the file as (B, *spatial, C)."""
        return self.arranged(flow, [0, *range(2, flow.rank), 1])

    def flat(self, flow: Flow, rank: int = 2) -> Flow:
        """All but the batch in a row, as it lies here; the flow knows where that is not the file's order."""
        if flow.axes[0] != 0:
            raise Unread("the batch is not its first axis")
        try:
            order = flow.flattened_order()
        except ValueError:
            return self.flat(self.plain(flow), rank)
        made = flow if len(flow.shape) == 1 else self.layer("Flatten", [flow])
        axes = (0, *(None,) * (rank - 2), 1)
        return replace(made, axes=axes, order=order, source=flow, positive=flow.positive, whole=flow.whole)

    def same(self, node: FileNode, flow: Flow, **changes: Any) -> Flow:
        """A node's input seen otherwise; what made it may take in what comes, if nothing else reads it."""
        entry = flow.entry if self.alone(node) is not None else None
        return replace(flow, **{"entry": entry, **changes})

    def like(self, made: Flow, flow: Flow, **changes: Any) -> Flow:
        """A layer's output that stands as what it was made of."""
        return replace(made, axes=flow.axes, order=flow.order, source=flow.source, **changes)


def _named(what: str, value: FileValue) -> str:
    """An input or an output in errors."""
    return f"{what} '{visible(value.name, 100)}'"


def _needed(graph: FileGraph) -> tuple[FileNode, ...]:
    """The nodes that the outputs follow from, in the file's order."""
    wanted = {value.name for value in graph.outputs}
    found = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(node.inputs)
            found.append(node)
    return tuple(reversed(found))
