"""Every loss as a metric: its mean over the examples seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import create_model

from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target, losses
from nnctl.metrics.base import MetricSpec, metrics, register
from nnctl.metrics.mean import MeanMetric

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class LossMetric(MeanMetric):
    """A loss, averaged over the examples seen. Source: keras.metrics.MeanMetricWrapper."""

    loss_class: ClassVar[type[LossSpec]]
    better: ClassVar[Literal["min", "max"] | None] = "min"

    def power_of_unit(self) -> int | None:
        return self.loss_class.power_of_unit

    def loss(self) -> LossSpec:
        """The loss with this metric's parameters."""
        fields = {key: getattr(self, key) for key in type(self).model_fields if key != "name"}
        return self.loss_class(**fields)

    def of_shares(self) -> MetricSpec | None:
        loss = self.loss().of_shares()
        cls = metrics.get(type(loss).__name__)
        if loss is None or cls is None:
            return None
        return cls(**{field: getattr(loss, field) for field in cls.model_fields if field != "name"})

    def target(self, output: Shape) -> Target:
        return self.loss().target(output)

    def row_axes(self, output: Shape) -> int:
        return self.loss().row_axes(output)

    def reads(self) -> Range:
        return self.loss().reads()

    @property
    def reads_logits(self) -> bool:
        return self.loss().reads_logits

    def beside(self, loss: LossSpec) -> MetricSpec:
        """What the loss ignores, the metric ignores as well, if it names no class itself: else it is NaN."""
        ignored = getattr(loss, "ignore_class", None)
        if ignored is None or getattr(self, "ignore_class", ignored) is not None:
            return self
        return self.model_copy(update={"ignore_class": ignored})

    def add(
        self,
        state: Mapping[str, Value],
        y_true: Value,
        y_pred: Value,
        weights: Value | None,
        mask: Value | None,
    ) -> None:
        from nnctl.losses.total import by_example, effective_weights
        from nnctl.ops.metrics import accumulate_rows

        rows, mask = self.loss().masked_rows(y_true, y_pred, mask)
        used = effective_weights(weights, mask)
        accumulate_rows(state["mean"], by_example(rows, used), used)


def metric_of(loss: type[LossSpec]) -> type[MetricSpec] | None:
    """Register a loss as a metric: its name, words and fields, without those that it has for itself.

    None for a loss whose metric is a class of its own.
    """
    if loss.has_own_metric:
        return None
    fields: dict[str, Any] = {
        key: (info.annotation, info)
        for key, info in loss.model_fields.items()
        if key not in loss.not_of_metric
    }
    made = create_model(
        loss.__name__, __base__=LossMetric, __module__=__name__, __doc__=loss.__doc__, **fields
    )
    made.loss_class = loss
    made.documented_by = loss
    made.aliases = getattr(loss, "aliases", ())  # type: ignore[attr-defined]
    return register(made)


metrics.make_of(losses, metric_of)
