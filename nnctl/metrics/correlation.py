"""How y_pred goes with y_true, example by example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.losses.base import Target
from nnctl.metrics.base import register
from nnctl.metrics.mean import MeanMetric

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class Correlation(MeanMetric):
    """The mean over examples of how y_true and y_pred go together along an axis, or several."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    concordance: ClassVar[bool]
    """Whether means and variances must agree too."""

    axis: int | tuple[int, ...] = Field(default=-1)
    """The axis, or axes, along which they are compared; 0, the batch, is none of them."""

    def target(self, output: Shape) -> Target:
        self._axes(output)
        return Target("numbers", output)

    def _axes(self, output: Shape) -> list[int]:
        """The axes, the batch being 0, in order."""
        rank = len(output) + 1
        given = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        axes = sorted({axis + rank if axis < 0 else axis for axis in given})
        if not axes or axes[0] < 1 or axes[-1] >= rank or len(axes) < len(given):
            raise ShapeError(
                f"{self.log_name()} cannot compare along axis {self.axis} of an output of {show(output)}",
                field="axis",
                expected=f"axes from 1 to {rank - 1} (0 is the batch), each once" if output else None,
            )
        return axes

    def row_axes(self, output: Shape) -> int:
        return self._axes(output)[0] - 1

    def add(
        self,
        state: Mapping[str, Value],
        y_true: Value,
        y_pred: Value,
        weights: Value | None,
        mask: Value | None,
    ) -> None:
        from nnctl.losses.total import effective_weights
        from nnctl.ops.masks import stretched
        from nnctl.ops.metrics import accumulate_correlation
        from nnctl.ops.transpose import gather_axes

        axes, last = self._axes(y_pred.shape[1:]), len(y_pred.shape) - 1
        counted = None
        if mask is not None and axes[0] < len(mask.shape):
            # Masked numbers lie among those that are compared.
            counted, mask = stretched(mask, y_pred.shape), None
        y_true, y_pred = (gather_axes(y, axes, last) for y in (y_true, y_pred))
        counted = gather_axes(counted, axes, last) if counted is not None else None
        used = effective_weights(weights, mask)
        accumulate_correlation(state["mean"], y_true, y_pred, counted, len(axes), self.concordance, used)


@register
class PearsonCorrelation(Correlation):
    """The covariance of y_true and y_pred over the product of their standard deviations.

    NaN, as in Keras, where either of an example's is the same everywhere.
    Source: keras.metrics.PearsonCorrelation.
    """

    concordance: ClassVar[bool] = False


@register
class ConcordanceCorrelation(Correlation):
    """Twice the covariance over the variances' sum and the square of the means' distance.

    Source: keras.metrics.ConcordanceCorrelation (Lin, 1989).
    """

    concordance: ClassVar[bool] = True
