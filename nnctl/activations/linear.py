"""The identity."""

from __future__ import annotations

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import Range
from nnctl.ops.base import Value


@register
class linear(ActivationFunction):
    """y = x. Source: keras.activations.linear."""

    def value_range(self, x: Range | None) -> Range | None:
        return x

    def apply(self, x: Value) -> Value:
        return x
