"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field, NonNegativeFloat

from nnctl.core.real import power_int
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Adamax(GradientOptimizer):
    """m: running mean of g; u = max(beta_2 u, |g|); w -= learning_rate / (1 - beta_1^t) m / (u + epsilon).

    Source: keras.optimizers.Adamax; Kingma & Ba, "Adam" (2014).
    """

    beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """How much of the gradients' mean stays each step."""
    beta_2: float = Field(default=0.999, ge=0.0, le=1.0)
    """How much of the largest gradient stays each step."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["momentum", "norm"], 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        return (learning_rate, learning_rate / (1.0 - power_int(self.beta_1, step + 1)))

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1}

    @staticmethod
    def after(
        w: float, g: float, m: float, u: float, rate: float, alpha: float,
        new_1: float, beta_2: float, epsilon: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        mean = m + (g - m) * new_1
        largest = max(beta_2 * u, abs(g))
        return w - alpha * mean / (largest + epsilon), mean, largest
