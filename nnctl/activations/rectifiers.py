"""Activations that bend at a threshold: relu, relu6, leaky_relu, elu, celu."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Annotated, ClassVar

from pydantic import Field, PositiveFloat

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import Range
from nnctl.kernels.functions import exp, expm1
from nnctl.ops.activation import RELU
from nnctl.ops.base import Value


@register
class relu(Elementwise):
    """y = min(x, max_value) for x >= threshold, negative_slope (x - threshold) below.

    Source: keras.activations.relu.
    """

    keras_layer: ClassVar[str | None] = "ReLU"
    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.activations.activations", "ReLU")

    negative_slope: float = 0.0
    """The slope below the threshold."""
    max_value: Annotated[float, Field(ge=0)] | None = None
    """The largest value that comes out; null for no bound."""
    threshold: float = 0.0
    """Values below this are damped or set to zero."""

    @staticmethod
    def value(x: float, negative_slope: float, max_value: float, threshold: float) -> float:
        # With a largest value, what is above a negative threshold is at least 0: Keras clips to [0, largest].
        top = max_value if x >= max_value else x
        top = 0 if top < 0 and max_value < inf else top
        return top if x > threshold else negative_slope * (x - threshold)

    @staticmethod
    def slope(x: float, negative_slope: float, max_value: float, threshold: float) -> float:
        above = 1 if x < max_value and (x > 0 or max_value == inf) else 0
        return above if x > threshold else negative_slope

    def derived(self) -> Mapping[str, float]:
        return {"max_value": inf} if self.max_value is None else {}

    def value_range(self, x: Range | None) -> Range | None:
        # Without a largest value, what is above a threshold below 0 comes out as it is.
        least = min(self.threshold, 0.0) if self.max_value is None else 0.0
        if self.negative_slope > 0:
            least = -inf
        return least, inf if self.max_value is None or self.negative_slope < 0 else self.max_value

    def clips(self) -> Range | None:
        plain = self.negative_slope == 0 and self.threshold == 0
        return (0.0, self.max_value) if plain and self.max_value is not None else None

    def apply(self, x: Value) -> Value:
        if self.max_value is not None or self.threshold != 0:
            return super().apply(x)
        if self.negative_slope == 0:
            return x.graph.add1(RELU, x)
        return leaky_relu(negative_slope=self.negative_slope).apply(x)


@register
class relu6(Elementwise):
    """y = clip(x, 0, 6). Source: keras.activations.relu6."""

    between: ClassVar[Range] = (0.0, 6.0)

    @staticmethod
    def value(x: float) -> float:
        return 0 if x <= 0 else (6 if x > 6 else x)

    def clips(self) -> Range | None:
        return self.between

    @staticmethod
    def slope_by_output(y: float) -> float:
        return 1 if y > 0 and y < 6 else 0


@register
class leaky_relu(Elementwise):
    """y = x for x >= 0, negative_slope x below. Source: keras.activations.leaky_relu."""

    keras_layer: ClassVar[str | None] = "LeakyReLU"
    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "LeakyRelu")

    negative_slope: float = 0.2
    """The slope below zero."""

    @staticmethod
    def value(x: float, negative_slope: float) -> float:
        return x if x > 0 else negative_slope * x

    @staticmethod
    def slope(x: float, negative_slope: float) -> float:
        return 1 if x > 0 else negative_slope

    slope_by_output = slope

    def output_tells(self) -> bool:
        # Else a negative input gives a positive output.
        return self.negative_slope >= 0

    def value_range(self, x: Range | None) -> Range | None:
        return relu(negative_slope=self.negative_slope).value_range(x)


@register
class elu(Elementwise):
    """y = x for x > 0, alpha (exp(x) - 1) else. Source: keras.activations.elu (Clevert et al., 2015)."""

    keras_layer: ClassVar[str | None] = "ELU"

    alpha: float = 1.0
    """What y tends to, negated, as x tends to minus infinity."""

    @staticmethod
    def value(x: float, alpha: float) -> float:
        return x if x > 0 else alpha * expm1(x)

    @staticmethod
    def slope(x: float, alpha: float) -> float:
        return 1 if x > 0 else alpha * exp(x)

    @staticmethod
    def slope_by_output(y: float, alpha: float) -> float:
        return 1 if y > 0 else y + alpha

    def output_tells(self) -> bool:
        return self.alpha >= 0

    def value_range(self, x: Range | None) -> Range | None:
        return min(-self.alpha, 0.0), inf


@register
class celu(Elementwise):
    """y = x for x > 0, alpha (exp(x / alpha) - 1) else. Source: keras.activations.celu (Barron, 2017)."""

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Celu")

    alpha: PositiveFloat = 1.0
    """What y tends to, negated, as x tends to minus infinity."""

    @staticmethod
    def value(x: float, alpha: float) -> float:
        return x if x > 0 else alpha * expm1(x / alpha)

    @staticmethod
    def slope_by_output(y: float, alpha: float) -> float:
        return 1 if y > 0 else y / alpha + 1

    def value_range(self, x: Range | None) -> Range | None:
        return -self.alpha, inf
