"""Classes that were wanted, probabilities that were predicted: a confusion matrix, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.evaluation.kept import Kept
from nnctl.evaluation.ranking import roc_auc

BINS = 15
"""How many equal parts of [0, 1] a calibration error is a mean over."""
MOST_CLASSES = 200
"""More classes than these have no matrix in a report: only the pairs that were mixed up most."""
_MIXED_UP = 20
"""How many of those pairs."""
_NEARLY_ONE = 1e-3
"""How far the sum of a row's probabilities may be from 1; other rows are scores and no probabilities."""


@record
class ClassScore:
    """One class: how often it was right where it was predicted, and predicted where it was right.

    Attributes:
        support: How often it was wanted.
        roc_auc: One against the rest; None where that means nothing.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    roc_auc: float | None


@record
class MeanScore:
    """Means over classes."""

    precision: float
    recall: float
    f1: float


@record
class Bin:
    """Predictions of about the same probability: how many, its mean, and how many of them were right."""

    count: int
    confidence: float
    accuracy: float


@record
class ClassReport:
    """What is to be said of an output that tells classes apart.

    Attributes:
        places: What was counted: examples, or steps or pixels of them that no mask leaves out.
        macro: Means over the classes that were wanted or predicted.
        weighted: Means over the classes, each as often as it was wanted.
        log_loss: The mean of -log p of what was wanted; None where the output gives no probabilities.
        roc_auc: The mean over classes, one against the rest; None where no class has one.
        calibration_error: The mean distance of confidence and accuracy over bins of confidence (Naeini 2015).
        confusion: Rows are what was wanted, columns what was predicted (C, C); None for many classes.
        mixed_up: The pairs (wanted, predicted, how often) that were mixed up most.
        majority: The class that was wanted most often.
        baseline: What predicting that class, by its frequency, gives: `accuracy` and `log_loss`.
    """

    places: int
    classes: tuple[ClassScore, ...]
    accuracy: float
    macro: MeanScore
    weighted: MeanScore
    log_loss: float | None
    roc_auc: float | None
    calibration_error: float | None
    calibration: tuple[Bin, ...] = field(repr=False)
    confusion: tuple[tuple[int, ...], ...] | None = field(repr=False)
    mixed_up: tuple[tuple[str, str, int], ...]
    majority: str
    baseline: Mapping[str, float]

    kind = "classes"


class ClassTally:
    """Counts classes, batch by batch.

    Args:
        names: What the classes are called (C).
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        count = len(self.names)
        self._pairs = np.zeros(count * count, np.int64) if count <= MOST_CLASSES else None
        self._wrong: dict[tuple[int, int], int] = {}
        self._wanted, self._predicted, self._right = (np.zeros(count, np.int64) for _ in range(3))
        self._log_loss = 0.0
        self._bins = np.zeros((3, BINS))
        self._are_probabilities = True
        self._scores, self._truth = Kept(), Kept()

    def add(self, wanted: Array, predicted: Array) -> None:
        """Count some places; those whose class is none of the C are passed by.

        Args:
            wanted: Class numbers (n,).
            predicted: Probabilities, or any scores of which the highest is meant (n, C).
        """
        count = len(self.names)
        known = (wanted >= 0) & (wanted < count)
        wanted, scores = wanted[known].astype(np.int64), predicted[known].astype(np.float64)
        if not len(wanted):
            return
        guess = scores.argmax(axis=1)
        self._wanted += np.bincount(wanted, minlength=count)
        self._predicted += np.bincount(guess, minlength=count)
        right = guess == wanted
        self._right += np.bincount(wanted[right], minlength=count)
        if self._pairs is not None:
            self._pairs += np.bincount(wanted * count + guess, minlength=count * count)
        else:
            self._count_wrong(wanted[~right], guess[~right])
        self._scores.add(scores)
        self._truth.add(wanted)
        self._add_probabilities(scores, wanted, right)

    def _count_wrong(self, wanted: Array, guess: Array) -> None:
        pairs, counts = np.unique(np.stack([wanted, guess], axis=1), axis=0, return_counts=True)
        for (truth, said), times in zip(pairs.tolist(), counts.tolist(), strict=True):
            self._wrong[truth, said] = self._wrong.get((truth, said), 0) + times

    def _add_probabilities(self, scores: Array, wanted: Array, right: Array) -> None:
        sums = np.abs(scores.sum(axis=1) - 1)
        if not (scores.min() >= 0 and sums.max() <= _NEARLY_ONE):
            self._are_probabilities = False
            return
        least = np.finfo(np.float64).eps
        of_wanted = scores[np.arange(len(wanted)), wanted]
        self._log_loss -= float(np.log(np.clip(of_wanted, least, 1 - least)).sum())
        top = scores.max(axis=1)
        of = np.minimum((top * BINS).astype(np.int64), BINS - 1)
        for row, values in zip(self._bins, (np.ones(len(top)), top, right), strict=True):
            row += np.bincount(of, weights=values, minlength=BINS)

    def report(self) -> ClassReport | None:
        """What was counted; None where nothing was."""
        places = int(self._wanted.sum())
        if not places:
            return None
        numbers = class_scores(self._right, self._wanted, self._predicted)
        areas = self._areas()
        occurs = (self._wanted + self._predicted > 0).astype(np.float64)
        majority = int(self._wanted.argmax())
        shares = self._wanted[self._wanted > 0] / places
        likely = self._are_probabilities
        return ClassReport(
            places=places,
            classes=named_scores(self.names, numbers, self._wanted, areas),
            accuracy=float(self._right.sum() / places),
            macro=means(numbers, occurs),
            weighted=means(numbers, self._wanted),
            log_loss=self._log_loss / places if likely else None,
            roc_auc=defined_mean(areas),
            calibration_error=float(np.abs(self._bins[1] - self._bins[2]).sum() / places) if likely else None,
            calibration=tuple(self._calibration()) if likely else (),
            confusion=self._matrix(),
            mixed_up=self._mixed_up(),
            majority=self.names[majority],
            baseline={
                "accuracy": float(self._wanted[majority] / places),
                "log_loss": float(-(shares * np.log(shares)).sum()) + 0.0,
            },
        )

    def _areas(self) -> list[float | None]:
        truth, scores = self._truth.whole(), self._scores.whole()
        if truth is None or scores is None:
            return [None] * len(self.names)
        return [roc_auc(truth == number, scores[:, number]) for number in range(len(self.names))]

    def _calibration(self) -> list[Bin]:
        return [
            Bin(int(count), float(confidence / count), float(right / count))
            for count, confidence, right in self._bins.T
            if count
        ]

    def _matrix(self) -> tuple[tuple[int, ...], ...] | None:
        if self._pairs is None:
            return None
        count = len(self.names)
        return tuple(map(tuple, self._pairs.reshape(count, count).tolist()))

    def _mixed_up(self) -> tuple[tuple[str, str, int], ...]:
        """The pairs that were mixed up most; of equal ones the first classes."""
        wrong: Mapping[tuple[int, int], int] = self._wrong
        if self._pairs is not None:
            count = len(self.names)
            matrix = self._pairs.reshape(count, count)
            wrong = {(t, s): int(matrix[t, s]) for t, s in np.argwhere(matrix).tolist() if t != s}
        most = sorted(wrong.items(), key=lambda item: (-item[1], item[0]))[:_MIXED_UP]
        return tuple((self.names[truth], self.names[said], times) for (truth, said), times in most)


def class_scores(right: Array, wanted: Array, predicted: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and F1 (C), each 0 where it is 0 / 0, of how often (C) each class was right, wanted,
    predicted. Source: sklearn.metrics.precision_recall_fscore_support."""
    return _share(right, predicted), _share(right, wanted), _share(2 * right, wanted + predicted)


def named_scores(
    names: Sequence[str], numbers: Sequence[Array], support: Array, areas: Sequence[float | None]
) -> tuple[ClassScore, ...]:
    """A score for each class, of precision, recall and F1 (C), support (C) and areas (C)."""
    columns = (values.tolist() for values in (*numbers, support))
    return tuple(ClassScore(*row) for row in zip(names, *columns, areas, strict=True))


def means(numbers: Sequence[Array], weights: Array) -> MeanScore:
    """The weighted means of precision, recall and F1; 0 where no class has a weight."""
    total = weights.sum()
    return MeanScore(*(float((values * weights).sum() / total) if total else 0.0 for values in numbers))


def defined_mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are there."""
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there else None


def _share(part: Array, whole: Array) -> Array:
    shares: Array = np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
    return shares
