"""What a metric is: a float64 state, an op that adds a batch to it, and the number it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, Range
from nnctl.core.registry import Registry, snake_case
from nnctl.core.shapes import Shape
from nnctl.core.spec import OneOf, Spec
from nnctl.losses.base import LossSpec, Target

if TYPE_CHECKING:
    from nnctl.ops.base import Value

metrics: Registry[MetricSpec] = Registry("metric", "nnctl.metrics", made_in="of_losses")
register = metrics.register


class MetricSpec(Spec):
    """A metric's parameters and meaning. Source: keras.metrics."""

    better: ClassVar[Literal["min", "max"] | None] = None
    """Whether less or more of it is better (for callbacks with `mode: auto`); None where nobody can tell."""

    name: str | None = None
    """The name in logs; default: Keras's (`accuracy` stays `accuracy` whatever it resolves to)."""

    of_classes: ClassVar[bool] = False
    """Whether it counts right and wrong classes: targets are 0 and 1, or class numbers."""

    reads_target: ClassVar[bool] = True
    """Whether it looks at y_true at all."""

    def resolve(self, target: Target, output: Shape) -> MetricSpec:
        """The metric to use for this target and output (Keras resolves `accuracy` so); default: itself.

        Raises:
            ShapeError: it does not fit the output, or reads another target.
        """
        agree(self, target, output)
        return self

    def beside(self, loss: LossSpec) -> MetricSpec:
        """The metric to use for an output that has this loss; default: itself."""
        return self

    def of_shares(self) -> MetricSpec | None:
        """As `LossSpec.of_shares`; None: it reads the class that has the largest share."""
        return None

    def power_of_unit(self) -> int | None:
        """As `LossSpec.power_of_unit`."""
        return None

    def log_name(self) -> str:
        """What the logs call it."""
        return self.name or snake_case(type(self).__name__)

    def target(self, output: Shape) -> Target:
        """What y_true must be for a model output of this shape. Raises ShapeError where it does not fit."""
        raise NotImplementedError

    @property
    def reads_logits(self) -> bool:
        """Whether y_pred is read as logits, which a softmax or sigmoid is still to be applied to."""
        return bool(getattr(self, "from_logits", False))

    def reads(self) -> Range:
        """Between what y_pred must lie to mean anything to this metric."""
        return ANY

    def row_axes(self, output: Shape) -> int:
        """As `LossSpec.row_axes`: how many axes of an output may have a weight at each place."""
        return max(0, len(output) - 1)

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        """The float64 arrays it accumulates in, by name, with their shapes, for a model output of this shape.

        All zero at an epoch's start.
        """
        raise NotImplementedError

    def parts(self, output: Shape) -> tuple[str, ...]:
        """What the names of its results end in, where it has several; () for one under its own name."""
        return ()

    def add(
        self,
        state: Mapping[str, Value],
        y_true: Value,
        y_pred: Value,
        weights: Value | None,
        mask: Value | None,
    ) -> None:
        """Add one batch to `state`: `update` with sample weights and y_pred's mask, both (N, ...), as one."""
        from nnctl.losses.total import effective_weights

        self.update(state, y_true, y_pred, effective_weights(weights, mask))

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        """Add an op that adds one batch to `state`. `weights` (N, ...): sample weights and mask."""
        raise NotImplementedError

    def result(self, state: Mapping[str, np.ndarray[Any, Any]]) -> float:
        """The metric's value; 0.0 for an empty state, as Keras."""
        raise NotImplementedError

    def results(self, state: Mapping[str, np.ndarray[Any, Any]]) -> Sequence[float]:
        """All its values, as many as `parts`; by default the one."""
        return [self.result(state)]


def agree(metric: MetricSpec, given: Target, output: Shape) -> None:
    """Raise ShapeError where a metric cannot read the target that the loss of an output has."""
    wanted = metric.target(output)
    if not metric.reads_target or (wanted.kind == "classes") == (given.kind == "classes"):
        return
    has = {"classes": "class numbers", "onehot": "one-hot targets", "numbers": "numbers"}
    raise ShapeError(
        f"{metric.log_name()} reads {has[wanted.kind]}, "
        f"but this output's loss makes the targets {has[given.kind]}",
        expected=f"a metric for {has[given.kind]}",
    )


class _NamedAsWritten(OneOf):
    """A metric given by a bare name keeps that name in the logs, as in Keras: `mse` is logged as `mse`."""

    def resolve(self, value: Any) -> Spec:
        resolved = super().resolve(value)
        if isinstance(value, str) and isinstance(resolved, MetricSpec):
            return resolved.model_copy(update={"name": value})
        return resolved


Metric = Annotated[Any, _NamedAsWritten(metrics)]
"""A field that takes a metric's name or a mapping with `type`."""
