"""Settings of the training that undo each other."""

from __future__ import annotations

from collections.abc import Iterator

from nnctl.core.errors import Problem, warning
from nnctl.schedules.base import ScheduleSpec
from nnctl.warnings.base import Seen


def schedule_beside_another_rate(seen: Seen) -> Iterator[Problem]:
    """A schedule of the learning rate beside a callback that sets it: one of them is not followed."""
    training = seen.experiment.training
    rate = getattr(training.optimizer, "learning_rate", None)
    first = f"the optimizer's {type(rate).__name__}" if isinstance(rate, ScheduleSpec) else None
    scheduler = None
    for callback in training.callbacks:
        if callback.sets_rate == "schedule":
            scheduler = scheduler or type(callback).__name__
    for index, callback in enumerate(training.callbacks):
        if callback.sets_rate is None:
            continue
        name = type(callback).__name__
        if first is not None:
            when = "from its first epoch" if callback.sets_rate == "schedule" else "once it sets it"
            message = f"{name} sets the learning rate: {when}, {first} is no longer followed"
        elif scheduler is not None and callback.sets_rate == "step":
            message = f"{name} sets the learning rate, and {scheduler} sets it anew at the next epoch"
        else:
            continue
        yield warning(message, ("training", "callbacks", index), "one of the two")
