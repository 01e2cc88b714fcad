"""Learning rates that fall along half a cosine, with warm-up or restarts."""

from __future__ import annotations

import math

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from nnctl.core.real import cos_pi, log, power
from nnctl.schedules.base import ScheduleSpec, register


@register
class CosineDecay(ScheduleSpec):
    """A straight warm-up (where asked for), then half a cosine down to alpha times its top.

    Source: keras.optimizers.schedules.CosineDecay; Loshchilov & Hutter, "SGDR" (2016).
    """

    initial_learning_rate: NonNegativeFloat
    """The learning rate of the first step."""
    decay_steps: PositiveInt
    """How many steps the cosine takes, the warm-up not counted."""
    alpha: NonNegativeFloat = 0.0
    """The lowest rate, as a fraction of the highest."""
    warmup_target: NonNegativeFloat | None = None
    """Where the warm-up leads; without it there is none."""
    warmup_steps: NonNegativeInt = 0
    """How many steps the warm-up takes."""

    def at(self, step: int) -> float:
        if self.warmup_target is None:
            return self._decayed(self.initial_learning_rate, step)
        if step < self.warmup_steps:
            span = self.warmup_target - self.initial_learning_rate
            return span * (step / self.warmup_steps) + self.initial_learning_rate
        return self._decayed(self.warmup_target, step - self.warmup_steps)

    def _decayed(self, top: float, step: int) -> float:
        cosine = 0.5 * (1.0 + cos_pi(min(step, self.decay_steps) / self.decay_steps))
        return top * ((1.0 - self.alpha) * cosine + self.alpha)


@register
class CosineDecayRestarts(ScheduleSpec):
    """Half a cosine, again and again: each period t_mul as long and m_mul as high as the one before.

    Source: keras.optimizers.schedules.CosineDecayRestarts; Loshchilov & Hutter, "SGDR" (2016).
    """

    initial_learning_rate: NonNegativeFloat
    """The learning rate of the first step."""
    first_decay_steps: PositiveInt
    """How many steps the first period takes."""
    t_mul: float = Field(default=2.0, ge=1.0)
    """How much longer each period is than the one before."""
    m_mul: PositiveFloat = 1.0
    """How much higher each period starts than the one before."""
    alpha: NonNegativeFloat = 0.0
    """The lowest rate, as a fraction of the first."""

    def at(self, step: int) -> float:
        period, fraction = self._period(step)
        cosine = 0.5 * power(self.m_mul, float(period)) * (1.0 + cos_pi(fraction))
        return self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)

    def _period(self, step: int) -> tuple[int, float]:
        """Which period `step` falls in, and how much of it has passed."""
        done = step / self.first_decay_steps
        if self.t_mul == 1.0:
            return math.floor(done), done - math.floor(done)
        # Rounding may put a restart one period early or late: the start is checked against the step.
        period = max(0, math.floor(log(1.0 - done * (1.0 - self.t_mul)) / log(self.t_mul)))
        while self._start(period + 1) <= done:
            period += 1
        while self._start(period) > done:
            period -= 1
        return period, (done - self._start(period)) / power(self.t_mul, float(period))

    def _start(self, period: int) -> float:
        """Where a period starts, in units of the first one's length."""
        return (1.0 - power(self.t_mul, float(period))) / (1.0 - self.t_mul)
