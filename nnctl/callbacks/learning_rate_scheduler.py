"""A learning rate that follows a schedule by epochs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import EpochStarted, Event, Request, SetLearningRate
from nnctl.schedules.by_epoch import ByEpoch


@register
class LearningRateScheduler(CallbackSpec):
    """Set the learning rate at the start of each epoch to the schedule's value for that epoch.

    Where Keras takes a function of the epoch, this takes a table of the epochs, counted from 0, from which on
    a rate holds; or a schedule, whose steps it reads as epochs.
    Source: keras.callbacks.LearningRateScheduler.
    """

    sets_rate: ClassVar[Literal["schedule", "step"] | None] = "schedule"
    schedule: ByEpoch
    """A table such as `{0: 0.1, 10: 0.01}`, or a schedule's name or mapping."""
    verbose: Literal[0, 1] = 0
    """Accepted as in Keras; the log always says when the learning rate changes."""

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, EpochStarted):
            rate = self.schedule.at(event.epoch)
            yield SetLearningRate(float(rate), f"schedule, epoch {event.epoch + 1}")
