"""Where the mask of a sequence comes from, for the one case in which Keras must be told.

Keras hands a mask on by itself, but not to a recurrent layer that is given initial states: there the mask is
an argument of the call (keras.src.layers.layer.Layer.__call__, step 6).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from nnctl.graph.model import CallNode, LayerGraph, Ref
from nnctl.layers.concatenate import Concatenate
from nnctl.layers.embedding import Embedding
from nnctl.layers.merge import Merge
from nnctl.layers.recurrent import Recurrent

MaskSource = Ref | Literal["several"] | None
"""The indices whose zeros make the mask; "several" for a mask made of masks; None for no mask."""


def mask_sources(graph: LayerGraph) -> dict[Ref, MaskSource]:
    """The source of each tensor's mask."""
    found: dict[Ref, MaskSource] = {}
    for node in graph.nodes:
        sources = [found.get(ref) for ref in node.inputs]
        for index in range(len(node.output_shapes)):
            found[Ref(node.name, index)] = _source(node, sources) if index == 0 else None
    return found


def _source(node: CallNode, sources: Sequence[MaskSource]) -> MaskSource:
    """The source of the mask of a call's first output."""
    layer = node.layer
    if isinstance(layer, Embedding):
        return node.inputs[0] if layer.mask_zero else None
    if not layer.supports_masking or (isinstance(layer, Recurrent) and not layer.return_sequences):
        return None
    if isinstance(layer, Concatenate) and any(sources):
        shape = node.input_shapes[0]
        if layer.need_axis(shape, layer.axis) == 0:
            return "several"
    if isinstance(layer, Concatenate | Merge):
        if not all(sources):
            return None
        return sources[0] if len(set(sources)) == 1 else "several"
    return sources[0]
