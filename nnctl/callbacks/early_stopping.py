"""Stopping when a number no longer improves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, NonNegativeInt

from nnctl.callbacks.base import register
from nnctl.callbacks.monitor import Monitor
from nnctl.core.events import (
    EpochEnded,
    Event,
    KeepWeights,
    Request,
    RestoreWeights,
    RunEnded,
    Stop,
)


@register
class EarlyStopping(Monitor):
    """Stop training when `monitor` has not improved for `patience` epochs.

    Source: keras.callbacks.EarlyStopping.
    """

    min_delta: float = Field(default=0.0, allow_inf_nan=False)
    """The smallest change that counts as an improvement."""
    patience: NonNegativeInt = 0
    """Epochs without improvement after which training stops."""
    verbose: Literal[0, 1] = 0
    """Accepted as in Keras; the log always says why training stopped."""
    baseline: float | None = None
    """The value to beat: epochs that do not beat it count as no improvement."""
    restore_best_weights: bool = False
    """Whether the weights of the best epoch come back at the end, also if no stop happened."""
    start_from_epoch: NonNegativeInt = 0
    """Epochs, counted from 0, before which nothing is watched."""

    def start(self) -> dict[str, Any]:
        return {"wait": 0, "best": None, "best_epoch": 0, "kept": False}

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, EpochEnded):
            yield from self._watch(event, state)
        elif isinstance(event, RunEnded) and state["kept"]:
            # Not before: a checkpoint in between would say that it was done and hold the other weights.
            yield RestoreWeights(self.slot())

    def slot(self) -> str:
        """Where its best weights are kept; two callbacks share it only if they are configured alike."""
        config = json.dumps(self.config(), sort_keys=True)
        return f"early_stopping-{hashlib.sha256(config.encode()).hexdigest()[:8]}"

    def _watch(self, event: EpochEnded, state: dict[str, Any]) -> Iterable[Request]:
        current = event.logs.get(self.monitor)
        if current is None or event.epoch < self.start_from_epoch:
            return
        improved = self.improved(current, state["best"], self.min_delta)
        if self.restore_best_weights and (improved or not state["kept"]):
            state |= {"kept": True, "best_epoch": event.epoch}
            yield KeepWeights(self.slot())
        state["wait"] += 1
        if improved:
            state |= {"best": float(current), "best_epoch": event.epoch}
            # Only what beats the baseline too starts the wait anew.
            if self.baseline is None or self.improved(current, self.baseline, self.min_delta):
                state["wait"] = 0
        elif state["wait"] >= self.patience:
            yield Stop(f"{self.monitor} has not improved for {state['wait']} epochs")
