"""What every optimizer here has: a learning rate, weight decay, clipping, gathering, averages of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.optimizers.base import FlatUpdate, OptimizerSpec
from nnctl.optimizers.between import AVERAGE, GATHERED, averaged, gathered, mean_of_gathered
from nnctl.schedules.rate import LearningRate, rate_at

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.optimizers.in_keras import KeptWeight


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
    use_ema: bool = False
    """Whether a moving average of the weights is kept, which they become when training ends."""
    ema_momentum: float = Field(default=0.99, ge=0.0, le=1.0)
    """How much of that average stays each step."""
    ema_overwrite_frequency: PositiveInt | None = None
    """After how many steps the weights become their average also during training; null: never."""
    gradient_accumulation_steps: int | None = Field(default=None, ge=2)
    """Of how many batches the mean gradient makes one step; null: each batch makes one."""

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

    # What Keras's optimizer of this name keeps, where that is more or less than its slots.

    def keras_rounds(self) -> Sequence[Sequence[str]]:
        """The slots that Keras makes of each weight, weight by weight; then those of the next round."""
        return [list(self.slots())]

    def keras_slot(self, slot: str, of: KeptWeight) -> Array | None:
        """A slot of a weight as Keras keeps it; None where it keeps none."""
        return of.slots[slot]

    def keras_numbers(self, steps: int) -> Mapping[str, float]:
        """Numbers that Keras keeps besides, after so many steps."""
        return {}

    # Gathering and averaging, around what a subclass says.

    def all_slots(self) -> Mapping[str, float]:
        more = [AVERAGE] * self.use_ema + [GATHERED] * (self.gradient_accumulation_steps is not None)
        return {**self.slots(), **dict.fromkeys(more, 0.0)}

    def all_hyper(self, batch: int, learning_rate: float) -> Sequence[float]:
        steps = batch // (self.gradient_accumulation_steps or 1)
        numbers = [*self.hyper(steps, learning_rate)]
        if self.use_ema:
            often = self.ema_overwrite_frequency
            overwrite = often is not None and (steps + 1) % often == 0
            numbers += [self.ema_momentum if steps else 0.0, float(overwrite)]
        return numbers

    def steps_after(self, batch: int) -> bool:
        return (batch + 1) % (self.gradient_accumulation_steps or 1) == 0

    @property
    def final_slot(self) -> str | None:
        return AVERAGE if self.use_ema else None

    def update(self, flat: FlatUpdate) -> None:
        if self.gradient_accumulation_steps is not None:
            self.one_pass(flat, mean_of_gathered, [flat.gradients, flat.slots[GATHERED]])
        self.clip(flat)
        self.step(flat)
        self._average(flat)

    def gather(self, flat: FlatUpdate) -> None:
        self.one_pass(flat, gathered, [flat.slots[GATHERED]])
        self._average(flat)

    def _average(self, flat: FlatUpdate) -> None:
        if self.use_ema:
            (count,) = flat.hyper.shape
            self.one_pass(flat, averaged, [flat.slots[AVERAGE]], (count - 2, count))

    def one_pass(
        self,
        flat: FlatUpdate,
        rule: Callable[..., Any],
        slots: Sequence[Any],
        hyper: tuple[int, int] = (0, 1),
        decay: float = 0.0,
        spans: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        """Add one pass of a formula over all weights, or only over the spans of some.

        It takes the step's numbers from hyper[0] to before hyper[1].
        """
        from nnctl.ops.formula import formula
        from nnctl.ops.optimizers import update

        known = {"decay": self.weight_decay or 0.0, **self.derived()}
        made = formula(rule, 2 + len(slots) + hyper[1] - hyper[0], self, known)
        update(flat.weights, flat.gradients, flat.hyper, slots, made, decay, hyper, spans)

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
        slots = [flat.slots[name] for name in self.slots()]
        decay = 0.0 if self.decays_itself else self.weight_decay or 0.0
        self.one_pass(flat, self.rule(), slots, (0, len(self.hyper(0, 0.0))), decay)
