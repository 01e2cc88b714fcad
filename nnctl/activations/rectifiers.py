"""Activations that bend at a threshold: relu, leaky_relu, elu."""

from __future__ import annotations

from math import inf
from typing import Annotated, ClassVar

from pydantic import Field

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import Range
from nnctl.ops.activation import activation
from nnctl.ops.base import Value


@register
class relu(ActivationFunction):
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

    def value_range(self, x: Range | None) -> Range | None:
        return rectified_range(self.negative_slope, self.max_value, self.threshold)

    def apply(self, x: Value) -> Value:
        return rectified(x, self.negative_slope, self.max_value, self.threshold)


@register
class leaky_relu(ActivationFunction):
    """y = x for x >= 0, negative_slope x below. Source: keras.activations.leaky_relu."""

    keras_layer: ClassVar[str | None] = "LeakyReLU"
    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "LeakyRelu")

    negative_slope: float = 0.2
    """The slope below zero."""

    def value_range(self, x: Range | None) -> Range | None:
        return rectified_range(self.negative_slope)

    def apply(self, x: Value) -> Value:
        return activation(x, "leaky_relu", a=self.negative_slope)


@register
class elu(ActivationFunction):
    """y = x for x > 0, alpha (exp(x) - 1) else. Source: keras.activations.elu (Clevert et al., 2015)."""

    keras_layer: ClassVar[str | None] = "ELU"

    alpha: float = 1.0
    """What y tends to, negated, as x tends to minus infinity."""

    def value_range(self, x: Range | None) -> Range | None:
        return min(-self.alpha, 0.0), inf

    def apply(self, x: Value) -> Value:
        return activation(x, "elu", a=self.alpha)


def rectified_range(negative_slope: float, max_value: float | None = None, threshold: float = 0.0) -> Range:
    """Between what Keras's relu lies."""
    # Without a largest value, what is above a threshold below 0 comes out as it is.
    least = min(threshold, 0.0) if max_value is None else 0.0
    if negative_slope > 0:
        least = -inf
    return least, inf if max_value is None or negative_slope < 0 else max_value


def rectified(x: Value, negative_slope: float, max_value: float | None, threshold: float) -> Value:
    """Keras's relu with all its parameters, as the simplest op that does it. x and y of any shape."""
    if max_value is None and threshold == 0:
        if negative_slope == 0:
            return activation(x, "relu")
        return activation(x, "leaky_relu", a=negative_slope)
    largest = inf if max_value is None else max_value
    return activation(x, "relu", a=negative_slope, b=largest, c=threshold)
