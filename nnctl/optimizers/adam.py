"""Adam and AdamW: steps scaled by running means of the gradient and its square."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, NonNegativeFloat

from nnctl.core.real import power_int
from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Adam(GradientOptimizer):
    """m, v: running means of g and g^2; w -= rate_t m / (sqrt(v) + epsilon).

    rate_t = learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) takes the zeros m and v start from out again.
    Source: keras.optimizers.Adam; Kingma & Ba, "Adam" (2014).
    """

    beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """How much of the gradients' mean stays each step."""
    beta_2: float = Field(default=0.999, ge=0.0, lt=1.0)
    """How much of the squared gradients' mean stays each step."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""
    amsgrad: bool = False
    """Divide by the largest mean of squares so far. Source: Reddi et al. (2018)."""

    def slots(self) -> Mapping[str, float]:
        names = ["momentum", "velocity", *(["velocity_hat"] if self.amsgrad else [])]
        return dict.fromkeys(names, 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        power_1 = power_int(self.beta_1, step + 1)
        power_2 = power_int(self.beta_2, step + 1)
        return (learning_rate, learning_rate * math.sqrt(1.0 - power_2) / (1.0 - power_1))

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1, "new_2": 1.0 - self.beta_2}

    def keras_rounds(self) -> Sequence[Sequence[str]]:
        return [["momentum", "velocity"], ["velocity_hat"] * self.amsgrad]

    def rule(self) -> Callable[..., Any]:
        return with_largest if self.amsgrad else after


def after(
    w: float, g: float, m: float, v: float, rate: float, alpha: float,
    new_1: float, new_2: float, epsilon: float,
) -> tuple[float, float, float]:  # fmt: skip
    """The plain step; new_1 and new_2 are 1 - beta_1 and 1 - beta_2."""
    mean = m + (g - m) * new_1
    square = v + (g * g - v) * new_2
    return w - mean * alpha / (sqrt(square) + epsilon), mean, square


def with_largest(
    w: float, g: float, m: float, v: float, top: float, rate: float, alpha: float,
    new_1: float, new_2: float, epsilon: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """AMSGrad: the largest v so far divides."""
    mean = m + (g - m) * new_1
    square = v + (g * g - v) * new_2
    largest = square if square > top else top
    return w - mean * alpha / (sqrt(largest) + epsilon), mean, square, largest


@register
class AdamW(Adam):
    """Adam with weight decay apart from the gradient.

    Source: keras.optimizers.AdamW; Loshchilov & Hutter (2017).
    """

    aliases: ClassVar[tuple[str, ...]] = ("adamw",)
    weight_decay: NonNegativeFloat = 0.004
    """Each step first takes weight_decay * learning_rate * weight off every weight."""
