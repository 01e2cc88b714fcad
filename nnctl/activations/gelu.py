"""The Gaussian error linear unit."""

from __future__ import annotations

from math import inf, pi
from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import Range
from nnctl.kernels.functions import erf, exp_negative, fma, tanh
from nnctl.ops.activation import Activation
from nnctl.ops.base import Value
from nnctl.ops.formula import Formula

SQRT_HALF = 0.5**0.5
INV_SQRT_TWO_PI = (2 * pi) ** -0.5
SQRT_TWO_OVER_PI = (2 / pi) ** 0.5
CUBE = 0.044715
THREE_CUBES = 3 * CUBE


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
        if self.approximate:
            return x.graph.add1(Activation(Formula(by_tanh), Formula(by_tanh_slope)), x)
        return x.graph.add1(Activation(Formula(by_erf), Formula(by_erf_slope), shares=True), x)


def by_erf(x: float) -> float:
    """x Phi(x)."""
    return 0.5 * x * (1 + erf(x * SQRT_HALF))


def by_erf_slope(x: float) -> float:
    """Phi(x) + x phi(x)."""
    phi = INV_SQRT_TWO_PI * exp_negative(-0.5 * x * x)
    return fma(x, phi, 0.5 * (1 + erf(x * SQRT_HALF)))


def by_tanh(x: float) -> float:
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    return 0.5 * x * (1 + tanh(SQRT_TWO_OVER_PI * fma(CUBE * x * x, x, x)))


def by_tanh_slope(x: float) -> float:
    """The derivative of `by_tanh`."""
    square = x * x
    y = tanh(SQRT_TWO_OVER_PI * fma(CUBE * square, x, x))
    inner = SQRT_TWO_OVER_PI * fma(THREE_CUBES, square, 1)
    return fma(0.5 * x * (1 - y * y), inner, 0.5 * (1 + y))
