"""Adding a batch to counts of what was right and what was wrong; see `ops/metrics.py` for the form.

The nodes here write variables and have no outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value, dummy
from nnctl.ops.metrics import Accumulate
from nnctl.ops.shape import reshape


@record
class BetweenThresholds(Op):
    """Inputs: negatives, positives (T + 1, L), which are written, y_true, y_pred (..., C), maybe weights.

    Args:
        thresholds: Ascending.
        even: Whether they are those that Keras takes for evenly spaced.
        top_k: How many of a row's predictions can be positive; 0 for all.
        class_id: The only class that counts; -1 for all.
        label_weights: One for each label, or none.
    """

    thresholds: tuple[float, ...]
    even: bool
    top_k: int
    class_id: int
    label_weights: tuple[float, ...]

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The counts."""
        return (0, 1)

    def infer(self, *inputs: TensorType) -> Types:
        if any(t.dtype != "float64" or t.shape[0] != len(self.thresholds) + 1 for t in inputs[:2]):
            raise ValueError(f"the states of {self} are {inputs[:2]}")
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        negatives, positives, y_true, y_pred, *weights = inputs
        labels = y_pred.shape[-1]
        args = (
            y_true.reshape(-1, labels),
            y_pred.reshape(-1, labels),
            np.asarray(self.thresholds, y_pred.dtype),
            int(self.even),
            self.top_k,
            self.class_id,
            np.asarray(self.label_weights or (1.0,) * labels),
            weights[0].reshape(-1) if weights else dummy(y_pred.dtype.name),
            len(weights),
            negatives,
            positives,
        )
        return (KernelCall("confusion.between_thresholds", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * inputs[3].size


@record
class ConfusionMatrix(Accumulate):
    """Inputs: state (C, C), which is written, y_true, y_pred, maybe weights."""

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (call,) = super().calls(inputs, outputs, scratch, threads)
        return (KernelCall("confusion.confusion_matrix", call.args),)


def accumulate_between_thresholds(
    negatives: Value,
    positives: Value,
    y_true: Value,
    y_pred: Value,
    weights: Value | None,
    thresholds: Sequence[float],
    even: bool,
    top_k: int | None = None,
    class_id: int | None = None,
    label_weights: Sequence[float] = (),
) -> None:
    """Add each prediction's weight to states (T + 1, L), at the number of thresholds that lie below it.

    L is the number of labels (y_pred's last axis) for counts of each label, 1 for all together.
    """
    if len(y_pred.shape) == 1:
        y_true, y_pred = (reshape(y, (*y.shape, 1)) for y in (y_true, y_pred))
    op = BetweenThresholds(
        tuple(thresholds), even, top_k or 0, -1 if class_id is None else class_id, tuple(label_weights)
    )
    given = [] if weights is None else [weights]
    negatives.graph.add(op, negatives, positives, y_true, y_pred, *given)


def accumulate_confusion_matrix(
    state: Value,
    y_true: Value,
    y_pred: Value,
    weights: Value | None,
    threshold: float | None = None,
    ignore_class: int | None = None,
) -> None:
    """Add each position's weight to state (C, C), at its class in y_true (N, ...) and in y_pred (N, ...).

    With a threshold, predictions from it on are class 1 and others class 0; else they are class numbers.
    """
    ignored = state.shape[0] if ignore_class is None else ignore_class
    numbers = (nan if threshold is None else float(threshold), ignored)
    op = ConfusionMatrix("confusion_matrix", numbers, 1, weights is not None)
    given = [] if weights is None else [weights]
    state.graph.add(op, state, y_true, y_pred, *given)
