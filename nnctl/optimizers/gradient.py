"""What every optimizer here has: a learning rate, weight decay, and one way of clipping gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import NonNegativeFloat, PositiveFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.optimizers.base import FlatUpdate, OptimizerSpec
from nnctl.schedules.rate import LearningRate, rate_at


class GradientOptimizer(OptimizerSpec):
    """Clips the gradients, decays the weights, then steps; subclasses give the step.

    Source: keras.optimizers.Optimizer.
    """

    learning_rate: LearningRate = 0.001
    """The step size: a number or a schedule."""
    weight_decay: NonNegativeFloat | None = None
    """Each step first takes weight_decay * learning_rate * weight off every weight."""
    clipnorm: PositiveFloat | None = None
    """The largest norm of each weight's gradient; larger ones are scaled down."""
    clipvalue: PositiveFloat | None = None
    """The largest absolute value of a gradient's element; larger ones are cut."""
    global_clipnorm: PositiveFloat | None = None
    """The largest norm of all gradients together; larger ones are scaled down."""

    @model_validator(mode="after")
    def _one_clipping(self) -> Self:
        given = [n for n in ("clipnorm", "clipvalue", "global_clipnorm") if getattr(self, n) is not None]
        if len(given) > 1:
            raise PydanticCustomError(
                "clipping", "only one of {names} can be set", {"names": " and ".join(f"'{n}'" for n in given)}
            )
        return self

    def rate(self, step: int) -> float:
        return rate_at(self.learning_rate, step)

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        return (learning_rate,)

    def update(self, flat: FlatUpdate) -> None:
        from nnctl.ops.optimizers import clip_by_global_norm, clip_by_norm, clip_by_value

        if self.clipnorm is not None:
            clip_by_norm(flat.gradients, flat.starts, self.clipnorm)
        if self.global_clipnorm is not None:
            clip_by_global_norm(flat.gradients, self.global_clipnorm)
        if self.clipvalue is not None:
            clip_by_value(flat.gradients, self.clipvalue)
        self.step(flat)

    def step(self, flat: FlatUpdate) -> None:
        """Add the op that decays the weights and steps."""
        raise NotImplementedError
