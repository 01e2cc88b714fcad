"""From the layer graph to the op graph: every call composes its ops, masks go along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nnctl.core.errors import ShapeError
from nnctl.core.foreign import told
from nnctl.graph.model import CallNode, LayerGraph, Ref, WeightInfo
from nnctl.layers.calling import call_layer
from nnctl.layers.context import LayerContext, Mixing
from nnctl.ops.base import Graph, Value


@dataclass
class Traced:
    """What tracing a model gives: values, masks, how examples were mixed; and the losses that layers add."""

    values: dict[Ref, Value] = field(default_factory=dict)
    masks: dict[Ref, Value | None] = field(default_factory=dict)
    mixings: dict[Ref, tuple[Mixing, ...]] = field(default_factory=dict)
    losses: list[Value] = field(default_factory=list)


def trace(model: LayerGraph, graph: Graph, inputs: Mapping[str, Value], training: bool, seed: int) -> Traced:
    """Compose the ops of every call of `model` on `graph`.

    Args:
        inputs: A value (B, ...) for each model input; its sizes are the sizes of the program.
        training: Whether dropout draws and statistics move.

    Raises:
        ConfigError: a layer cannot take the sizes, or a plugin's layer raises.
    """
    traced = Traced()
    for name, value in inputs.items():
        traced.values[Ref(name)] = value
        traced.masks[Ref(name)] = None
        traced.mixings[Ref(name)] = ()
    weights: dict[str, list[WeightInfo]] = {}
    for info in model.weights.values():
        weights.setdefault(info.owner, []).append(info)
    for node in model.nodes:
        graph.origin = node.name
        with told(node.layer, f"layer '{node.name}'", node.path):
            _call(weights.get(node.owner, []), graph, node, traced, training, seed)
    graph.origin = ""
    return traced


def _call(
    infos: Sequence[WeightInfo], graph: Graph, node: CallNode, traced: Traced, training: bool, seed: int
) -> None:
    weights = {info.field: graph.variable(info.name, info.weight.shape) for info in infos}
    as_training = training and not node.inference
    ctx = LayerContext(
        graph, weights, as_training, (), seed, node.name, node.trainable, differentiable=training
    )
    reads = [(traced.values[ref], traced.masks[ref]) for ref in node.inputs]
    try:
        with np.errstate(over="raise"):
            made = call_layer(node.layer, ctx, node.input_names, reads)
    except FloatingPointError:
        raise ShapeError(f"one of its numbers is too large for {graph.dtype}") from None
    for index, ((out, out_mask), shape) in enumerate(zip(made, node.output_shapes, strict=True)):
        got = out.shape[1:]
        if len(got) != len(shape) or any(s is not None and s != g for s, g in zip(shape, got, strict=True)):
            raise ValueError(f"'{node.name}' promised {shape} and made {got}")
        traced.values[Ref(node.name, index)] = out
        traced.masks[Ref(node.name, index)] = out_mask
        # All that it reads is mixed alike (`graph.build`).
        traced.mixings[Ref(node.name, index)] = (*traced.mixings[node.inputs[0]], *ctx.mixings)
    traced.losses.extend(ctx.losses)
