"""The best of one quality that can be had with enough of another, over all thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt

from nnctl.core.ranges import UNIT, Range
from nnctl.metrics.base import register
from nnctl.metrics.thresholds import AtThresholds, Counts, Part, evenly_spaced

if TYPE_CHECKING:
    from nnctl.core.arrays import Array


class BestThreshold(AtThresholds):
    """The largest of what comes with enough of something else at one threshold; 0 where it never does."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    num_thresholds: PositiveInt = 200
    """How many thresholds from 0 to 1; one lies at 0.5."""
    class_id: NonNegativeInt | None = None
    """Count only this class."""

    def cuts(self) -> tuple[float, ...]:
        return evenly_spaced(self.num_thresholds) if self.num_thresholds > 1 else (0.5,)

    def reads(self) -> Range:
        return UNIT

    def result(self, state: Mapping[str, Array]) -> float:
        return max(self.reached(self.counts(state)), default=0.0)

    def reached(self, counts: Iterable[Counts]) -> Iterable[float]:
        """What can be had, wherever there is enough of the other."""
        raise NotImplementedError


@register
class SensitivityAtSpecificity(BestThreshold):
    """The best recall with at least a specificity. Source: keras.metrics.SensitivityAtSpecificity."""

    specificity: Part
    """The part of the negatives that must be left alone."""

    def reached(self, counts: Iterable[Counts]) -> Iterable[float]:
        return (c.recall for c in counts if c.specificity >= self.specificity)


@register
class SpecificityAtSensitivity(BestThreshold):
    """The best specificity with at least a recall. Source: keras.metrics.SpecificityAtSensitivity."""

    sensitivity: Part
    """The part of the positives that must be found."""

    def reached(self, counts: Iterable[Counts]) -> Iterable[float]:
        return (c.specificity for c in counts if c.recall >= self.sensitivity)


@register
class PrecisionAtRecall(BestThreshold):
    """The best precision with at least a recall. Source: keras.metrics.PrecisionAtRecall."""

    recall: Part
    """The part of the positives that must be found."""

    def reached(self, counts: Iterable[Counts]) -> Iterable[float]:
        return (c.precision for c in counts if c.recall >= self.recall)


@register
class RecallAtPrecision(BestThreshold):
    """The best recall with at least a precision. Source: keras.metrics.RecallAtPrecision."""

    precision: Part
    """The part of the predicted positives that must be right."""

    def reached(self, counts: Iterable[Counts]) -> Iterable[float]:
        return (c.recall for c in counts if c.precision >= self.precision)
