"""What a layer is handed when it composes its ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nnctl.core.keys import Key, key
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import scale

if TYPE_CHECKING:
    from nnctl.layers.base import Layer

Masked = tuple[Value, Value | None]
"""A tensor and its mask."""

Mixing = Callable[[Value], Value]
"""Mixes what belongs to the examples of a batch, floats (B, ...), as a layer has mixed the examples."""


@dataclass
class LayerContext:
    """One call of a layer, while the op graph is built.

    Attributes:
        graph: Where ops are added.
        weights: The layer's weights by name.
        training: Whether this call works as in training (dropout on, batch statistics).
        masks: One mask (B, ...) uint8, of the leading axes, or None an input.
        seed: The experiment's seed.
        path: The layer's path in the model ("encoder/dense_1"): with a purpose, the name of a random stream.
        trainable: False where the layer is frozen (BatchNormalization then runs as in inference).
        losses: Scalars (1,) added to the loss: activity regularizers.
        mixings: How the layer has mixed the examples (`Layer.mixes_examples`), in order.
        differentiable: Whether a gradient may be taken through this call, so that ops keep what it needs.
    """

    graph: Graph
    weights: Mapping[str, Value]
    training: bool
    masks: Sequence[Value | None]
    seed: int
    path: str
    trainable: bool
    losses: list[Value] = field(default_factory=list)
    mixings: list[Mixing] = field(default_factory=list)
    differentiable: bool = False

    @property
    def mask(self) -> Value | None:
        """The first input's mask (B, ...) uint8, or None."""
        return self.masks[0] if self.masks else None

    def inside(self, child: str, layer: Layer) -> LayerContext:
        """The call of a layer that this one holds, with the same masks; weights and streams are its own."""
        start = f"{child}/"
        weights = {k.removeprefix(start): v for k, v in self.weights.items() if k.startswith(start)}
        trainable = self.trainable and layer.trainable
        return replace(self, weights=weights, path=f"{self.path}/{child}", trainable=trainable)

    def key(self, purpose: str, seed: int | None = None) -> Key:
        """The key of this layer's random stream for `purpose`; the counter is the step.

        A layer's own `seed`, where it is given, takes the place of the experiment's.
        """
        return key(self.seed if seed is None else seed, "layer", self.path, purpose)

    def regularize(self, regularizer: Any, output: Value) -> Value:
        """Add an activity regularizer's penalty, an example's share of it, to the losses; the output."""
        if regularizer is not None:
            self.losses.append(scale(regularizer.penalty(output), 1.0 / output.shape[0]))
        return output
