"""A layer on every step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from pydantic import field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import Path, ShapeError
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer, Weight, register
from nnctl.layers.calling import call_layer
from nnctl.layers.context import LayerContext, Masked
from nnctl.layers.nested import Nested
from nnctl.layers.wrapper import Wrapper
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast, scale
from nnctl.ops.embedding import not_equal
from nnctl.ops.shape import reshape, stack, unstack
from nnctl.ops.sums import sum_axes


@register
class TimeDistributed(Wrapper):
    """Calls a layer, or a whole nested model, on every step of a sequence, with the same weights.

    Steps are examples of one large batch to it, except where examples depend on each other while training
    (BatchNormalization): there it is called step by step, as Keras always does.

    A mask of more than the steps, such as that of the words in each sentence, is the layer's at each step.

    Shapes: x (B, T, ...), y (B, T, ...), both without T as the layer says.
    Source: keras.layers.TimeDistributed.
    """

    any_dtype: ClassVar[bool] = True

    @field_validator("layer")
    @classmethod
    def _of_one_input(cls, value: Any) -> Any:
        if value.needs() > 1:
            message = "{kind} takes several inputs, so TimeDistributed cannot call it"
            raise PydanticCustomError("not_held", message, {"kind": value.kind})
        return value

    def given_to(self, child: str, *inputs: Shape) -> tuple[Shape, ...]:
        (x,) = inputs
        if len(x) < 2:
            raise ShapeError(
                f"TimeDistributed needs steps that have axes of their own, but {show(x)} comes in",
                expected="an input of shape (time, features) or more axes",
            )
        return (x[1:],)

    def compute_output_shape(self, x: Shape) -> Shape:
        shapes = self.shapes_of("layer", *self.given_to("layer", x))
        if len(shapes) > 1:
            raise ShapeError(
                f"TimeDistributed calls layers of one output, and {self.layer.kind} has {len(shapes)}",
                field="layer",
                expected="return_state: false" if hasattr(self.layer, "return_state") else "another layer",
            )
        return (x[0], *shapes[0])

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return self.weights_of("layer", x[1:])

    def looks_up(self) -> tuple[Path, int] | None:
        found = self.layer.looks_up()
        return found and (("layer", *found[0]), found[1])

    def output_range(self, x: Range | None) -> Range | None:
        found: Range | None = self.layer.output_range(x)
        return found

    def softmax_axis(self) -> int | None:
        axis: int | None = self.layer.softmax_axis()
        return axis if axis is None or axis < 0 else axis + 1

    def applied(self, ctx: LayerContext, *inputs: Any, **named: Any) -> list[Masked]:
        (x,) = inputs
        batch, steps = x.shape[:2]
        inside = ctx.inside("layer", self.layer)
        ((y, mask),) = _on_steps(steps, self.layer, inside, (), [self._all_steps(ctx, x)])
        return [(reshape(y, (batch, steps, *y.shape[1:])), _left(ctx.mask, mask))]

    def call(self, ctx: LayerContext, x: Value) -> Value:
        ((y, _),) = self.applied(ctx, x)
        return y

    def _all_steps(self, ctx: LayerContext, x: Value) -> Masked:
        """The steps as one batch; what the mask says of each: of its further axes, or whether it counts."""
        batch, steps, *shape = x.shape
        mask = ctx.mask
        if mask is not None:
            says = len(mask.shape) > 2 or len(x.shape) == 3
            mask = reshape(mask, (batch * steps, *mask.shape[2:])) if says else None
        return reshape(x, (batch * steps, *shape)), mask

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | None:
        """The mask as it came, or where the layer leaves nothing of it in a step, the steps that had some."""
        if ctx.mask is None or len(ctx.mask.shape) == 2:
            return ctx.mask
        all_steps, mask = self._all_steps(ctx, x)
        inside = replace(ctx.inside("layer", self.layer), masks=[mask])
        return _left(ctx.mask, self.layer.output_mask(inside, all_steps))


def _left(mask: Value | None, inner: Value | None) -> Value | None:
    """The mask (B, T, ...) that goes on, where `inner` (B T, ...) came out of the layer."""
    if mask is None or len(mask.shape) == 2:
        return mask
    if inner is not None:
        return reshape(inner, (*mask.shape[:2], *inner.shape[1:]))
    counted = sum_axes(cast(mask, mask.graph.dtype), tuple(range(2, len(mask.shape))))
    return not_equal(counted, 0)


def _on_steps(
    steps: int, layer: Layer, ctx: LayerContext, names: Sequence[str], reads: Sequence[Masked]
) -> list[Masked]:
    """A call of a layer on all steps (B T, ...): as one batch, or where examples are joined, step by step.

    Each layer of a nested model is called so by itself, unless one of them is called again: then its
    statistics move at one step after the other.
    """
    if isinstance(layer, Nested) and not layer.calls_again():
        return layer.run(ctx, reads, partial(_on_steps, steps))
    if ctx.training and any(held.joins_examples() for held in layer.family()):
        return _step_by_step(steps, layer, ctx, names, reads)
    inside = replace(ctx, losses=[])
    made = call_layer(layer, inside, names, reads)
    # A penalty is divided by the number of examples, which are not as many.
    ctx.losses.extend(scale(loss, 1.0 * steps) for loss in inside.losses)
    return made


def _step_by_step(
    steps: int, layer: Layer, ctx: LayerContext, names: Sequence[str], reads: Sequence[Masked]
) -> list[Masked]:
    """A call for each step, with streams of its own."""

    def parts(value: Value) -> Sequence[Value]:
        return unstack(reshape(value, (-1, steps, *value.shape[1:])), 1)

    def whole(values: Sequence[Value]) -> Value:
        return reshape(stack(values, 1), (-1, *values[0].shape[1:]))

    nothing = (None,) * steps
    read = [list(zip(parts(x), nothing if m is None else parts(m), strict=True)) for x, m in reads]
    calls = [
        call_layer(layer, replace(ctx, path=f"{ctx.path}/{step}"), names, [each[step] for each in read])
        for step in range(steps)
    ]
    return [
        (whole([y for y, _ in made]), None if made[0][1] is None else whole([mask for _, mask in made]))
        for made in zip(*calls, strict=True)
    ]
