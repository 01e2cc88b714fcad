"""Lamb: Adam's direction, as long a step for each weight as its norm allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field, PositiveFloat

from nnctl.core.real import power_int
from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import FlatUpdate, register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class Lamb(GradientOptimizer):
    """u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon); w -= learning_rate |w| / |u| u.

    m, v: running means of g and g^2. The norms are those of each weight by itself; where one is 0, w -=
    learning_rate u.
    Source: keras.optimizers.Lamb; You et al. (2019).
    """

    beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """How much of the gradients' mean stays each step."""
    beta_2: float = Field(default=0.999, ge=0.0, lt=1.0)
    """How much of the squared gradients' mean stays each step."""
    epsilon: PositiveFloat = 1e-7
    """Keeps the divisor away from zero, also where there is no gradient."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["momentum", "velocity"], 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        known_1, known_2 = (1.0 - power_int(beta, step + 1) for beta in (self.beta_1, self.beta_2))
        return (learning_rate, known_1, known_2)

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1, "new_2": 1.0 - self.beta_2}

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.optimizers import trust_ratio_step

        # The direction takes the gradient's place: the formula's first slot.
        slots = [flat.gradients, flat.slots["momentum"], flat.slots["velocity"]]
        self.one_pass(flat, self.after, slots, (0, 3), self.weight_decay or 0.0)
        trust_ratio_step(flat.weights, flat.gradients, flat.hyper, flat.starts)

    @staticmethod
    def after(
        w: float, g: float, u: float, m: float, v: float, rate: float, known_1: float, known_2: float,
        new_1: float, new_2: float, epsilon: float,
    ) -> tuple[float, float, float, float]:  # fmt: skip
        """The weight as it is, and the direction."""
        mean = m + (g - m) * new_1
        square = v + (g * g - v) * new_2
        return w, mean / known_1 / (sqrt(square / known_2) + epsilon), mean, square
