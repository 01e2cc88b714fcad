"""Several labels of an example, each there or not: how well each was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.evaluation.classes import ClassScore, MeanScore, class_scores, defined_mean, means, named_scores
from nnctl.evaluation.kept import Kept
from nnctl.evaluation.ranking import roc_auc


@record
class LabelReport:
    """What is to be said of an output with a probability for each of several labels.

    Attributes:
        places: How many examples, or places of them, were counted.
        labels: Each label's scores; `support` is how often it was there.
        accuracy: How often a label was told right, of all labels of all places.
        exact: How often all labels of a place were.
        macro, weighted: Means over the labels: each once, each as often as it was there.
        roc_auc: The mean over labels.
        baseline: The `accuracy` of saying of each label what is so most often.
    """

    places: int
    labels: tuple[ClassScore, ...]
    accuracy: float
    exact: float
    macro: MeanScore
    weighted: MeanScore
    roc_auc: float | None
    baseline: Mapping[str, float]

    kind = "labels"


class LabelTally:
    """Counts labels, batch by batch.

    Args:
        names: What the labels are called (L).
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._right, self._there, self._said = (np.zeros(len(names), np.int64) for _ in range(3))
        self._places = self._exact = self._alike = 0
        self._scores, self._truth = Kept(), Kept()

    def add(self, there: Array, predicted: Array) -> None:
        """Count some places.

        Args:
            there: Which labels are there (n, L), bool.
            predicted: The probability of each (n, L).
        """
        said = predicted > 0.5
        alike = said == there
        self._right += (said & there).sum(axis=0)
        self._there += there.sum(axis=0)
        self._said += said.sum(axis=0)
        self._places += len(there)
        self._exact += int(alike.all(axis=1).sum())
        self._alike += int(alike.sum())
        self._scores.add(predicted.astype(np.float64))
        self._truth.add(there)

    def report(self) -> LabelReport | None:
        """What was counted; None where nothing was."""
        if not self._places:
            return None
        numbers = class_scores(self._right, self._there, self._said)
        truth, scores = self._truth.whole(), self._scores.whole()
        areas: list[float | None] = [None] * len(self.names)
        if truth is not None and scores is not None:
            areas = [roc_auc(truth[:, n], scores[:, n]) for n in range(len(self.names))]
        usual = np.maximum(self._there, self._places - self._there)
        every = self._places * len(self.names)
        return LabelReport(
            places=self._places,
            labels=named_scores(self.names, numbers, self._there, areas),
            accuracy=self._alike / every,
            exact=self._exact / self._places,
            macro=means(numbers, np.ones(len(self.names))),
            weighted=means(numbers, self._there),
            roc_auc=defined_mean(areas),
            baseline={"accuracy": float(usual.sum() / every)},
        )
