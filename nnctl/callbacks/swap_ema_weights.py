"""Validation, and what is saved after epochs, with the average of the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from nnctl.callbacks.base import CallbackSpec, register
from nnctl.core.events import (
    EpochEnded,
    EpochStarted,
    Event,
    Request,
    UseAverage,
    Validated,
    ValidationStarted,
)


@register
class SwapEMAWeights(CallbackSpec):
    """Validate with the moving average of the weights that an optimizer with `use_ema: true` keeps.

    With `swap_on_epoch` the average stays in the model between two epochs: checkpoints that are made there,
    the best one among them, and what callbacks below this one keep are of the average. They resume exactly:
    the weights themselves are in the optimizer's `average` meanwhile. A run ends with the average anyway.
    Source: keras.callbacks.SwapEMAWeights.
    """

    needs_average: ClassVar[bool] = True
    swap_on_epoch: bool = False
    """Whether the average is in the model from each epoch's end to the next one's start, too."""

    def handle(self, event: Event, state: dict[str, Any]) -> Iterable[Request]:
        if isinstance(event, ValidationStarted) or (self.swap_on_epoch and isinstance(event, EpochEnded)):
            yield UseAverage(True)
        elif isinstance(event, Validated) or (self.swap_on_epoch and isinstance(event, EpochStarted)):
            yield UseAverage(False)
