"""Activations without parameters: one op each, applied elementwise.

Classes of this package are spelled as Keras spells the functions: what a config says is what is dumped.
"""

from __future__ import annotations

from typing import ClassVar

from nnctl.activations.base import ActivationFunction, register
from nnctl.ops.activation import activation
from nnctl.ops.base import Value


class Elementwise(ActivationFunction):
    """y = f(x) for each element; the op is called what the activation is called."""

    def apply(self, x: Value) -> Value:
        return activation(x, type(self).__name__)


@register
class sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)). Source: keras.activations.sigmoid."""


@register
class hard_sigmoid(Elementwise):
    """y = clip(x / 6 + 1/2, 0, 1). Source: keras.activations.hard_sigmoid."""


@register
class tanh(Elementwise):
    """y = tanh(x). Source: keras.activations.tanh."""


@register
class selu(Elementwise):
    """y = s x for x > 0, s a (exp(x) - 1) else. Source: keras.activations.selu (Klambauer et al., 2017)."""


@register
class softplus(Elementwise):
    """y = log(1 + exp(x)). Source: keras.activations.softplus."""


@register
class softsign(Elementwise):
    """y = x / (1 + |x|). Source: keras.activations.softsign."""


@register
class silu(Elementwise):
    """y = x sigmoid(x). Source: keras.activations.silu (also: swish)."""

    aliases: ClassVar[tuple[str, ...]] = ("swish",)


@register
class exponential(Elementwise):
    """y = exp(x). Source: keras.activations.exponential."""
