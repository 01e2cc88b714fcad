"""Learning rates that change at given steps."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import Self

from pydantic import Field, NonNegativeFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.schedules.base import ScheduleSpec, register


@register
class PiecewiseConstantDecay(ScheduleSpec):
    """values[0] up to and with step boundaries[0], values[1] up to boundaries[1], ...

    Source: keras.optimizers.schedules.PiecewiseConstantDecay.
    """

    boundaries: list[float] = Field(min_length=1)
    """The last step of each value but the last, rising."""
    values: list[NonNegativeFloat]
    """The learning rates, one more than there are boundaries."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.values) != len(self.boundaries) + 1:
            raise PydanticCustomError(
                "lengths",
                "'values' needs one entry more than 'boundaries' ({boundaries}), but has {values}",
                {"boundaries": len(self.boundaries), "values": len(self.values)},
            )
        if any(a >= b for a, b in pairwise(self.boundaries)):
            raise PydanticCustomError("order", "'boundaries' must rise")
        return self

    def at(self, step: int) -> float:
        return self.values[bisect_left(self.boundaries, step)]
