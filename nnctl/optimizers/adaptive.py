"""RMSprop and Adagrad: steps divided by the root of past squared gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, NonNegativeFloat

from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class RMSprop(GradientOptimizer):
    """v: running mean of g^2; w -= learning_rate g / sqrt(v + epsilon).

    Source: keras.optimizers.RMSprop; Hinton, "Neural networks for machine learning", lecture 6 (2012).
    """

    aliases: ClassVar[tuple[str, ...]] = ("rmsprop",)
    rho: float = Field(default=0.9, ge=0.0, le=1.0)
    """How much of the squared gradients' mean stays each step."""
    momentum: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much of the last step goes into the next."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""
    centered: bool = False
    """Divide by the gradients' estimated variance instead of their mean square."""

    def slots(self) -> Mapping[str, float]:
        names = ["velocity"]
        if self.momentum:
            names.append("momentum")
        if self.centered:
            names.append("average_gradient")
        return dict.fromkeys(names, 0.0)

    def derived(self) -> Mapping[str, float]:
        return {"new": 1.0 - self.rho}

    def keras_rounds(self) -> Sequence[Sequence[str]]:
        return [[slot] for slot in self.slots()]

    def rule(self) -> Callable[..., Any]:
        if self.centered:
            return centered_moving if self.momentum else centered
        return moving if self.momentum else plain


def plain(
    w: float, g: float, v: float, rate: float, rho: float, new: float, epsilon: float
) -> tuple[float, float]:
    """Without momentum; `new` is 1 - rho."""
    square = rho * v + new * (g * g)
    return w - rate * g / sqrt(square + epsilon), square


def moving(
    w: float, g: float, v: float, m: float, rate: float,
    rho: float, new: float, momentum: float, epsilon: float,
) -> tuple[float, float, float]:  # fmt: skip
    """With momentum."""
    square = rho * v + new * (g * g)
    step = momentum * m + rate * g / sqrt(square + epsilon)
    return w - step, square, step


def centered(
    w: float, g: float, v: float, a: float, rate: float, rho: float, new: float, epsilon: float
) -> tuple[float, float, float]:
    """Divided by the variance; `a` is the mean gradient."""
    square = rho * v + new * (g * g)
    mean = rho * a + new * g
    return w - rate * g / sqrt(square - mean * mean + epsilon), square, mean


def centered_moving(
    w: float, g: float, v: float, m: float, a: float, rate: float,
    rho: float, new: float, momentum: float, epsilon: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Divided by the variance, with momentum."""
    square = rho * v + new * (g * g)
    mean = rho * a + new * g
    step = momentum * m + rate * g / sqrt(square - mean * mean + epsilon)
    return w - step, square, step, mean


@register
class Adagrad(GradientOptimizer):
    """a: sum of g^2; w -= learning_rate g / sqrt(a + epsilon).

    Source: keras.optimizers.Adagrad; Duchi et al. (2011).
    """

    initial_accumulator_value: NonNegativeFloat = 0.1
    """What the sum starts from."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""

    def slots(self) -> Mapping[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    @staticmethod
    def after(w: float, g: float, total: float, rate: float, epsilon: float) -> tuple[float, float]:
        square = total + g * g
        return w - rate * g / sqrt(square + epsilon), square
