"""What every optimizer here has: a learning rate, weight decay, and one way of clipping gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import NonNegativeFloat, PositiveFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.optimizers.base import FlatUpdate, OptimizerSpec
from nnctl.schedules.rate import LearningRate, rate_at


class GradientOptimizer(OptimizerSpec):
    """Clips the gradients, decays the weights, then steps.

    A subclass gives the step as a static method `after` that is a formula
    (`nnctl/kernels/formula_text.py`): a weight and its slots after the step, from the weight, its gradient,
    its slots (as `slots` names them), the step's numbers (as `hyper` gives them, the learning rate first),
    and the fields that its arguments name.

    Source: keras.optimizers.Optimizer.
    """

    after: ClassVar[Any]
    decays_itself: ClassVar[bool] = False
    """Whether the formula takes care of the weight decay, which it takes as `decay`."""

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

    def rule(self) -> Callable[..., Any]:
        """The formula of a step with these fields; `after`, if one does for all."""
        after: Callable[..., Any] = self.after
        return after

    def derived(self) -> Mapping[str, float]:
        """Arguments of the formula that are no fields, by name."""
        return {}

    def update(self, flat: FlatUpdate) -> None:
        self.clip(flat)
        self.step(flat)

    def clip(self, flat: FlatUpdate) -> None:
        """Add the op that clips the gradients, if they are to be clipped."""
        from nnctl.ops.optimizers import clip_by_global_norm, clip_by_norm, clip_by_value

        if self.clipnorm is not None:
            clip_by_norm(flat.gradients, flat.starts, self.clipnorm)
        if self.global_clipnorm is not None:
            clip_by_global_norm(flat.gradients, self.global_clipnorm)
        if self.clipvalue is not None:
            clip_by_value(flat.gradients, self.clipvalue)

    def step(self, flat: FlatUpdate) -> None:
        """Add the ops of the step itself, weight decay included."""
        from nnctl.ops.formula import formula
        from nnctl.ops.optimizers import update

        slots = [flat.slots[name] for name in self.slots()]
        (steps,) = flat.hyper.shape
        decay = self.weight_decay or 0.0
        after = formula(self.rule(), 2 + len(slots) + steps, self, {"decay": decay, **self.derived()})
        decay = 0.0 if self.decays_itself else decay
        update(flat.weights, flat.gradients, flat.hyper, slots, after, decay)
