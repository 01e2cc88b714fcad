"""Precision, recall, and the counts that they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveInt

from nnctl.core.ranges import ANY, UNIT, Range
from nnctl.core.shapes import Shape
from nnctl.metrics.base import register
from nnctl.metrics.thresholds import AtThresholds, Counts, Part

if TYPE_CHECKING:
    from nnctl.core.arrays import Array

EVERYTHING = -1e10
"""The threshold where only `top_k` decides. Source: keras.src.metrics.metrics_utils.NEG_INF."""


class AtGivenThresholds(AtThresholds):
    """One number from the counts at each threshold; of a list of several, each has a result of its own."""

    thresholds: Part | tuple[Part, ...] | None = None
    """Predictions above it are positive; default: 0.5. Of a list, each gives a result."""

    def given(self) -> tuple[float, ...]:
        """The thresholds in the order of the results."""
        if self.thresholds is None:
            return (0.5 if getattr(self, "top_k", None) is None else EVERYTHING,)
        return self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)

    def cuts(self) -> tuple[float, ...]:
        return tuple(sorted(self.given()))

    def reads(self) -> Range:
        return UNIT if self.given() == (0.5,) and self.thresholds is None else ANY

    def parts(self, output: Shape) -> tuple[str, ...]:
        return tuple(map(str, range(len(self.given())))) if len(self.given()) > 1 else ()

    def results(self, state: Mapping[str, Array]) -> Sequence[float]:
        counts = dict(zip(self.cuts(), self.counts(state), strict=True))
        return [self.of_counts(counts[threshold]) for threshold in self.given()]

    def of_counts(self, counts: Counts) -> float:
        """The result at one threshold."""
        raise NotImplementedError


@register
class TruePositives(AtGivenThresholds):
    """How many are positive and predicted to be. Source: keras.metrics.TruePositives."""

    better: ClassVar[Literal["min", "max"] | None] = "max"

    def of_counts(self, counts: Counts) -> float:
        return counts.right


@register
class TrueNegatives(AtGivenThresholds):
    """How many are negative and predicted to be. Source: keras.metrics.TrueNegatives."""

    better: ClassVar[Literal["min", "max"] | None] = "max"

    def of_counts(self, counts: Counts) -> float:
        return counts.rest


@register
class FalsePositives(AtGivenThresholds):
    """How many are negative and predicted to be positive. Source: keras.metrics.FalsePositives."""

    better: ClassVar[Literal["min", "max"] | None] = "min"

    def of_counts(self, counts: Counts) -> float:
        return counts.wrong


@register
class FalseNegatives(AtGivenThresholds):
    """How many are positive and predicted to be negative. Source: keras.metrics.FalseNegatives."""

    better: ClassVar[Literal["min", "max"] | None] = "min"

    def of_counts(self, counts: Counts) -> float:
        return counts.missed


class _OfLargest(AtGivenThresholds):
    """What can look at the largest predictions and at one class only."""

    better: ClassVar[Literal["min", "max"] | None] = "max"
    thresholds: Part | tuple[Part, ...] | None = None
    """Predictions above it are positive; default: 0.5, with `top_k` none. Of a list, each gives a result."""
    top_k: PositiveInt | None = None
    """Only an example's k largest predictions can be positive."""
    class_id: NonNegativeInt | None = None
    """Count only this class."""


@register
class Precision(_OfLargest):
    """True positives among those predicted positive. Source: keras.metrics.Precision."""

    def of_counts(self, counts: Counts) -> float:
        return counts.precision


@register
class Recall(_OfLargest):
    """True positives among those that are positive. Source: keras.metrics.Recall."""

    def of_counts(self, counts: Counts) -> float:
        return counts.recall
