"""What the loss and the metrics of an output read as y_true: the data's, or of mixed examples, mixed alike.

Class numbers are mixed as rows of shares, one per class: a loss reads these (`LossSpec.of_shares`), a metric
that wants a class number the class with the largest share, the first of equal ones, as Keras's metrics do
with mixed one-hot targets. Flags 0 and 1 are to a metric that counts them the nearer of the two. A share of
a class that a loss ignores has no loss, and a row of nothing else does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from nnctl.graph.objective import Measured, OutputObjective
from nnctl.layers.context import Mixing
from nnctl.losses.base import FLAGS, LossSpec, Target
from nnctl.metrics.base import MetricSpec
from nnctl.ops.activation import Activation
from nnctl.ops.base import Value
from nnctl.ops.categories import count_rows
from nnctl.ops.elementwise import affine, cast, multiply_row
from nnctl.ops.embedding import not_equal
from nnctl.ops.formula import Formula
from nnctl.ops.masks import both
from nnctl.ops.metrics import arg_max
from nnctl.ops.shape import concatenate, reshape
from nnctl.ops.sums import sum_axes


class Truth:
    """The targets of one output, as the data gives them."""

    def __init__(self, output: OutputObjective, y_true: Value) -> None:
        self.output = output
        self.y_true = y_true

    def rows(self, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        """The losses of a batch, and which of them count: `LossSpec.masked_rows`."""
        return self.output.loss.masked_rows(self.y_true, y_pred, mask)

    def seen_by(self, measured: Measured, mask: Value | None) -> tuple[MetricSpec, Value, Value | None]:
        """A metric, the targets for it, and which of them count."""
        return measured.metric, self.y_true, mask


class MixedTruth(Truth):
    """The targets of examples that layers have mixed."""

    def __init__(self, output: OutputObjective, y_true: Value, mixings: Iterable[Mixing]) -> None:
        self.of_classes = output.target.kind == "classes"
        if self.of_classes:
            assert output.target.classes is not None
            y_true = one_hot(y_true, output.target.classes)
        super().__init__(output, mixed(y_true, mixings))

    def rows(self, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        loss = self.output.loss
        if not self.of_classes:
            return loss.masked_rows(self.y_true, y_pred, mask)
        of_shares = loss.of_shares()
        assert of_shares is not None
        shares, mask = without(self.y_true, ignored_by(loss), mask)
        return of_shares.masked_rows(shares, y_pred, mask)

    def seen_by(self, measured: Measured, mask: Value | None) -> tuple[MetricSpec, Value, Value | None]:
        metric = measured.metric
        if self.of_classes:
            of_shares = metric.of_shares()
            if of_shares is None:
                return metric, largest(self.y_true, ignored_by(self.output.loss)), mask
            return of_shares, *without(self.y_true, ignored_by(metric), mask)
        if metric.of_classes and metric.target(measured.output) == Target("numbers", measured.output, FLAGS):
            return metric, self.y_true.graph.add1(NEAREST, self.y_true), mask
        return metric, self.y_true, mask


def mixed(values: Value, mixings: Iterable[Mixing]) -> Value:
    """What belongs to the examples of a batch (B, ...), after all that has mixed them."""
    for mixing in mixings:
        values = mixing(values)
    return values


def ignored_by(of: LossSpec | MetricSpec) -> int | None:
    """The class that a loss or a metric ignores."""
    return getattr(of, "ignore_class", None)


def without(shares: Value, ignored: int | None, mask: Value | None) -> tuple[Value, Value | None]:
    """Shares (..., C) with 0 for the ignored class, and which rows count (...): those that have others."""
    if ignored is None:
        return shares, mask
    classes = shares.shape[-1]
    if 0 <= ignored < classes:
        shares = multiply_row(shares, shares.graph.constant(1 - np.eye(classes, dtype=shares.dtype)[ignored]))
    counted = not_equal(sum_axes(shares, (-1,)), 0)
    return shares, counted if mask is None else both(mask, counted)


def largest(shares: Value, ignored: int | None) -> Value:
    """The class with the largest share (...), of shares (..., C).

    An ignored number that is none of the classes has what the others leave.
    """
    classes = shares.shape[-1]
    if ignored is None or 0 <= ignored < classes:
        return arg_max(shares)
    left = reshape(affine(sum_axes(shares, (-1,)), -1.0, 1.0), (*shares.shape[:-1], 1))
    found = cast(arg_max(concatenate([shares, left], -1)), shares.dtype)
    numbers = (float(classes), float(ignored))
    return cast(shares.graph.add1(Activation(Formula(renamed, numbers), Formula(flat)), found), "int32")


def one_hot(labels: Value, classes: int) -> Value:
    """1 at the class, else 0 (..., classes), for class numbers (...)."""
    rows = count_rows(reshape(labels, (prod(labels.shape), 1)), classes, labels.graph.dtype)
    return reshape(rows, (*labels.shape, classes))


def nearest(flag: float) -> float:
    """0 or 1."""
    return 1 if flag > 0.5 else 0


def renamed(number: float, last: float, name: float) -> float:
    """A class number, `name` in place of the last."""
    return name if number == last else number


def flat(number: float) -> float:
    """The slope of what goes in steps."""
    return 0 * number


NEAREST = Activation(Formula(nearest), Formula(flat))
