"""Watching one number of the logs: which direction is better, and what counts as better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from nnctl.callbacks.base import CallbackSpec
from nnctl.core.errors import Problem, nearest

Direction = Literal["auto", "min", "max"]


class Monitor(CallbackSpec):
    """What the callbacks that watch a number share. Source: keras.src.callbacks.MonitorCallback."""

    monitor: str = "val_loss"
    """The number to watch, as the logs call it."""
    mode: Direction = "auto"
    """Whether it should fall (`min`) or rise (`max`); `auto` asks the metric."""

    def beside(self, better: Mapping[str, Literal["min", "max"]]) -> Self:
        if self.mode != "auto" or self.monitor not in better:
            return self
        return self.model_copy(update={"mode": better[self.monitor]})

    def monitors(self) -> str | None:
        return self.monitor

    def problems(self, log_names: Sequence[str]) -> list[Problem]:
        return monitor_problems(self.monitors(), self.mode, log_names)

    def improved(self, value: float, reference: float | None, min_delta: float = 0.0) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; anything beats None."""
        if reference is None:
            return True
        delta = abs(min_delta)
        if self.mode == "max":
            return value - delta > reference
        return value + delta < reference


def monitor_problems(monitor: str | None, mode: Direction, log_names: Sequence[str]) -> list[Problem]:
    """The monitored name must be in the logs, and its better direction known."""
    if monitor is None:
        return []
    if monitor not in log_names:
        hint = "; it needs a validation split" if monitor.startswith("val_") and _no_val(log_names) else ""
        names = ", ".join(log_names)
        return [
            Problem(
                f"there is no '{monitor}' to monitor{hint}",
                ("monitor",),
                expected=f"one of {names}",
                suggestion=nearest(monitor, log_names),
            )
        ]
    if mode == "auto":
        message = f"whether '{monitor}' should fall or rise cannot be told"
        return [Problem(message, ("mode",), expected="`mode: min` or `mode: max`")]
    return []


def _no_val(log_names: Sequence[str]) -> bool:
    return not any(name.startswith("val_") for name in log_names)
