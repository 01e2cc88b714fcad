"""Normalization of each example by itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pydantic import NonNegativeFloat, field_validator
from pydantic_core import PydanticCustomError

from nnctl.constraints.base import Constraint
from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape, show
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, need_axis, need_known, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.normalization import layer_norm
from nnctl.ops.shape import reshape
from nnctl.ops.transpose import move_axis
from nnctl.regularizers.base import Regularizer


@register
class LayerNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over `axis` of each example.

    Shapes: x (B, ...), gamma and beta of the lengths of `axis`, y (B, ...).
    Source: keras.layers.LayerNormalization (Ba et al., 2016).
    """

    axis: int | tuple[int, ...] = -1
    """The axis or axes to normalize over; 0 is the batch, -1 the last."""
    epsilon: NonNegativeFloat = 1e-3
    """What is added to the variance."""
    center: bool = True
    """Whether beta is added."""
    scale: bool = True
    """Whether gamma multiplies."""
    beta_initializer: Initializer = "zeros"
    """First values of beta."""
    gamma_initializer: Initializer = "ones"
    """First values of gamma."""
    beta_regularizer: Regularizer | None = None
    """Penalty on beta."""
    gamma_regularizer: Regularizer | None = None
    """Penalty on gamma."""
    beta_constraint: Constraint | None = None
    """What beta satisfies after each update."""
    gamma_constraint: Constraint | None = None
    """What gamma satisfies after each update."""

    @field_validator("axis")
    @classmethod
    def _some_axis(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if value == ():
            raise PydanticCustomError("axis", "expected at least one axis")
        return value

    def _axes(self, x: Shape) -> list[int]:
        """The axes as indices into x without its batch, from first to last."""
        given = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = sorted(need_axis("LayerNormalization", x, axis) for axis in given)
        if len(set(axes)) < len(axes):
            raise ShapeError(
                f"LayerNormalization is told an axis of {show(x)} twice: {list(given)}",
                field="axis",
                expected="each axis once",
            )
        return axes

    def output_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        for at in self._axes(x):
            need_known("LayerNormalization", x, at, "the axes it normalizes over")
        return x

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        (x,) = inputs
        shape = tuple(n for n in (x[at] for at in self._axes(x)) if n is not None)
        weights = {}
        if self.scale:
            weights["gamma"] = Weight(
                shape, self.gamma_initializer, self.gamma_regularizer, self.gamma_constraint
            )
        if self.center:
            weights["beta"] = Weight(
                shape, self.beta_initializer, self.beta_regularizer, self.beta_constraint
            )
        return weights

    def value_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, *inputs: Value) -> Value:
        (x,) = inputs
        axes = self._axes(x.shape[1:])
        first, last = len(x.shape) - len(axes), len(x.shape) - 1
        # The axes go to the end, one after the other, unless they are there, and are seen as one.
        moves = [] if axes[0] + 1 == first else [at + 1 - done for done, at in enumerate(axes)]
        for at in moves:
            x = move_axis(x, at, last)
        kept, size = x.shape[:first], prod(x.shape[first:])
        gamma, beta = (
            None if w is None else reshape(w, (size,)) for w in map(ctx.weights.get, ("gamma", "beta"))
        )
        y = reshape(layer_norm(reshape(x, (*kept, size)), gamma, beta, self.epsilon), x.shape)
        for at in reversed(moves):
            y = move_axis(y, last, at)
        return y
