"""Where the mask of a sequence comes from, for the one case in which Keras must be told.

Keras hands a mask on by itself, but not to a layer that is called with several arguments and has one for the
mask: a recurrent layer with initial states is told its mask (keras.src.layers.layer.Layer.__call__, step 6).

What a layer makes of masks is what its `output_mask` composes of ops. So it is asked to, call by call, with a
leaf for each tensor and each mask that comes in, and what came out says where the mask is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nnctl.core.foreign import told
from nnctl.graph.model import CallNode, LayerGraph, Ref, WeightInfo
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Graph, Value
from nnctl.ops.embedding import NotEqual
from nnctl.ops.masks import Either

MaskSource = Ref | Literal["several"]
"""The indices whose zeros make a mask; "several" for a mask that is made in another way."""


@dataclass(frozen=True)
class _Mask:
    """Where a mask is from, and how many axes it has besides the batch."""

    source: MaskSource
    rank: int


def mask_sources(model: LayerGraph) -> dict[Ref, MaskSource]:
    """The source of each tensor's mask; tensors without a mask are left out."""
    weights: dict[str, list[WeightInfo]] = {}
    for info in model.weights.values():
        weights.setdefault(info.owner, []).append(info)
    found: dict[Ref, _Mask] = {}
    for node in model.nodes:
        with told(node.layer, f"layer '{node.name}'", node.path):
            made = _made(node, [found.get(ref) for ref in node.inputs], weights.get(node.owner, ()))
        found |= {Ref(node.name, index): mask for index, mask in enumerate(made) if mask is not None}
    return {ref: mask.source for ref, mask in found.items()}


def _made(node: CallNode, masks: Sequence[_Mask | None], weights: Iterable[WeightInfo]) -> list[_Mask | None]:
    """The mask of each output of a call, from those of its inputs."""
    graph = Graph()
    tensors: dict[Value, Ref] = {}
    sources: dict[Value, MaskSource] = {}
    leaves: list[Value | None] = []
    for index, (ref, shape, mask) in enumerate(zip(node.inputs, node.input_shapes, masks, strict=True)):
        sizes = [n or 1 for n in shape]  # a mask of length 1 joins with any
        tensors[graph.input(f"tensor {index}", (1, *sizes))] = ref
        leaves.append(None)
        if mask is not None:
            leaf = leaves[-1] = graph.input(f"mask {index}", (1, *sizes[: mask.rank]), "uint8")
            sources[leaf] = mask.source
    variables = {info.field: graph.variable(info.name, info.weight.shape) for info in weights}
    ctx = LayerContext(graph, variables, False, node.placed(leaves), 0, node.name, node.trainable)
    made = node.layer.output_mask(ctx, *node.placed(list(tensors)))
    return [
        None if value is None else _Mask(_source(value, sources, tensors), len(value.shape) - 1)
        for value in (made if isinstance(made, list) else [made])
    ]


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
