"""Reducing the learning rate when a number no longer improves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt

from nnctl.callbacks.base import register
from nnctl.callbacks.monitor import Monitor
from nnctl.core.events import EpochEnded, Event, Request, SetLearningRate


@register
class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` epochs.

    Source: keras.callbacks.ReduceLROnPlateau.
    """

    sets_rate: ClassVar[Literal["schedule", "step"] | None] = "step"
    factor: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """What the learning rate is multiplied by."""
    patience: NonNegativeInt = 10
    """Epochs without improvement after which it is reduced."""
    verbose: Literal[0, 1] = 0
    """Accepted as in Keras; the log always says when the learning rate changes."""
    min_delta: float = Field(default=1e-4, allow_inf_nan=False)
    """The smallest change that counts as an improvement."""
    cooldown: NonNegativeInt = 0
    """Epochs after a reduction in which nothing is counted."""
    min_lr: NonNegativeFloat = 0.0
    """The learning rate never falls below this."""

    def start(self) -> dict[str, Any]:
        return {"wait": 0, "best": None, "cooldown": 0}

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if not isinstance(event, EpochEnded):
            return
        current = event.logs.get(self.monitor)
        if current is None:
            return
        if state["cooldown"] > 0:
            state["cooldown"] -= 1
            state["wait"] = 0
        if self.improved(current, state["best"], self.min_delta):
            state |= {"best": float(current), "wait": 0}
        elif state["cooldown"] == 0:
            state["wait"] += 1
            rate = event.logs["learning_rate"]
            # The rate may be a float32: one that is `min_lr` already can be above it by rounding.
            if state["wait"] >= self.patience and np.float32(rate) > np.float32(self.min_lr):
                reason = f"{self.monitor} has not improved for {state['wait']} epochs"
                state |= {"cooldown": self.cooldown, "wait": 0}
                yield SetLearningRate(max(rate * self.factor, self.min_lr), reason)
