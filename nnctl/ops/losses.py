"""Losses: one number per row of predictions.

Rows are the predictions' leading axes: y_pred (..., C) gives rows (...). Gradients flow into y_pred only.
"""

from __future__ import annotations

from typing import Any, Literal

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.formula import Formula
from nnctl.ops.shape import reshape

RowKind = Literal["softmax", "categorical_crossentropy", "categorical_hinge"]
NOTHING_IGNORED = -(2**31)
"""A class number that no target has."""


def _table(x: Array) -> Array:
    """x (..., C) as rows and columns."""
    return x.reshape(-1, x.shape[-1])


@record
class ClassLoss(Op):
    """Cross-entropy of x (..., C) and class numbers (...): loss (...); from logits also p = softmax(x)."""

    logits: bool
    ignored: int = NOTHING_IGNORED

    @property
    def ignores(self) -> bool:
        """Whether there is a class whose rows do not count."""
        return self.ignored != NOTHING_IGNORED

    def infer(self, *inputs: TensorType) -> Types:
        x, labels = inputs
        if labels.shape != x.shape[:-1] or not labels.dtype.startswith("int"):
            raise ValueError(f"class numbers {labels} do not fit predictions {x}")
        loss = TensorType(labels.shape, x.dtype)
        return (loss, x) if self.logits else (loss,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        x, labels = node.inputs
        if dys[0] is None:
            return None, None
        source = node.outputs[1] if self.logits else x
        return x.graph.add1(ClassLossGrad(self.logits, self.ignored), source, labels, dys[0]), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, labels = _table(inputs[0]), inputs[1].reshape(-1)
        loss = outputs[0].reshape(-1)
        if self.logits:
            p = _table(outputs[1])
            return (KernelCall("softmax.sparse_softmax_loss", (x, labels, self.ignored, p, loss)),)
        return (KernelCall("losses.sparse_crossentropy", (x, labels, self.ignored, loss)),)


@record
class ClassLossGrad(Op):
    """dx (..., C) of ClassLoss from p = softmax(x) (from logits) or x, the class numbers, and dloss."""

    logits: bool
    ignored: int

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, labels, dloss = _table(inputs[0]), inputs[1].reshape(-1), inputs[2].reshape(-1)
        kernel = "softmax.sparse_softmax_loss_grad" if self.logits else "losses.sparse_crossentropy_grad"
        return (KernelCall(kernel, (x, labels, self.ignored, dloss, _table(outputs[0]))),)


@record
class ClassScore(Op):
    """y (...) = x (..., C) at the class numbers (...); NaN at a number that is no class."""

    def infer(self, *inputs: TensorType) -> Types:
        x, labels = inputs
        if labels.shape != x.shape[:-1] or not labels.dtype.startswith("int"):
            raise ValueError(f"class numbers {labels} do not fit predictions {x}")
        return (TensorType(labels.shape, x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        x, labels = node.inputs
        return x.graph.add1(ClassScoreGrad(x.type), labels, dy), None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, labels = _table(inputs[0]), inputs[1].reshape(-1)
        return (KernelCall("losses.class_score", (x, labels, outputs[0].reshape(-1))),)


@record
class ClassScoreGrad(Op):
    """dx of ClassScore, of the type `x`, from the class numbers and dy: zero but at the class."""

    x: TensorType

    def infer(self, *inputs: TensorType) -> Types:
        return (self.x,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        labels, dy = (a.reshape(-1) for a in inputs)
        return (KernelCall("losses.class_score_grad", (labels, dy, _table(outputs[0]))),)


@record
class TermLoss(Op):
    """The mean over the last axis of a formula of target and x, both (..., C); or their sum: loss (...).

    Attributes:
        term, slope: Formulas of target and x: the loss of one element, and its derivative in x.
    """

    term: Formula
    slope: Formula
    mean: bool = True

    def infer(self, *inputs: TensorType) -> Types:
        x, target = inputs
        if x != target:
            raise ValueError(f"targets {target} do not fit predictions {x}")
        return (TensorType(x.shape[:-1], x.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        if dys[0] is None:
            return None, None
        return node.inputs[0].graph.add1(TermLossGrad(self.slope, self.mean), *node.inputs, dys[0]), None

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return inputs[0].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, target = map(_table, inputs)
        work = scratch.view(x.dtype).reshape(x.shape)
        args = (x, target, self.term.typed(x.dtype), _divisor(x, self.mean), work, outputs[0].reshape(-1))
        return (KernelCall("losses.term_rows", args, (self.term.function,)),)


@record
class TermLossGrad(Op):
    """dx (..., C) of TermLoss from x, the target and dloss."""

    slope: Formula
    mean: bool

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, target, dx = map(_table, (*inputs[:2], outputs[0]))
        args = (x, target, self.slope.typed(x.dtype), _divisor(x, self.mean), inputs[2].reshape(-1), dx)
        return (KernelCall("losses.term_rows_grad", args, (self.slope.function,)),)


def _divisor(x: Array, mean: bool) -> Any:
    """What the terms of a row (R, C) are divided by."""
    return x.dtype.type(x.shape[1] if mean else 1)


@record
class TargetLoss(Op):
    """A loss of x (..., C) and targets of the same shape that looks at a row as a whole: loss (...).

    `kind` is "softmax", the cross-entropy of logits, which also gives p = softmax(x). `smoothing` spreads the
    targets of the cross-entropies.
    """

    kind: RowKind
    smoothing: float = 0.0

    def infer(self, *inputs: TensorType) -> Types:
        x, target = inputs
        if x != target:
            raise ValueError(f"targets {target} do not fit predictions {x}")
        loss = TensorType(x.shape[:-1], x.dtype)
        return (loss, x) if self.kind == "softmax" else (loss,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        if dys[0] is None:
            return None, None
        x, target = node.inputs
        source = node.outputs[1] if self.kind == "softmax" else x
        return source.graph.add1(TargetLossGrad(self.kind, self.smoothing), source, target, dys[0]), None

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return 0 if self.kind == "softmax" else inputs[0].nbytes

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, target = map(_table, inputs)
        loss = outputs[0].reshape(-1)
        if self.kind == "softmax":
            return (
                KernelCall("softmax.softmax_loss", (x, target, self.smoothing, _table(outputs[1]), loss)),
            )
        work = scratch.view(x.dtype).reshape(x.shape)
        if self.kind == "categorical_crossentropy":
            args = (x, target, self.smoothing, work, loss)
            return (KernelCall("losses.categorical_crossentropy", args),)
        return (KernelCall("losses.categorical_hinge", (x, target, work, loss)),)


@record
class TargetLossGrad(Op):
    """dx (..., C) of TargetLoss from x (or p), the target and dloss."""

    kind: RowKind
    smoothing: float

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        x, target, dx = map(_table, (*inputs[:2], outputs[0]))
        dloss = inputs[2].reshape(-1)
        if self.kind == "categorical_hinge":
            return (KernelCall("losses.categorical_hinge_grad", (x, target, dloss, dx)),)
        kernel = "softmax.softmax_loss" if self.kind == "softmax" else "losses.categorical_crossentropy"
        return (KernelCall(f"{kernel}_grad", (x, target, self.smoothing, dloss, dx)),)


@record
class SignedLabels(Op):
    """Labels as -1 and 1 where every label is 0 or 1; else as they are."""

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        return (KernelCall("losses.signed_labels", (inputs[0].reshape(-1), outputs[0].reshape(-1))),)


def _columns(x: Value) -> Value:
    """x with an axis to take rows along: (N,) is seen as (N, 1)."""
    return reshape(x, (*x.shape, 1)) if len(x.shape) == 1 else x


def class_loss(x: Value, labels: Value, logits: bool, ignored: int | None = None) -> Value:
    """Cross-entropy (...) of x (..., C), logits or probabilities, and class numbers (...)."""
    op = ClassLoss(logits, NOTHING_IGNORED if ignored is None else ignored)
    return x.graph.add(op, x, labels)[0]


def class_score(x: Value, labels: Value) -> Value:
    """x (..., C) at the class numbers (...)."""
    return x.graph.add1(ClassScore(), x, labels)


def target_loss(kind: RowKind, x: Value, target: Value, smoothing: float = 0.0) -> Value:
    """The loss `kind` (see TargetLoss) of x (..., C) and its target, or of (N,) and (N,): rows (...)."""
    return x.graph.add(TargetLoss(kind, smoothing), _columns(x), _columns(target))[0]


def term_loss(x: Value, target: Value, term: Formula, slope: Formula, mean: bool = True) -> Value:
    """The mean (or sum) over the last axis of `term(target, x)`, x (..., C) or (N,): rows (...)."""
    return x.graph.add1(TermLoss(term, slope, mean), _columns(x), _columns(target))


def signed_labels(target: Value) -> Value:
    """Labels as -1 and 1 where every label of the batch is 0 or 1; else as they are."""
    return target.graph.add1(SignedLabels(), target)
