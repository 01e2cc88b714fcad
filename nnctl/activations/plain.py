"""Activations without parameters.

Classes of this package are spelled as Keras spells the functions: what a config says is what is dumped.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import POSITIVE, UNIT, Range
from nnctl.kernels import functions
from nnctl.kernels.functions import exp, expm1, fma
from nnctl.kernels.functions import sigmoid as logistic
from nnctl.ops import activation as ops
from nnctl.ops.base import Value

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
SELU_BELOW = SELU_SCALE * SELU_ALPHA


@register
class sigmoid(ActivationFunction):
    """y = 1 / (1 + exp(-x)). Source: keras.activations.sigmoid."""

    def value_range(self, x: Range | None) -> Range | None:
        return UNIT

    def apply(self, x: Value) -> Value:
        return ops.sigmoid(x)


@register
class hard_sigmoid(Elementwise):
    """y = clip(x / 6 + 1/2, 0, 1). Source: keras.activations.hard_sigmoid."""

    between: ClassVar[Range] = UNIT

    @staticmethod
    def value(x: float) -> float:
        y = x / 6 + 0.5
        y = 0 if y < 0 else y
        return 1 if y > 1 else y

    @staticmethod
    def slope_by_output(y: float) -> float:
        return 1 / 6 if y > 0 and y < 1 else 0


@register
class legacy_hard_sigmoid(Elementwise):
    """y = clip(x / 5 + 1/2, 0, 1), what Keras 1 and 2 called hard_sigmoid. Source: keras.activations
    (2.x)."""

    not_in_exports: ClassVar[str | None] = "hard_sigmoid of Keras 3 has another slope"
    between: ClassVar[Range] = UNIT

    @staticmethod
    def value(x: float) -> float:
        y = 0.2 * x + 0.5
        y = 0 if y < 0 else y
        return 1 if y > 1 else y

    @staticmethod
    def slope_by_output(y: float) -> float:
        return 0.2 if y > 0 and y < 1 else 0


@register
class tanh(Elementwise):
    """y = tanh(x). Source: keras.activations.tanh."""

    between: ClassVar[Range] = (-1.0, 1.0)

    value = staticmethod(functions.tanh)

    @staticmethod
    def slope_by_output(y: float) -> float:
        return 1 - y * y


@register
class selu(Elementwise):
    """y = s x for x > 0, s a (exp(x) - 1) else. Source: keras.activations.selu (Klambauer et al., 2017)."""

    between: ClassVar[Range] = (-1.7581, inf)

    @staticmethod
    def value(x: float) -> float:
        return SELU_SCALE * x if x > 0 else SELU_BELOW * expm1(x)

    @staticmethod
    def slope_by_output(y: float) -> float:
        return SELU_SCALE if y > 0 else y + SELU_BELOW


@register
class softplus(Elementwise):
    """y = log(1 + exp(x)). Source: keras.activations.softplus."""

    between: ClassVar[Range] = POSITIVE

    value = staticmethod(functions.softplus)

    @staticmethod
    def slope_by_output(y: float) -> float:
        return -expm1(-y)


@register
class softsign(Elementwise):
    """y = x / (1 + |x|). Source: keras.activations.softsign."""

    between: ClassVar[Range] = (-1.0, 1.0)

    @staticmethod
    def value(x: float) -> float:
        return x / (1 + abs(x))

    @staticmethod
    def slope_by_output(y: float) -> float:
        root = 1 - abs(y)
        return root * root


@register
class silu(Elementwise):
    """y = x sigmoid(x). Source: keras.activations.silu (also: swish)."""

    aliases: ClassVar[tuple[str, ...]] = ("swish",)
    between: ClassVar[Range] = (-0.2785, inf)

    @staticmethod
    def value(x: float) -> float:
        return x * logistic(x)

    @staticmethod
    def slope(x: float) -> float:
        s = logistic(x)
        return s * fma(x, 1 - s, 1)


@register
class exponential(Elementwise):
    """y = exp(x). Source: keras.activations.exponential."""

    between: ClassVar[Range] = POSITIVE

    value = staticmethod(exp)

    @staticmethod
    def slope_by_output(y: float) -> float:
        return y
