"""LogCosh as a metric, under the name that Keras has for it."""

from __future__ import annotations

from typing import ClassVar

from nnctl.losses.base import LossSpec
from nnctl.losses.log_cosh import LogCosh
from nnctl.metrics.base import register
from nnctl.metrics.of_losses import LossMetric


@register
class LogCoshError(LossMetric):
    """mean(log(cosh(y_pred - y_true))). Source: keras.metrics.LogCoshError."""

    aliases: ClassVar[tuple[str, ...]] = ("logcosh", "log_cosh", "LogCosh")
    loss_class: ClassVar[type[LossSpec]] = LogCosh

    def log_name(self) -> str:
        return self.name or "logcosh"
