"""Activations without parameters: one op each, applied elementwise.

Classes of this package are spelled as Keras spells the functions: what a config says is what is dumped.
"""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.core.ranges import POSITIVE, UNIT, Range
from nnctl.ops.activation import activation
from nnctl.ops.base import Value


class Elementwise(ActivationFunction):
    """y = f(x) for each element; the op is called what the activation is called."""

    between: ClassVar[Range]
    """Between what f lies, whatever x is."""

    def value_range(self, x: Range | None) -> Range | None:
        return self.between

    def apply(self, x: Value) -> Value:
        return activation(x, type(self).__name__)


@register
class sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)). Source: keras.activations.sigmoid."""

    between: ClassVar[Range] = UNIT


@register
class hard_sigmoid(Elementwise):
    """y = clip(x / 6 + 1/2, 0, 1). Source: keras.activations.hard_sigmoid."""

    between: ClassVar[Range] = UNIT


@register
class tanh(Elementwise):
    """y = tanh(x). Source: keras.activations.tanh."""

    between: ClassVar[Range] = (-1.0, 1.0)


@register
class selu(Elementwise):
    """y = s x for x > 0, s a (exp(x) - 1) else. Source: keras.activations.selu (Klambauer et al., 2017)."""

    between: ClassVar[Range] = (-1.7581, inf)


@register
class softplus(Elementwise):
    """y = log(1 + exp(x)). Source: keras.activations.softplus."""

    between: ClassVar[Range] = POSITIVE


@register
class softsign(Elementwise):
    """y = x / (1 + |x|). Source: keras.activations.softsign."""

    between: ClassVar[Range] = (-1.0, 1.0)


@register
class silu(Elementwise):
    """y = x sigmoid(x). Source: keras.activations.silu (also: swish)."""

    aliases: ClassVar[tuple[str, ...]] = ("swish",)
    between: ClassVar[Range] = (-0.2785, inf)


@register
class exponential(Elementwise):
    """y = exp(x). Source: keras.activations.exponential."""

    between: ClassVar[Range] = POSITIVE
