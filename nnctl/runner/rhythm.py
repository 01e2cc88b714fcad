"""When a checkpoint is due: after steps, after epochs, or as often as costs little.

Which checkpoints there are may depend on the time. What a run comes to does not: from whichever checkpoint it
goes on, it repeats the same steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

Every = Literal["auto", "epoch"] | int

SHARE = 0.02
"""Of the time, `auto` spends no more than this on checkpoints."""

LEAST_WAIT = 1.0
"""Seconds that `auto` lets pass after a checkpoint at the least."""

_SPEED = 100e6
"""Bytes a second that a disk is thought to write before the first checkpoint tells."""


class Rhythm:
    """The times of one run's checkpoints.

    Args:
        every: A number of steps, `epoch`, or `auto`. Steps come besides the epochs.
        nbytes: The size of a checkpoint.
        clock: Seconds, from any moment.
    """

    def __init__(self, every: Every, nbytes: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.every = every
        self.clock = clock
        self._last = clock()
        self._wait = _after(nbytes / _SPEED)

    def after_step(self, step: int) -> bool:
        """Whether one is due when `step` updates were made and the epoch goes on."""
        if isinstance(self.every, int):
            return step % self.every == 0
        return self.every == "auto" and self._time_has_come()

    def after_epoch(self) -> bool:
        """Whether one is due at the end of an epoch."""
        return self.every != "auto" or self._time_has_come()

    def committed(self, began: float) -> None:
        """One was committed, whoever asked for it; `began` is when that began."""
        self._last = self.clock()
        self._wait = _after(self._last - began)

    def _time_has_come(self) -> bool:
        return self.clock() - self._last >= self._wait


def _after(cost: float) -> float:
    """How long training goes on after a checkpoint that took `cost` seconds."""
    return max(LEAST_WAIT, cost * (1 - SHARE) / SHARE)
