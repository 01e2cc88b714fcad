"""What a model said of each place of a split, kept to be drawn, and how wrong it was about each example."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.evaluation.amounts import AmountTally
from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.kept import Kept
from nnctl.evaluation.labels import LabelTally
from nnctl.workflow.scored import Watched

_LEAST = 1e-7
"""The probability that the logarithm of a smaller one is taken of, as losses do."""


@record
class Seen:
    """One output over a split. P places are counted, each of one of the N examples.

    Attributes:
        kind: What places are: `classes`, `labels` or `numbers`.
        names: The classes or labels (C), or what the numbers of a place are called.
        wanted: Class numbers (P,), labels (P, C) or numbers (P, D).
        predicted: Probabilities or scores (P, C), or numbers (P, D), both in the columns' own units.
        examples: Which example each place is of (P,).
        errors: How wrong each example is (N,); not a number where none of its places counts.
    """

    output: str
    kind: str
    names: tuple[str, ...]
    wanted: Array
    predicted: Array
    examples: Array
    errors: Array

    def one_each(self) -> bool:
        """Whether every example is one place."""
        return len(self.examples) == len(self.errors) and len(np.unique(self.examples)) == len(self.errors)

    def places_of(self, example: int) -> Array:
        """The places of an example."""
        return np.flatnonzero(self.examples == example)


class Watcher:
    """Keeps what evaluation measures of one output, batch by batch.

    Args:
        watched: How its places are found and what they are.
        order: The examples in the order in which batches have them (N,).
    """

    def __init__(self, watched: Watched, order: Array) -> None:
        self.watched, self.order = watched, order
        self._at = 0
        self._wanted, self._predicted, self._examples = Kept(), Kept(), Kept()
        self._sums, self._counts = np.zeros(len(order)), np.zeros(len(order))

    def add(self, measured: Mapping[str, Array]) -> None:
        """Keep what a batch measured; places that a mask leaves out, or of no class, do not count."""
        name, tally = self.watched.name, self.watched.tally
        y_pred = measured[f"output:{name}"]
        batch = self.order[self._at : self._at + len(y_pred)]
        self._at += len(y_pred)
        if tally is None:
            return
        wanted, predicted = self.watched.places(measured[f"target:{name}"], y_pred)
        counts = np.ones(len(wanted), dtype=np.bool_)
        mask = measured.get(f"mask:{name}")
        if mask is not None:
            counts = np.repeat(mask.reshape(-1) != 0, len(wanted) // mask.size)
        if isinstance(tally, ClassTally):
            counts &= (wanted >= 0) & (wanted < len(tally.names))
        examples = np.repeat(batch, len(wanted) // len(batch))[counts]
        wanted, predicted = wanted[counts], predicted[counts]
        errors = _errors(tally, wanted, predicted)
        np.add.at(self._sums, examples, errors)
        np.add.at(self._counts, examples, 1)
        self._wanted.add(wanted)
        self._predicted.add(predicted)
        self._examples.add(examples)

    def seen(self) -> Seen | None:
        """All of it; None where nothing counts, or more than can be kept."""
        wanted, predicted = self._wanted.whole(), self._predicted.whole()
        examples = self._examples.whole()
        if wanted is None or predicted is None or examples is None or not len(examples):
            return None
        tally = self.watched.tally
        kind = "numbers"
        if isinstance(tally, ClassTally | LabelTally):
            kind = "classes" if isinstance(tally, ClassTally) else "labels"
        names = tally.names if isinstance(tally, ClassTally | LabelTally | AmountTally) else ()
        errors = np.divide(
            self._sums, self._counts, out=np.full(len(self._sums), np.nan), where=self._counts > 0
        )
        return Seen(self.watched.name, kind, tuple(names), wanted, predicted, examples, errors)


def _errors(tally: object, wanted: Array, predicted: Array) -> Array:
    """How wrong each place is (P,).

    Of classes the surprise, -log p of the one that is wanted, or, of scores that are no probabilities, how
    far the best other score is above its own; of labels the mean surprise; of numbers the mean distance, each
    in the unit that it was trained in.
    """
    if isinstance(tally, ClassTally):
        return _of_classes(wanted.astype(np.int64), predicted)
    found: Array
    if isinstance(tally, LabelTally):
        right = np.where(wanted, predicted, 1 - predicted)
        found = -np.log(np.maximum(right, _LEAST)).mean(axis=1)
    else:
        scale = getattr(tally, "scale", None)
        distance = np.abs(predicted.astype(np.float64) - wanted)
        found = (distance if scale is None else distance / scale).mean(axis=1)
    return found


def _of_classes(wanted: Array, scores: Array) -> Array:
    rows = np.arange(len(wanted))
    own: Array = scores[rows, wanted]
    if scores.min(initial=0) >= 0:
        surprise: Array = -np.log(np.maximum(own, _LEAST))
        return surprise
    others = scores.copy()
    others[rows, wanted] = -np.inf
    ahead: Array = others.max(axis=1) - own
    return ahead
