"""Adadelta: steps as long as the last ones were, in units of the gradient's size."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, NonNegativeFloat

from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Adadelta(GradientOptimizer):
    """a, d: running means of g^2 and of step^2; step = g sqrt(d + epsilon) / sqrt(a + epsilon).

    w -= learning_rate step; 1.0 is the learning rate of the paper.
    Source: keras.optimizers.Adadelta; Zeiler (2012).
    """

    rho: float = Field(default=0.95, ge=0.0, le=1.0)
    """How much of both means stays each step."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero, and lets the first step be one."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["accumulated_grad", "accumulated_delta_var"], 0.0)

    def derived(self) -> Mapping[str, float]:
        return {"new": 1.0 - self.rho}

    @staticmethod
    def after(
        w: float, g: float, a: float, d: float, rate: float, rho: float, new: float, epsilon: float
    ) -> tuple[float, float, float]:
        square = rho * a + new * (g * g)
        step = sqrt(d + epsilon) * g / sqrt(square + epsilon)
        return w - rate * step, square, rho * d + new * (step * step)
