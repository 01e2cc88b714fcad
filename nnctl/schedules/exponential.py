"""Learning rates that fall by a factor, or by an inverse, of the time."""

from __future__ import annotations

import math

from pydantic import NonNegativeFloat, PositiveInt

from nnctl.core.real import power
from nnctl.schedules.base import ScheduleSpec, register


class _Decay(ScheduleSpec):
    """What both decays have; p = step / decay_steps."""

    initial_learning_rate: NonNegativeFloat
    """The learning rate of the first step."""
    decay_steps: PositiveInt
    """After how many steps the decay has happened once."""
    decay_rate: NonNegativeFloat
    """How strong the decay is."""
    staircase: bool = False
    """Decay at whole multiples of `decay_steps` only."""

    def fraction(self, step: int) -> float:
        """p: how often the decay has happened by `step`."""
        return float(step // self.decay_steps) if self.staircase else step / self.decay_steps


@register
class ExponentialDecay(_Decay):
    """initial_learning_rate * decay_rate^p. Source: keras.optimizers.schedules.ExponentialDecay."""

    def at(self, step: int) -> float:
        return self.initial_learning_rate * power(self.decay_rate, self.fraction(step))


@register
class InverseTimeDecay(_Decay):
    """initial_learning_rate / (1 + decay_rate p). Source: keras.optimizers.schedules.InverseTimeDecay."""

    def at(self, step: int) -> float:
        return self.initial_learning_rate / (1.0 + self.decay_rate * self.fraction(step))


@register
class PolynomialDecay(ScheduleSpec):
    """From the initial to the end rate by (1 - p)^power.

    Source: keras.optimizers.schedules.PolynomialDecay.
    """

    initial_learning_rate: NonNegativeFloat
    """The learning rate of the first step."""
    decay_steps: PositiveInt
    """When the end rate is reached."""
    end_learning_rate: NonNegativeFloat = 0.0001
    """The learning rate from then on."""
    power: NonNegativeFloat = 1.0
    """The exponent; 1 is a straight line."""
    cycle: bool = False
    """Instead of staying at the end rate, stretch `decay_steps` to the next multiple beyond the step."""

    def at(self, step: int) -> float:
        steps = self.decay_steps
        if self.cycle:
            steps *= math.ceil(step / self.decay_steps) if step else 1
        else:
            step = min(step, steps)
        span = self.initial_learning_rate - self.end_learning_rate
        return span * power(1.0 - step / steps, self.power) + self.end_learning_rate
