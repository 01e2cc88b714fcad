"""Nadam: Adam that looks ahead along its momentum."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Mapping, Sequence

from pydantic import Field, NonNegativeFloat

from nnctl.core.real import power_int
from nnctl.kernels.functions import sqrt
from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer

_WARM = 1000
"""Steps from which on 1 - 0.96^t / 2 is 1."""


@functools.cache
def _shares() -> list[float]:
    """1 - 0.96^t / 2 for t = 0 ... _WARM: how much of beta_1 is used at step t."""
    powers = itertools.accumulate(itertools.repeat(0.96, _WARM), operator.mul, initial=1.0)
    return [1.0 - 0.5 * power for power in powers]


@functools.cache
def _products() -> list[float]:
    """The products of the shares of steps 1 to t, for t = 0 ... _WARM."""
    return list(itertools.accumulate(_shares()[1:], operator.mul, initial=1.0))


@register
class Nadam(GradientOptimizer):
    """m, v: running means of g and g^2; w -= learning_rate m' / (sqrt(v / (1 - beta_2^t)) + epsilon).

    m' = u_{t+1} m / (1 - U_{t+1}) + (1 - u_t) g / (1 - U_t), where u_t = beta_1 (1 - 0.96^t / 2) and U_t is
    the product of u_1 ... u_t.
    Source: keras.optimizers.Nadam; Dozat (2015).
    """

    beta_1: float = Field(default=0.9, ge=0.0, lt=1.0)
    """How much of the gradients' mean stays each step."""
    beta_2: float = Field(default=0.999, ge=0.0, lt=1.0)
    """How much of the squared gradients' mean stays each step."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""

    def slots(self) -> Mapping[str, float]:
        return dict.fromkeys(["momentum", "velocity"], 0.0)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        t, last = step + 1, _WARM
        now, ahead = (self.beta_1 * _shares()[min(i, last)] for i in (t, t + 1))
        product = power_int(self.beta_1, t) * _products()[min(t, last)]
        return (
            learning_rate,
            ahead / (1.0 - product * ahead),
            (1.0 - now) / (1.0 - product),
            1.0 - power_int(self.beta_2, t),
        )

    def keras_numbers(self, steps: int) -> Mapping[str, float]:
        return {"u_product": power_int(self.beta_1, steps) * _products()[min(steps, _WARM)]}

    def derived(self) -> Mapping[str, float]:
        return {"new_1": 1.0 - self.beta_1, "new_2": 1.0 - self.beta_2}

    @staticmethod
    def after(
        w: float, g: float, m: float, v: float,
        rate: float, of_mean: float, of_gradient: float, known: float,
        new_1: float, new_2: float, epsilon: float,
    ) -> tuple[float, float, float]:  # fmt: skip
        mean = m + (g - m) * new_1
        square = v + (g * g - v) * new_2
        step = of_mean * mean + of_gradient * g
        return w - step * rate / (sqrt(square / known) + epsilon), mean, square
