"""Follow the regularized leader: weights anew at each step from all gradients so far."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, NonNegativeFloat

from nnctl.kernels.functions import power
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Ftrl(GradientOptimizer):
    """n: sum of g^2; z += g + 2 shrinkage w - (n^p - n_before^p) / learning_rate w, p = -learning_rate_power.

    w = (z cut to [-l1, l1] - z) / (n^p / learning_rate + 2 l2 + beta / learning_rate): a weight whose z is
    within is 0. What the weights were before the first step has no part in it.
    Source: keras.optimizers.Ftrl; McMahan et al. (2013).
    """

    learning_rate_power: float = Field(default=-0.5, le=0.0)
    """How the step size falls with the gradients' sum of squares; 0: not at all."""
    initial_accumulator_value: NonNegativeFloat = 0.1
    """What the sum of squares starts from."""
    l1_regularization_strength: NonNegativeFloat = 0.0
    """How large z must be for a weight not to be 0."""
    l2_regularization_strength: NonNegativeFloat = 0.0
    """How much large weights are held back."""
    l2_shrinkage_regularization_strength: NonNegativeFloat = 0.0
    """How much each step's gradient is made larger in the weight's direction."""
    beta: NonNegativeFloat = 0.0
    """How much large weights are held back, in units of 1 / learning_rate."""

    def slots(self) -> Mapping[str, float]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}

    def derived(self) -> Mapping[str, float]:
        return {
            "p": -self.learning_rate_power,
            "l1": self.l1_regularization_strength,
            "l2": self.l2_regularization_strength,
            "shrinkage": self.l2_shrinkage_regularization_strength,
        }

    @staticmethod
    def after(
        w: float, g: float, n: float, z: float, rate: float,
        p: float, l1: float, l2: float, shrinkage: float, beta: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        squares = n + g * g
        grown = power(squares, p)
        leader = z + ((g + 2 * shrinkage * w) - (grown - power(n, p)) / rate * w)
        held = grown / rate + 2 * (l2 + beta / (2 * rate))
        cut = max(-l1, min(leader, l1)) - leader
        return 0 if held == 0 else cut / held, squares, leader
