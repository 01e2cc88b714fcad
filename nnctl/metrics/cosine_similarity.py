"""The cosine of the angle between prediction and target: as a metric, more is better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from nnctl.losses import cosine_similarity
from nnctl.losses.base import LossSpec
from nnctl.metrics.base import register
from nnctl.metrics.of_losses import LossMetric

if TYPE_CHECKING:
    from nnctl.core.arrays import Array


@register
class CosineSimilarity(LossMetric):
    """sum(y_true y_pred) / (|y_true| |y_pred|) along an axis: the loss of that name, without its minus.

    Source: keras.metrics.CosineSimilarity.
    """

    loss_class: ClassVar[type[LossSpec]] = cosine_similarity.CosineSimilarity
    better: ClassVar[Literal["min", "max"] | None] = "max"

    axis: int = -1
    """Along which the vectors lie; 0 would be the batch's own axis."""

    def result(self, state: Mapping[str, Array]) -> float:
        return -super().result(state)
