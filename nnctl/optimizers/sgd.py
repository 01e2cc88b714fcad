"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from nnctl.optimizers.base import register
from nnctl.optimizers.gradient import GradientOptimizer
from nnctl.schedules.rate import LearningRate


@register
class SGD(GradientOptimizer):
    """v = momentum v - learning_rate g; w += v (Nesterov: w += momentum v - learning_rate g).

    Source: keras.optimizers.SGD.
    """

    learning_rate: LearningRate = 0.01
    """The step size: a number or a schedule."""
    momentum: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much of the last step goes into the next; 0: plain gradient descent."""
    nesterov: bool = False
    """Look ahead along the momentum."""

    def slots(self) -> Mapping[str, float]:
        return {"momentum": 0.0} if self.momentum else {}

    def rule(self) -> Callable[..., Any]:
        if not self.momentum:
            return plain
        return ahead if self.nesterov else moving


def plain(w: float, g: float, rate: float) -> float:
    """Without momentum."""
    return w - g * rate


def moving(w: float, g: float, m: float, rate: float, momentum: float) -> tuple[float, float]:
    """With momentum."""
    speed = m * momentum - g * rate
    return w + speed, speed


def ahead(w: float, g: float, m: float, rate: float, momentum: float) -> tuple[float, float]:
    """With Nesterov's momentum."""
    step = g * rate
    speed = m * momentum - step
    return w + (speed * momentum - step), speed
