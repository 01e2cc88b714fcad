"""RMSprop and Adagrad: steps divided by the root of past squared gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, NonNegativeFloat

from nnctl.optimizers.base import FlatUpdate, register
from nnctl.optimizers.gradient import GradientOptimizer


@register
class RMSprop(GradientOptimizer):
    """v: running mean of g^2; w -= learning_rate g / sqrt(v + epsilon).

    Source: keras.optimizers.RMSprop; Hinton, "Neural networks for machine learning", lecture 6 (2012).
    """

    aliases: ClassVar[tuple[str, ...]] = ("rmsprop",)
    rho: float = Field(default=0.9, ge=0.0, le=1.0)
    """How much of the squared gradients' mean stays each step."""
    momentum: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much of the last step goes into the next."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""
    centered: bool = False
    """Divide by the gradients' estimated variance instead of their mean square."""

    def slots(self) -> Mapping[str, float]:
        names = ["velocity"]
        if self.momentum:
            names.append("momentum")
        if self.centered:
            names.append("average_gradient")
        return dict.fromkeys(names, 0.0)

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.optimizers import rmsprop

        v, m, a = (flat.slots.get(name) for name in ("velocity", "momentum", "average_gradient"))
        assert v is not None
        numbers = (self.weight_decay or 0.0, self.rho, self.momentum, self.epsilon)
        rmsprop(flat.weights, flat.gradients, flat.hyper, v, m, a, *numbers)


@register
class Adagrad(GradientOptimizer):
    """a: sum of g^2; w -= learning_rate g / sqrt(a + epsilon).

    Source: keras.optimizers.Adagrad; Duchi et al. (2011).
    """

    initial_accumulator_value: NonNegativeFloat = 0.1
    """What the sum starts from."""
    epsilon: NonNegativeFloat = 1e-7
    """Keeps the divisor away from zero."""

    def slots(self) -> Mapping[str, float]:
        return {"accumulator": self.initial_accumulator_value}

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.optimizers import adagrad

        total = flat.slots["accumulator"]
        decay = self.weight_decay or 0.0
        adagrad(flat.weights, flat.gradients, flat.hyper, total, decay, self.epsilon)
