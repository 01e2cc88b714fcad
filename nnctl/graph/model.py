"""The layer graph: calls of layers in order, their shapes and their weights; containers taken apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TypeVar

from nnctl.core.errors import Path
from nnctl.core.records import record
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, Weight
from nnctl.layers.calling import at_parameters

T = TypeVar("T")


@record
class Ref:
    """Output `index` of the call or model input `name`."""

    name: str
    index: int = 0


def shown_reads(refs: Iterable[Ref], shapes: Iterable[Shape]) -> str:
    """What a layer reads, as errors name it: `'hidden' (4), 'other' (7)`."""
    return ", ".join(f"'{ref.name}' {show(shape)}" for ref, shape in zip(refs, shapes, strict=True))


@record
class InputInfo:
    """A model input: its shape without the batch axis and the dtype a batch has ("float32", "int32")."""

    shape: Shape
    dtype: str


@record
class CallNode:
    """One call of a layer.

    Attributes:
        name: Unique in the graph; containers prefix theirs ("encoder/dense").
        layer: The layer's spec, with the arguments of this call.
        owner: The path of the layer whose weights it uses; another call's where the layer is shared.
        inputs: What it reads.
        input_shapes, output_shapes: Without the batch axis.
        trainable: False where the layer or a container around it is frozen.
        path: Where in the config the layer stands.
        input_names: The layer's names for its inputs, where the config says them.
        inference: Whether it works as in inference, in training too.
        mixers: The calls that have mixed the examples of its outputs while training, in order.
    """

    name: str
    layer: Layer
    owner: str
    inputs: tuple[Ref, ...]
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    trainable: bool
    path: Path
    input_names: tuple[str, ...] = ()
    inference: bool = False
    mixers: tuple[str, ...] = ()

    def at_parameters(self, values: Sequence[T]) -> list[T | None]:
        """One value an input, as the parameters of the layer's methods take them; see `at_parameters`."""
        return at_parameters(self.layer, self.input_names, values)


@record
class WeightInfo:
    """A weight of the model: its full name ("encoder/dense/kernel"), its owner and its spec."""

    name: str
    owner: str
    field: str
    weight: Weight
    trainable: bool

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.weight.shape)


@dataclass
class LayerGraph:
    """A whole model: inputs, calls by name in the order they run, outputs, weights in graph order."""

    inputs: dict[str, InputInfo] = field(default_factory=dict)
    calls: dict[str, CallNode] = field(default_factory=dict)
    outputs: dict[str, Ref] = field(default_factory=dict)
    weights: dict[str, WeightInfo] = field(default_factory=dict)
    held: LayerGraph | None = None
    """What is in the nested models that layers hold, each below its own path ("frames/layer/conv2d").

    That path ("frames/layer") is an input there. Programs run the layer that holds a model, not these calls.
    """

    @property
    def nodes(self) -> list[CallNode]:
        """The calls, in order."""
        return list(self.calls.values())

    def shape(self, ref: Ref) -> Shape:
        """The shape of a tensor, without the batch axis."""
        if ref.name in self.inputs:
            return self.inputs[ref.name].shape
        return self.node(ref.name).output_shapes[ref.index]

    def node(self, name: str) -> CallNode:
        """The call of this name."""
        return self.calls[name]

    def mixers(self, ref: Ref) -> tuple[str, ...]:
        """The calls that have mixed the examples of a tensor while training, in order."""
        return () if ref.name in self.inputs else self.node(ref.name).mixers

    def output_shapes(self) -> Mapping[str, Shape]:
        """The shape of each model output, by name."""
        return {name: self.shape(ref) for name, ref in self.outputs.items()}

    def weights_of(self, owner: str) -> Iterator[WeightInfo]:
        """The weights of one layer, in its order."""
        return (info for info in self.weights.values() if info.owner == owner)

    def weights_by_layer(self) -> dict[str, list[str]]:
        """The names of the weights of each layer that has some, in graph order."""
        layers: dict[str, list[str]] = {}
        for info in self.weights.values():
            layers.setdefault(info.owner, []).append(info.name)
        return layers

    def trainable(self) -> list[str]:
        """The names of the weights that training changes, in graph order."""
        return [info.name for info in self.weights.values() if info.trainable]

    def parameters(self) -> tuple[int, int]:
        """(trainable, non-trainable) numbers of parameters."""
        total = sum(info.size for info in self.weights.values())
        trainable = sum(info.size for info in self.weights.values() if info.trainable)
        return trainable, total - trainable
