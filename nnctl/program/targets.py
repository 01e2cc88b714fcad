"""What the loss and the metrics of an output read as y_true: the data's, or of mixed examples, mixed alike.

Class numbers are mixed as rows of shares, one per class: a loss reads these (`LossSpec.of_shares`), a metric
that wants a class number the class with the largest share, the first of equal ones, as Keras's metrics do
with mixed one-hot targets. Flags 0 and 1 are to a metric that counts them the nearer of the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from nnctl.graph.objective import Measured, OutputObjective
from nnctl.layers.context import Mixing
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec
from nnctl.ops.activation import Activation
from nnctl.ops.base import Value
from nnctl.ops.categories import count_rows
from nnctl.ops.formula import Formula
from nnctl.ops.metrics import arg_max
from nnctl.ops.shape import reshape

FLAGS = 2
"""How many classes there are of numbers that are each 0 or 1."""


class Truth:
    """The targets of one output, as the data gives them."""

    def __init__(self, output: OutputObjective, y_true: Value) -> None:
        self.output = output
        self.y_true = y_true

    def rows(self, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        """The losses of a batch, and which of them count: `LossSpec.masked_rows`."""
        return self.output.loss.masked_rows(self.y_true, y_pred, mask)

    def seen_by(self, measured: Measured) -> tuple[MetricSpec, Value]:
        """A metric, and the targets for it."""
        return measured.metric, self.y_true


class MixedTruth(Truth):
    """The targets of examples that layers have mixed."""

    def __init__(self, output: OutputObjective, y_true: Value, mixings: Iterable[Mixing]) -> None:
        self.of_classes = output.target.kind == "classes"
        if self.of_classes:
            assert output.target.classes is not None
            y_true = one_hot(y_true, output.target.classes)
        super().__init__(output, mixed(y_true, mixings))

    def rows(self, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        loss = self.output.loss.of_shares() if self.of_classes else self.output.loss
        assert loss is not None
        return loss.masked_rows(self.y_true, y_pred, mask)

    def seen_by(self, measured: Measured) -> tuple[MetricSpec, Value]:
        metric = measured.metric
        if self.of_classes:
            shares = metric.of_shares()
            return (metric, arg_max(self.y_true)) if shares is None else (shares, self.y_true)
        if metric.of_classes and metric.target(measured.output) == Target("numbers", measured.output, FLAGS):
            return metric, self.y_true.graph.add1(NEAREST, self.y_true)
        return metric, self.y_true


def mixed(values: Value, mixings: Iterable[Mixing]) -> Value:
    """What belongs to the examples of a batch (B, ...), after all that has mixed them."""
    for mixing in mixings:
        values = mixing(values)
    return values


def one_hot(labels: Value, classes: int) -> Value:
    """1 at the class, else 0 (..., classes), for class numbers (...)."""
    rows = count_rows(reshape(labels, (prod(labels.shape), 1)), classes, labels.graph.dtype)
    return reshape(rows, (*labels.shape, classes))


def nearest(flag: float) -> float:
    """0 or 1."""
    return 1 if flag > 0.5 else 0


def flat(flag: float) -> float:
    """The slope of `nearest`."""
    return 0 * flag


NEAREST = Activation(Formula(nearest), Formula(flat))
