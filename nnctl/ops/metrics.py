"""Adding a batch to a metric's float64 state.

The nodes here write variables and have no outputs. y_true and y_pred have the examples' axis first; weights
are None or have the leading axes (N, ...), and weigh all that lies below.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, prod

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, TensorType, Types, Value, dummy
from nnctl.ops.shape import reshape


@record
class Accumulate(Op):
    """One kernel of kernels.metrics. Inputs: states, arrays, then weights where `weighted`; states are
    written.

    Args:
        kernel: The function's name.
        numbers: Its numbers between the arrays and the weights.
        states: How many of the inputs are states.
        tables: Whether float arrays go in as (rows, classes) rather than flat.
        examples: How many examples the batch has, for kernels that take means; else None.
    """

    kernel: str
    numbers: tuple[float | int, ...]
    states: int
    weighted: bool
    tables: bool = False
    examples: int | None = None

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The states."""
        return tuple(range(self.states))

    def infer(self, *inputs: TensorType) -> Types:
        if any(t.dtype != "float64" for t in inputs[: self.states]):
            raise ValueError(f"the states of {self.kernel} are {inputs[: self.states]}")
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        states, rest = inputs[: self.states], list(inputs[self.states :])
        weights = rest.pop().reshape(-1) if self.weighted else dummy(rest[-1].dtype.name)
        arrays = [
            a.reshape(-1, a.shape[-1]) if self.tables and a.dtype.kind == "f" else a.reshape(-1) for a in rest
        ]
        examples = () if self.examples is None else (self.examples,)
        args = (*arrays, *self.numbers, weights, int(self.weighted), *examples, *states)
        return (KernelCall(f"metrics.{self.kernel}", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * sum(t.size for t in inputs[self.states :])


@record
class MeanOfBatch(Op):
    """Add a mean over `count` examples. Inputs: state (2,), value (1,)."""

    count: int

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The state."""
        return (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("metrics.mean_of_batch", (inputs[1], float(self.count), inputs[0])),)


@record
class ArgMax(Op):
    """The first of the largest over the last axis: x (..., C), y (...) int32."""

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType(inputs[0].shape[:-1], "int32"),)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x = inputs[0]
        return (KernelCall("metrics.arg_max", (x.reshape(-1, x.shape[-1]), outputs[0].reshape(-1))),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return inputs[0].size


def arg_max(x: Value) -> Value:
    """The first of the largest over the last axis: x (..., C), y (...) int32."""
    return x.graph.add1(ArgMax(), x)


def _add(
    kernel: str,
    states: Sequence[Value],
    arrays: Sequence[Value],
    weights: Value | None,
    numbers: tuple[float | int, ...] = (),
    tables: bool = False,
    examples: int | None = None,
) -> None:
    op = Accumulate(kernel, numbers, len(states), weights is not None, tables, examples)
    given = [] if weights is None else [weights]
    states[0].graph.add(op, *states, *arrays, *given)


def _examples(values: Value, weights: Value | None) -> int:
    """How many examples means over `values` (N, ...) are of.

    Positions with a weight each, or a mask, count one each: batches of sequences that are filled up to
    different lengths weigh as much as the steps that they have.
    """
    return values.shape[0] if weights is None else prod(weights.shape)


def accumulate_mean(state: Value, value: Value, count: int) -> None:
    """Add value (1,), a mean over `count` examples, to state (2,)."""
    state.graph.add(MeanOfBatch(count), state, value)


def accumulate_rows(state: Value, values: Value, weights: Value | None) -> None:
    """Add values (N, ...), one per example or position, to state (2,)."""
    _add("mean", [state], [values], weights, examples=_examples(values, weights))


def accumulate_binary_accuracy(
    state: Value, y_true: Value, y_pred: Value, threshold: float, weights: Value | None
) -> None:
    """Add how often y_pred > threshold is y_true, both (N, ...), to state (2,)."""
    numbers = (float(threshold),)
    _add("binary_accuracy", [state], [y_true, y_pred], weights, numbers, examples=_examples(y_pred, weights))


def accumulate_top_k(
    state: Value, labels: Value, y_pred: Value, k: int, ties: bool, weights: Value | None
) -> None:
    """Add how often the label (...) is among the k largest of y_pred (..., C).

    With `ties`, all that are equal to the k-th count as largest.
    """
    examples = _examples(y_pred, weights)
    _add("top_k", [state], [labels, y_pred], weights, (k, int(ties)), tables=True, examples=examples)


def accumulate_by_class(
    state: Value, y_true: Value, y_pred: Value, threshold: float | None, weights: Value | None
) -> None:
    """Add each class' true positives, false positives and false negatives to state (3, C).

    y_true, y_pred (..., C). Positive is what is above the threshold; without one, the largest of a row.
    """
    numbers = (nan if threshold is None else float(threshold),)
    _add("counts_by_class", [state], [y_true, y_pred], weights, numbers, tables=True)


def accumulate_total(state: Value, values: Value, weights: Value | None) -> None:
    """Add the weighted sum of values (N, ...) to state (1,)."""
    _add("total", [state], [values], weights)


def accumulate_squares(
    counts: Value, sums: Value, y_true: Value, y_pred: Value, weights: Value | None
) -> None:
    """Add each unit's w y, w y^2 and w (y - p)^2 to `sums` (3, C), of y = y_true and p = y_pred (..., C).

    To counts (2,): w, and how many numbers there were.
    """
    _add("squares_by_unit", [counts, sums], [y_true, y_pred], weights, tables=True)


@record
class Correlation(Op):
    """Add correlations of rows to a mean. Inputs: state (2,), y_true, y_pred (M, C), maybe counted (M, C),
    maybe weights.

    Args:
        examples: How many examples the rows are of.
    """

    concordance: bool
    masked: bool
    weighted: bool
    examples: int

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        """The state."""
        return (0,)

    def infer(self, *inputs: TensorType) -> Types:
        return ()

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        state, y_true, y_pred, *rest = inputs
        weights = rest.pop().reshape(-1) if self.weighted else dummy(y_pred.dtype.name)
        counted = rest[0] if self.masked else dummy("uint8", 2)
        args = (
            y_true, y_pred, counted, int(self.masked), int(self.concordance), weights, int(self.weighted),
            self.examples, state,
        )  # fmt: skip
        return (KernelCall("metrics.correlation", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 9 * inputs[2].size


def accumulate_correlation(
    state: Value,
    y_true: Value,
    y_pred: Value,
    counted: Value | None,
    axes: int,
    concordance: bool,
    weights: Value | None,
) -> None:
    """Add how y_true and y_pred (N, ...) go together along their last `axes` axes to state (2,).

    Only where `counted` (N, ...), uint8, is set, if it is given.
    """
    columns = prod(y_pred.shape[len(y_pred.shape) - axes :])
    given = [reshape(x, (-1, columns)) for x in (y_true, y_pred, counted) if x is not None]
    given += [weights] if weights is not None else []
    op = Correlation(concordance, counted is not None, weights is not None, _examples(y_pred, weights))
    state.graph.add(op, state, *given)
