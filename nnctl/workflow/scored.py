"""A split scored: loss and metrics, and for each output what its predictions tell beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.feeding.table_feeds import restore
from nnctl.data.preprocessing import Preprocessing, TargetPrep
from nnctl.evaluation.amounts import AmountTally
from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.labels import LabelTally
from nnctl.evaluation.report import Report, as_json, named_numbers
from nnctl.formats.outputs import class_names
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.base import FLAGS
from nnctl.losses.hinge import Hinge, SquaredHinge
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.expectable import called, kinds
from nnctl.workflow.read_ahead import ahead
from nnctl.workflow.shown import sigmoid, softmax

if TYPE_CHECKING:
    from nnctl.program.session import Session


@record
class Scored:
    """What scoring a split found.

    Attributes:
        metrics: Loss and metrics, as the logs call them.
        reports: By output; those of which nothing more can be told (sequences of labels, say) have none.
        several: Whether the model has several outputs.
    """

    examples: int
    metrics: Mapping[str, float]
    reports: Mapping[str, Report]
    several: bool = False

    def as_json(self) -> dict[str, Any]:
        """As it stands in `evaluation.json`."""
        return {
            "examples": self.examples,
            "metrics": as_json(dict(self.metrics)),
            "outputs": {name: as_json(report) for name, report in self.reports.items()},
        }

    def numbers(self) -> dict[str, float]:
        """Every number by the name that an expectation calls it by; a metric's own comes first."""
        return self._reported(named_numbers) | dict(self.metrics)

    def with_baseline(self) -> dict[str, tuple[float, float]]:
        """The numbers that reports have, each with what the baseline has."""
        own, base = self._reported(named_numbers), self._reported(lambda report: report.baseline)
        return {name: (own[name], base[name]) for name in own if name in base}

    def _reported(self, numbers: Callable[[Report], Mapping[str, float]]) -> dict[str, float]:
        """Numbers of all reports, by their full names."""
        return {
            called(output, name, self.several): value
            for output, report in self.reports.items()
            for name, value in numbers(report).items()
        }


def score(
    session: Session,
    objective: Objective,
    preprocessing: Preprocessing,
    examples: Dataset,
    batch: int,
    also: Callable[[Mapping[str, Array]], None] = lambda measured: None,
) -> Scored:
    """Run a model over a split, `batch` examples at a time.

    Args:
        also: Is given what each batch measured, too.

    Raises:
        DataError: a value that is read lazily cannot be used.
    """
    from nnctl.runner.evaluate import evaluate

    watched = [watch(output, preprocessing, examples) for output in objective.outputs]

    def see(measured: Mapping[str, Array]) -> None:
        for output in watched:
            output.add(measured)
        also(measured)

    metrics = evaluate(session, ahead(BatchReader(examples)), batch, see)
    reports = {output.name: report for output in watched if (report := output.report()) is not None}
    return Scored(len(examples), metrics, reports, len(objective.outputs) > 1)


class _Tally(Protocol):
    def add(self, wanted: Array, predicted: Array, /) -> None: ...
    def report(self) -> Report | None: ...


class Watched:
    """One output, whose places are tallied batch by batch.

    Args:
        places: What y_true (B, ...) and y_pred (B, ..., D) of a batch are to the tally: a row for each place.
    """

    def __init__(
        self,
        name: str,
        tally: _Tally | None,
        places: Callable[[Array, Array], tuple[Array, Array]] = lambda y_true, y_pred: (y_true, y_pred),
    ) -> None:
        self.name = name
        self.tally = tally
        self.places = places

    def add(self, measured: Mapping[str, Array]) -> None:
        """Tally what a batch measured; places that a mask leaves out do not count."""
        if self.tally is None:
            return
        wanted, predicted = self.places(measured[f"target:{self.name}"], measured[f"output:{self.name}"])
        mask = measured.get(f"mask:{self.name}")
        if mask is not None:
            counted = mask.reshape(-1) != 0
            each = len(wanted) // len(counted)
            counted = np.repeat(counted, each)
            wanted, predicted = wanted[counted], predicted[counted]
        self.tally.add(wanted, predicted)

    def report(self) -> Report | None:
        """What was tallied, if there was anything to tally."""
        return None if self.tally is None else self.tally.report()


def watch(output: OutputObjective, preprocessing: Preprocessing, examples: Dataset) -> Watched:
    """What tallies an output's places, by what its loss takes its targets for."""
    name, logits = output.output, output.loss.reads_logits
    possible = kinds(output)
    if not possible:
        return Watched(name, None)
    kind = possible[0] if len(possible) == 1 or _are_flags(examples, name) else "numbers"
    if kind == "numbers":
        return _amounts(output, preprocessing.targets.get(name))
    margin = isinstance(output.loss, Hinge | SquaredHinge)
    if kind == "labels":
        labels = _names(preprocessing.targets.get(name), output.shape[-1] or 0)
        return Watched(name, LabelTally(labels), lambda t, p: _of_labels(t, p, logits, margin))
    if output.target.kind == "numbers":
        given = preprocessing.class_names.get(name, ())
        names = given if len(given) == FLAGS else ("0", "1")
        return Watched(name, ClassTally(names), lambda t, p: _of_flags(t, p, logits, margin))
    names = class_names(Objective((output,)), preprocessing)[name]
    onehot = output.target.kind == "onehot"
    return Watched(name, ClassTally(names), lambda t, p: _of_classes(t, p, onehot, logits))


def _amounts(output: OutputObjective, prep: TargetPrep | None) -> Watched:
    width = (output.shape[-1] if output.shape else 1) or 1
    numbers = prep.numbers if prep is not None else None
    scaled = numbers is not None and any(part.scale != "none" for part in numbers)
    scale = None
    if scaled and numbers is not None:
        scale = np.broadcast_to(np.array([d for part in numbers for d in part.divide]), (width,))
    names = list(prep.columns) if prep is not None and len(prep.columns) == width else []

    def places(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
        exact = [a.reshape(y_pred.shape).astype(np.float64) for a in (y_true, y_pred)]
        wanted, predicted = exact if prep is None else (restore(prep, values) for values in exact)
        return wanted.reshape(-1, width), predicted.reshape(-1, width)

    return Watched(output.output, AmountTally(names, width, scale), places)


def _of_classes(y_true: Array, y_pred: Array, onehot: bool, logits: bool) -> tuple[Array, Array]:
    scores = y_pred.reshape(-1, y_pred.shape[-1]).astype(np.float64)
    wanted = y_true.reshape(scores.shape).argmax(axis=1) if onehot else y_true.reshape(-1)
    return wanted, softmax(scores) if logits else scores


def _of_flags(y_true: Array, y_pred: Array, logits: bool, margin: bool) -> tuple[Array, Array]:
    """Two classes, of one number for the second: its probability, its logit, or on which side of 0 it is."""
    second = y_pred.reshape(-1).astype(np.float64)
    first = -second
    if not margin:
        second = sigmoid(second) if logits else second
        first = 1 - second
    return (y_true.reshape(-1) > 0).astype(np.int64), np.stack([first, second], axis=1)


def _of_labels(y_true: Array, y_pred: Array, logits: bool, margin: bool) -> tuple[Array, Array]:
    scores = y_pred.reshape(-1, y_pred.shape[-1]).astype(np.float64)
    if logits or margin:
        scores = sigmoid(scores)
    return y_true.reshape(scores.shape) > 0, scores


def _are_flags(examples: Dataset, output: str) -> bool:
    """Whether every target is one of two numbers: 0 and 1, or -1 and 1."""
    part = examples.targets[output]
    flags = (values for _, values in examples.pieces(part, part.dtype))
    return all(np.isin(values, (-1, 0, 1)).all() for values in flags)


def _names(prep: TargetPrep | None, width: int) -> list[str]:
    given = list(prep.columns) if prep is not None else []
    return given if len(given) == width else [str(number) for number in range(width)]
