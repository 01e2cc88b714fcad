"""Where the mask of a sequence comes from, where Keras must be told, and where it would lose one.

Keras hands a mask on by itself, but not to a layer that is called with several arguments and has one for the
mask: a recurrent layer with initial states is told its mask (keras.src.layers.layer.Layer.__call__, step 6).

What a layer makes of masks is what its `output_mask` composes of ops. So it is asked to, call by call, with a
leaf for each tensor and each mask that comes in, and what came out says where the mask is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.foreign import told
from nnctl.core.records import record
from nnctl.graph.model import CallNode, LayerGraph, Ref, WeightInfo
from nnctl.layers.base import listed
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Graph, Value
from nnctl.ops.embedding import NotEqual
from nnctl.ops.masks import Either

MaskSource = Ref | Literal["several"]
"""The indices whose zeros make a mask; "several" for a mask that is made in another way."""


_LONG = 64
"""What a length that varies is where a whole call is looked at: more than most windows."""


@record
class _Mask:
    """Where a mask is from, and how many axes it has besides the batch."""

    source: MaskSource
    rank: int


def mask_sources(model: LayerGraph) -> dict[Ref, MaskSource]:
    """The source of each tensor's mask; tensors without a mask are left out."""
    return {ref: mask.source for ref, mask in _masks(model).items()}


def check_masks_stay(model: LayerGraph) -> None:
    """Hold that no prediction depends on a mask that Keras takes off a tensor (`InKeras.takes_masks`).

    Raises:
        ConfigError: a layer reads such a mask, or what has passed it on.
    """
    masks, weights = _masks(model), _weights(model)
    takers: dict[Ref, list[CallNode]] = {}
    for node in model.nodes:
        for ref in set(node.inputs) if node.layer.in_keras.takes_masks else ():
            takers.setdefault(ref, []).append(node)
    lost: dict[Ref, CallNode] = {}
    for node in model.nodes:
        others = {ref: [taker for taker in takers.get(ref, ()) if taker is not node] for ref in node.inputs}
        gone = {ref: lost.get(ref) or others[ref][0] for ref in node.inputs if ref in lost or others[ref]}
        gone = {ref: taker for ref, taker in gone.items() if ref in masks}
        if not gone:
            continue
        given, taker = [masks.get(ref) for ref in node.inputs], next(iter(gone.values()))
        call = _Asked(node, given, weights.get(node.owner, ()), _LONG)
        leaves = [leaf for ref, leaf in zip(node.inputs, call.leaves, strict=True) if ref in gone]
        if call.misses(leaves):
            message = (
                f"Keras takes the mask of what '{taker.name}' reads away, and '{node.name}' would miss it"
            )
            raise ConfigError(Problem(message, node.path, expected="an Embedding of its own for each"))
        made = enumerate(call.masks())
        lost |= {
            Ref(node.name, at): taker for at, mask in made if mask is not None and _hangs_on(mask, leaves)
        }


def _masks(model: LayerGraph) -> dict[Ref, _Mask]:
    weights = _weights(model)
    found: dict[Ref, _Mask] = {}
    for node in model.nodes:
        with told(node.layer, f"layer '{node.name}'", node.path):
            call = _Asked(node, [found.get(ref) for ref in node.inputs], weights.get(node.owner, ()))
            made = call.masks()
        for index, value in enumerate(made):
            if value is not None:
                source = _source(value, call.sources, call.tensors)
                found[Ref(node.name, index)] = _Mask(source, len(value.shape) - 1)
    return found


def _weights(model: LayerGraph) -> dict[str, list[WeightInfo]]:
    """The weights of each layer by its path."""
    found: dict[str, list[WeightInfo]] = {}
    for info in model.weights.values():
        found.setdefault(info.owner, []).append(info)
    return found


class _Asked:
    """A call with a leaf for each tensor and each mask that comes in, to see what its layer makes of them."""

    def __init__(
        self, node: CallNode, masks: Sequence[_Mask | None], weights: Iterable[WeightInfo], varying: int = 1
    ) -> None:
        self.layer, self.tensors, self.sources = node.layer, dict[Value, Ref](), dict[Value, MaskSource]()
        self.leaves: list[Value | None] = []
        graph = Graph()
        for index, (ref, shape, mask) in enumerate(zip(node.inputs, node.input_shapes, masks, strict=True)):
            sizes = [n or varying for n in shape]  # a mask of length 1 joins with any
            self.tensors[graph.input(f"tensor {index}", (1, *sizes))] = ref
            self.leaves.append(None)
            if mask is not None:
                leaf = self.leaves[-1] = graph.input(f"mask {index}", (1, *sizes[: mask.rank]), "uint8")
                self.sources[leaf] = mask.source
        variables = {info.field: graph.variable(info.name, info.weight.shape) for info in weights}
        leaves = node.at_parameters(self.leaves)
        self.ctx = LayerContext(graph, variables, False, leaves, 0, node.name, node.trainable)
        self.given = node.at_parameters(list(self.tensors))

    def masks(self) -> list[Value | None]:
        """The mask of each output."""
        return listed(self.layer.output_mask(self.ctx, *self.given))

    def misses(self, leaves: Sequence[Value | None]) -> bool:
        """Whether what the call gives depends on one of these masks, or cannot be told without lengths."""
        try:
            made = self.layer.call(self.ctx, *self.given)
        except ValueError:
            return True
        return any(_hangs_on(value, leaves) for value in listed(made))


def _hangs_on(value: Value, leaves: Sequence[Value | None]) -> bool:
    """Whether a value is made of one of the leaves."""
    left, seen = [value], set[Value]()
    while left:
        value = left.pop()
        if value in leaves:
            return True
        if value.node is not None and value not in seen:
            seen.add(value)
            left += value.node.inputs
    return False


def _source(value: Value, sources: Mapping[Value, MaskSource], tensors: Mapping[Value, Ref]) -> MaskSource:
    if value in sources:
        return sources[value]
    node = value.node
    if node is not None and node.op == NotEqual(0.0):
        return tensors.get(node.inputs[0], "several")
    if node is not None and node.op == Either():
        first, second = (_source(mask, sources, tensors) for mask in node.inputs)
        return first if first == second else "several"
    return "several"
