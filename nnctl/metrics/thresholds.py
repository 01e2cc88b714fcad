"""Counts of right and wrong positives and negatives, above and below any number of thresholds.

The state holds how much weight of positive and of negative examples falls between two thresholds; the
counts of each threshold follow from these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import isclose
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape
from nnctl.kernels.probability import EPSILON
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec

if TYPE_CHECKING:
    from nnctl.core.arrays import Array
    from nnctl.ops.base import Value

Part = Annotated[float, Field(ge=0.0, le=1.0)]
"""A number from 0 to 1."""


class Counts(NamedTuple):
    """At one threshold: weights of true and false positives, and of all that are positive or negative."""

    right: float
    wrong: float
    positives: float
    negatives: float

    @property
    def missed(self) -> float:
        """The weight of false negatives."""
        return self.positives - self.right

    @property
    def rest(self) -> float:
        """The weight of true negatives."""
        return self.negatives - self.wrong

    @property
    def precision(self) -> float:
        """The part of the predicted positives that is right."""
        return ratio(self.right, self.right + self.wrong)

    @property
    def recall(self) -> float:
        """The part of the positives that is found (sensitivity)."""
        return ratio(self.right, self.positives)

    @property
    def specificity(self) -> float:
        """The part of the negatives that is left alone."""
        return ratio(self.rest, self.negatives)


def ratio(part: float, whole: float) -> float:
    """part / whole; 0 for a whole of 0."""
    return part / whole if whole else 0.0


def evenly_spaced(count: int) -> tuple[float, ...]:
    """`count` thresholds from 0 to 1."""
    return tuple(i / (count - 1) for i in range(count))


def is_even(thresholds: Sequence[float]) -> bool:
    """Whether Keras takes ascending thresholds for evenly spaced from 0 to 1, and so counts by a product."""
    even = evenly_spaced(len(thresholds)) if len(thresholds) > 2 else ()
    return bool(even) and all(
        isclose(a, b, rel_tol=0.0, abs_tol=EPSILON + 1e-5 * b) for a, b in zip(thresholds, even, strict=True)
    )


class AtThresholds(MetricSpec):
    """What is made of counts; a subclass says the thresholds. The states are (thresholds + 1, labels)."""

    of_classes: ClassVar[bool] = True

    def cuts(self) -> tuple[float, ...]:
        """The thresholds, ascending: predictions above one are positive there."""
        raise NotImplementedError

    def labels(self, output: Shape) -> int:
        """How many labels are counted apart."""
        return 1

    def target(self, output: Shape) -> Target:
        self._fits(output, "class_id", "counts class {}", 0)
        self._fits(output, "top_k", "looks at the {} largest", 1)
        return Target("numbers", output, 2)

    def _fits(self, output: Shape, field: str, does: str, least: int) -> None:
        """Raise ShapeError where a field names more units than there are; null for none."""
        given = getattr(self, field, None)
        if given is None:
            return
        does = f"{self.log_name()} {does.format(given)}"
        if not output:
            raise ShapeError(f"{does}, and needs an output with units for it", field=field, expected="null")
        units = output[-1]
        if units is not None and given >= units + least:
            most = units - 1 + least
            message = f"{does} of {units} units" if least else f"{does}, but the output has {units} units"
            raise ShapeError(message, field=field, expected=f"at most {most}" if least else f"0 to {most}")

    def state(self, output: Shape) -> Mapping[str, tuple[int, ...]]:
        shape = (len(self.cuts()) + 1, self.labels(output))
        return {"positives": shape, "negatives": shape}

    def update(self, state: Mapping[str, Value], y_true: Value, y_pred: Value, weights: Value | None) -> None:
        from nnctl.ops.confusion import accumulate_between_thresholds

        cuts = self.cuts()
        accumulate_between_thresholds(
            state["negatives"], state["positives"], y_true, y_pred, weights, cuts, is_even(cuts),
            getattr(self, "top_k", None), getattr(self, "class_id", None), self.weights_of_labels(),
        )  # fmt: skip

    def weights_of_labels(self) -> tuple[float, ...]:
        """What each label counts; () for 1 each."""
        return ()

    def counts(self, state: Mapping[str, Array], label: int = 0) -> list[Counts]:
        """The counts at each of `cuts`."""
        above = [_above(state[name][:, label]) for name in ("positives", "negatives")]
        right, wrong = (part[1:] for part in above)
        positives, negatives = (part[0] for part in above)
        return [Counts(tp, fp, positives, negatives) for tp, fp in zip(right, wrong, strict=True)]


def _above(weights: Any) -> list[float]:
    """For each number of thresholds, the weight of all predictions with at least as many below them."""
    return list(accumulate(map(float, weights[::-1])))[::-1]
