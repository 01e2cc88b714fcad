"""The Gaussian error linear unit."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import Range
from nnctl.ops.activation import activation
from nnctl.ops.base import Value


@register
class gelu(ActivationFunction):
    """y = x P(N(0, 1) <= x), exact by erf or approximated by tanh.

    Source: keras.activations.gelu (Hendrycks and Gimpel, 2016).
    """

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "Gelu")

    approximate: bool = False
    """Whether to use the tanh approximation."""

    def value_range(self, x: Range | None) -> Range | None:
        return -0.1701, inf

    def apply(self, x: Value) -> Value:
        return activation(x, "gelu_tanh" if self.approximate else "gelu")
