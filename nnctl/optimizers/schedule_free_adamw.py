"""Adam without a schedule: the weights are averages of the points that the steps go through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from nnctl.core.real import power_int
from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer
from nnctl.schedules.rate import LearningRate

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.optimizers.in_keras import KeptWeight


@register
class ScheduleFreeAdamW(GradientOptimizer):
    """z -= learning_rate g / (sqrt(v / (1 - beta_2^t)) + epsilon), v the running mean of g^2.

    x: the mean of all z so far. The weights are y = beta_1 x + (1 - beta_1) z, in training and in the model
    that comes out. z starts where the weights do.
    Source: keras.optimizers.ScheduleFreeAdamW; Defazio et al., "The road less scheduled" (2024).
    """

    decays_itself: ClassVar[bool] = True

    learning_rate: LearningRate = 0.0025
    """The step size: a number or a schedule."""
    beta_1: float = Field(default=0.9, gt=0.0, le=1.0)
    """How much of the mean x, and not of the last point z, is in the weights."""
    beta_2: float = Field(default=0.999, ge=0.0, lt=1.0)
    """How much of the squared gradients' mean stays each step."""
    epsilon: NonNegativeFloat = 1e-8
    """Keeps the divisor away from zero."""
    warmup_steps: NonNegativeInt = 0
    """Steps over which the learning rate grows to its full size; 0: none."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["momentum", "velocity"], 0.0)

    def keras_slot(self, slot: str, of: KeptWeight) -> Array | None:
        return of.values if slot == "momentum" and of.steps == 0 else of.slots[slot]

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        t = step + 1
        warm = min(t / self.warmup_steps, 1.0) if self.warmup_steps else 1.0
        first = 1.0 if step == 0 else 0.0
        return (learning_rate, learning_rate * warm, first, 1.0 / t, 1.0 - power_int(self.beta_2, t))

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1, "new_2": 1.0 - self.beta_2}

    @staticmethod
    def after(
        w: float, g: float, z: float, v: float,
        rate: float, warm: float, first: float, share: float, known: float,
        decay: float, beta_1: float, new_1: float, new_2: float, epsilon: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        before = w if first > 0 else z
        y = w - w * decay * rate
        square = v + (g * g - v) * new_2
        point = before - warm * g / (sqrt(square / known) + epsilon)
        mean = (1 - share) * ((y - new_1 * before) / beta_1) + share * point
        return new_1 * point + beta_1 * mean, point, square
