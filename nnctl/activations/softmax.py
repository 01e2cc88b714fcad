"""Softmax as an activation."""

from __future__ import annotations

from nnctl.activations.base import ActivationFunction, register
from nnctl.ops import softmax as ops
from nnctl.ops.base import Value


@register
class softmax(ActivationFunction):
    """y = exp(x) / sum(exp(x)) over the last axis. Source: keras.activations.softmax."""

    def apply(self, x: Value) -> Value:
        return ops.softmax(x)
