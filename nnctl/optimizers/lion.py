"""Lion: steps of one length, in the direction of the gradients' running mean."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from nnctl.kernels.functions import sign
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Lion(GradientOptimizer):
    """w -= learning_rate sign(beta_1 m + (1 - beta_1) g); then m = beta_2 m + (1 - beta_2) g.

    Source: keras.optimizers.Lion; Chen et al., "Symbolic discovery of optimization algorithms" (2023).
    """

    beta_1: float = Field(default=0.9, gt=0.0, le=1.0)
    """How much of the mean, and not of the gradient, makes a step's direction."""
    beta_2: float = Field(default=0.99, ge=0.0, le=1.0)
    """How much of the gradients' mean stays each step."""

    def slots(self) -> Mapping[str, float]:
        return {"momentum": 0.0}

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1, "new_2": 1.0 - self.beta_2}

    @staticmethod
    def after(
        w: float, g: float, m: float, rate: float, beta_1: float, new_1: float, beta_2: float, new_2: float
    ) -> tuple[float, float]:
        return w - rate * sign(m * beta_1 + g * new_1), m * beta_2 + g * new_2
