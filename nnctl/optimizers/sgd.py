"""Gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from nnctl.optimizers.base import FlatUpdate, register
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

    def step(self, flat: FlatUpdate) -> None:
        from nnctl.ops.optimizers import sgd

        m = flat.slots.get("momentum")
        decay = self.weight_decay or 0.0
        sgd(flat.weights, flat.gradients, flat.hyper, m, decay, self.momentum, self.nesterov)
