"""The identity."""

from __future__ import annotations

from nnctl.activations.base import ActivationFunction, register
from nnctl.ops.base import Value


@register
class linear(ActivationFunction):
    """y = x. Source: keras.activations.linear."""

    def apply(self, x: Value) -> Value:
        return x
