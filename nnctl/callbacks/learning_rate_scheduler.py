"""A learning rate that follows a schedule by epochs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import EpochStarted, Event, Request, SetLearningRate
from nnctl.schedules.base import Schedule


@register
class LearningRateScheduler(CallbackSpec):
    """Set the learning rate at the start of each epoch to the schedule's value for that epoch.

    Where Keras takes a function of the epoch, this takes a schedule and reads its steps as epochs, counted
    from 0. Source: keras.callbacks.LearningRateScheduler.
    """

    sets_rate: ClassVar[Literal["schedule", "step"] | None] = "schedule"
    schedule: Schedule
    """A schedule's name or mapping."""
    verbose: Literal[0, 1] = 0
    """Accepted as in Keras; the log always says when the learning rate changes."""

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, EpochStarted):
            rate = self.schedule.at(event.epoch)
            yield SetLearningRate(float(rate), f"schedule, epoch {event.epoch + 1}")
