"""Numbers brought to mean 0 and variance 1, by statistics that are given or those of the training split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
from pydantic import FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.initializers.constant import Ones, Zeros
from nnctl.kernels import codes
from nnctl.kernels.probability import EPSILON
from nnctl.layers.adapting import moments
from nnctl.layers.base import SameShape, Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, at_least, divide, multiply, subtract, unary
from nnctl.ops.shape import broadcast_to, reshape

Statistics = FiniteFloat | tuple[FiniteFloat, ...] | tuple[tuple[FiniteFloat, ...], ...]


@register
class Normalization(SameShape):
    """y = (x - mean) / sqrt(variance), with numbers that the config gives, or those of the training split.

    Where neither is given, the layer reads an input of the model. Before the first step, mean and variance of
    all that comes in there in training are found, once; they are weights that stay as they are.

    Shapes: x (B, ...), mean and variance the lengths of `axis`, or, where they are given, of its last ones;
    count (), y (B, ...).
    Source: keras.layers.Normalization.
    """

    axis: int | tuple[int, ...] | None = -1
    """The axes along which each place has a mean of its own; `null`: one for all."""
    mean: Statistics | None = None
    """What is subtracted; default: that of the training split."""
    variance: Statistics | None = None
    """Its root is what is divided by; default: that of the training split."""
    invert: bool = False
    """Whether it is undone: y = mean + x sqrt(variance)."""

    @model_validator(mode="after")
    def _agree(self) -> Normalization:
        if (self.mean is None) != (self.variance is None):
            raise _error("'Normalization' needs both 'mean' and 'variance', or neither")
        if self.mean is None:
            return self
        try:
            mean, variance = np.array(self.mean, float), np.array(self.variance, float)
        except ValueError:
            raise _error("'mean' and 'variance' need lists of equal lengths") from None
        if mean.shape != variance.shape:
            raise _error("'mean' and 'variance' have different shapes")
        if (variance < 0).any():
            raise _error("'variance' has a number below 0")
        if mean.ndim > len(self.axes):
            raise _error("'mean' has more axes than 'axis' names")
        return self

    @property
    def axes(self) -> tuple[int, ...]:
        """`axis` as a list."""
        return () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis

    def adapts(self) -> bool:
        return self.mean is None

    def adapted(self, blocks: Iterator[Array]) -> Mapping[str, Any]:
        first = next(blocks)
        axes = [axis + 1 for axis in self._kept(first.shape[1:])]
        return dict(zip(("mean", "variance", "count"), moments(chain([first], blocks), axes), strict=True))

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        if not self.adapts():
            return {}
        shape = tuple(self.need_known(x, axis, "what `axis` names") for axis in self._kept(x))
        # Keras has a count as well, which it keeps at 0: here it is of the numbers behind each mean.
        filled = {"mean": (shape, Zeros()), "variance": (shape, Ones()), "count": ((), Zeros())}
        return {name: Weight(*given, trainable=False) for name, given in filled.items()}

    def compute_output_shape(self, x: Shape) -> Shape:
        self._shape(x)
        return x

    def _kept(self, x: Shape) -> list[int]:
        """The axes with places of their own, from 0 on, the batch left out. Raises ShapeError."""
        return sorted({self.need_axis(x, axis) for axis in self.axes})

    def _shape(self, x: Shape) -> tuple[int, ...]:
        """The mean's shape with an axis for each of the input's. Raises ShapeError where it does not fit."""
        kept = self._kept(x)
        shape = [1] * len(x)
        if self.mean is None:
            for axis in kept:
                shape[axis] = self.need_known(x, axis, "what `axis` names")
            return tuple(shape)
        held: tuple[int, ...] = np.shape(self.mean)
        if len(held) > len(kept):
            raise ShapeError(f"{self.kind} names an axis of {show(x)} twice", field="axis")
        for axis, length in zip(reversed(kept), reversed(held), strict=False):
            if length not in (1, x[axis]):
                raise ShapeError(
                    f"{self.kind} has {length} means along an axis of {show(x)} that is "
                    f"{'of unknown length' if x[axis] is None else f'{x[axis]} long'}",
                    field="mean",
                    expected="one number, or one for each place along `axis`",
                )
            shape[axis] = length
        return tuple(shape)

    def _statistics(self, ctx: LayerContext) -> tuple[Value, Value]:
        """The mean, and what is divided by."""
        if self.adapts():
            return ctx.weights["mean"], at_least(unary(ctx.weights["variance"], codes.SQRT), EPSILON)
        # In the model's floats from the start, as Keras takes the root of them.
        mean, variance = (np.array(held, ctx.graph.dtype) for held in (self.mean, self.variance))
        return ctx.graph.constant(mean), ctx.graph.constant(np.maximum(np.sqrt(variance), EPSILON))

    def call(self, ctx: LayerContext, x: Value) -> Value:
        shape = (1, *self._shape(x.shape[1:]))
        center, by = (broadcast_to(reshape(held, shape), x.shape) for held in self._statistics(ctx))
        return add(center, multiply(x, by)) if self.invert else divide(subtract(x, center), by)


def _error(message: str) -> PydanticCustomError:
    return PydanticCustomError("normalization", message)
