"""What a schedule is: the learning rate as a function of the step."""

from __future__ import annotations

from typing import Annotated, Any

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

schedules: Registry[ScheduleSpec] = Registry("schedule", "nnctl.schedules")
register = schedules.register


class ScheduleSpec(Spec):
    """A schedule's parameters and meaning. Source: keras.optimizers.schedules."""

    def at(self, step: int) -> float:
        """The learning rate of the update number `step`, counted from 0."""
        raise NotImplementedError


Schedule = Annotated[Any, OneOf(schedules)]
"""A field that takes a schedule's name or a mapping with `type`."""
