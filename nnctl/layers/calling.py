"""How a layer is called, in a model and in one that a layer holds: inputs at their places, with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext, Masked
from nnctl.ops.elementwise import cast

T = TypeVar("T")


def at_parameters(layer: Layer, names: Sequence[str], values: Sequence[T]) -> list[T | None]:
    """One value an input, at the places of the parameters that `names` are; None where nothing is given."""
    if not names:
        return list(values)
    given, parameters = dict(zip(names, values, strict=True)), layer.input_names()
    last = max(map(parameters.index, names))
    return [given.get(name) for name in parameters[: last + 1]]


def call_layer(
    layer: Layer, ctx: LayerContext, names: Sequence[str], reads: Sequence[Masked]
) -> list[Masked]:
    """The outputs of a layer for these inputs, each with its mask.

    Args:
        ctx: Its masks are those of `reads`, whatever it says.
        names: The layer's names for the inputs, where they are given by name.
    """
    values = [x if layer.any_dtype else cast(x, ctx.graph.dtype) for x, _ in reads]
    masks = at_parameters(layer, names, [mask for _, mask in reads])
    return layer.applied(replace(ctx, masks=masks), *at_parameters(layer, names, values))
