"""A layer on every step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.wrapper import Wrapper
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast, scale
from nnctl.ops.embedding import not_equal
from nnctl.ops.shape import reshape, stack, unstack
from nnctl.ops.sums import sum_axes


@register
class TimeDistributed(Wrapper):
    """Calls a layer on every step of a sequence, with the same weights.

    Steps are examples of one large batch to it, except where examples depend on each other while training
    (BatchNormalization): there it is called step by step, as Keras always does.

    A mask of more than the steps, such as that of the words in each sentence, is the layer's at each step.

    Shapes: x (B, T, ...), y (B, T, ...), both without T as the layer says.
    Source: keras.layers.TimeDistributed.
    """

    @field_validator("layer")
    @classmethod
    def _of_one_input(cls, value: Any) -> Any:
        fewest, _ = value.takes()
        if fewest > 1 or value.index_count() is not None:
            told = "takes several inputs" if fewest > 1 else "takes numbers of any shape as they are"
            raise PydanticCustomError(
                "not_held",
                "{kind} {told}, so TimeDistributed cannot call it",
                {"kind": value.kind, "told": told},
            )
        return value

    def compute_output_shape(self, x: Shape) -> Shape:
        if len(x) < 2:
            raise ShapeError(
                f"TimeDistributed needs steps that have axes of their own, but {show(x)} comes in",
                expected="an input of shape (time, features) or more axes",
            )
        shapes = self.shapes_of("layer", x[1:])
        if len(shapes) > 1:
            raise ShapeError(
                f"TimeDistributed calls layers of one output, and {self.layer.kind} has {len(shapes)}",
                field="layer",
                expected="return_state: false" if hasattr(self.layer, "return_state") else "another layer",
            )
        return (x[0], *shapes[0])

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return self.weights_of("layer", x[1:])

    def output_range(self, x: Range | None) -> Range | None:
        found: Range | None = self.layer.output_range(x)
        return found

    def softmax_axis(self) -> int | None:
        axis: int | None = self.layer.softmax_axis()
        return axis if axis is None or axis < 0 else axis + 1

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if ctx.training and any(layer.joins_examples() for layer in self.layer.family()):
            return self._step_by_step(ctx, x)
        batch, steps, *shape = x.shape
        inner = self._inner(ctx, x)
        y = self.layer.call(inner, reshape(x, (batch * steps, *shape)))
        # A penalty is divided by the number of examples, which are not as many.
        ctx.losses.extend(scale(loss, steps) for loss in inner.losses)
        return reshape(y, (batch, steps, *y.shape[1:]))

    def _inner(self, ctx: LayerContext, x: Value) -> LayerContext:
        """The layer's call on all steps, as one batch."""
        mask = ctx.mask
        if mask is not None:
            mask = reshape(mask, (-1, *mask.shape[2:])) if self._for_each_step(mask, x) else None
        return replace(ctx.inside("layer", self.layer), masks=[mask], losses=[])

    def _step_by_step(self, ctx: LayerContext, x: Value) -> Value:
        """A call for each step, with streams of its own."""
        masks: tuple[Value | None, ...] = (None,) * x.shape[1]
        if ctx.mask is not None and self._for_each_step(ctx.mask, x):
            masks = unstack(ctx.mask, 1)
        inside = ctx.inside("layer", self.layer)
        return stack(
            [
                self.layer.call(replace(inside, masks=[mask], path=f"{inside.path}/{step}"), part)
                for step, (part, mask) in enumerate(zip(unstack(x, 1), masks, strict=True))
            ],
            1,
        )

    def _for_each_step(self, mask: Value, x: Value) -> bool:
        """Whether a mask says something of a step: of its further axes, or which rows (B, C) of it count."""
        return len(mask.shape) > 2 or len(x.shape) == 3

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | None:
        """The mask as it came, or where the layer leaves nothing of it in a step, the steps that had some."""
        mask = ctx.mask
        if mask is None or len(mask.shape) == 2:
            return mask
        batch, steps, *shape = x.shape
        inner = self.layer.output_mask(self._inner(ctx, x), reshape(x, (batch * steps, *shape)))
        if inner is not None:
            return reshape(inner, (batch, steps, *inner.shape[1:]))
        counted = sum_axes(cast(mask, ctx.graph.dtype), tuple(range(2, len(mask.shape))))
        return not_equal(counted, 0)
