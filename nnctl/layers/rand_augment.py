"""A few of many changes to images, taken at random."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from pydantic import PositiveInt

from nnctl.layers.augmentation import Augmentation
from nnctl.layers.augmentation_fields import UnitFactor
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.many_changes import OfMany
from nnctl.ops.base import Value
from nnctl.ops.choice import one_of
from nnctl.ops.noise import uniform
from nnctl.ops.shape import slice_axis


@register
class RandAugment(OfMany):
    """While training, changes images as `num_ops` of eleven layers do, drawn for the batch; else y = x.

    How far they go is drawn for each image.

    Shapes: x (B, H, W, C), C is 3 or 1, y (B, H, W, C).
    Source: keras.layers.RandAugment; Cubuk, Zoph, Shlens, Le (2020).
    """

    draws: ClassVar[int] = 13

    num_ops: PositiveInt = 2
    """How many changes, one after the other; the same one may come again."""
    factor: UnitFactor = 0.5
    """The least and the largest factor of each layer; f is [0, f]."""

    def choices(self, ctx: LayerContext, x: Value) -> Value:
        """Which changes this step makes, drawn as (1, num_ops) in [0, 1), a place on a list of eleven."""
        return uniform(ctx.graph, (1, self.num_ops), ctx.key("choices", self.seed))

    def transform(self, ctx: LayerContext, x: Value, draws: Value) -> Value:
        choices = self.choices(ctx, x)
        for number in range(self.num_ops):
            choice = slice_axis(choices, 1, number, number + 1)
            changes = self._changes(ctx, x, draws)
            x = one_of(x, changes, choice, len(changes))
        return x

    def _changes(self, ctx: LayerContext, x: Value, draws: Value) -> list[Callable[[], Value]]:
        """What composes x after each of the changes, each by draws of its own."""
        changes: list[Callable[[], Value]] = []
        first = 0
        for step in self.steps():
            changes.append(partial(self.changed, ctx, step, x, draws, first))
            first += step.draws if isinstance(step, Augmentation) else 0
        return changes
