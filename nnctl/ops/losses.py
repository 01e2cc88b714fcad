"""Losses: one number a row of predictions.

Rows are the predictions' leading axes: y_pred (..., C) gives rows (...). Gradients flow into y_pred alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nnctl.core.arrays import Array
from nnctl.kernels import codes
from nnctl.ops.base import KernelCall, Node, Op, TensorType, Value, dummy
from nnctl.ops.shape import reshape

NOTHING_IGNORED = -(2**31)
"""A class number that no target has."""

_CODES = {
    "mean_squared_error": codes.SQUARED_ERROR,
    "mean_absolute_error": codes.ABSOLUTE_ERROR,
    "mean_absolute_percentage_error": codes.ABSOLUTE_PERCENTAGE_ERROR,
    "mean_squared_logarithmic_error": codes.SQUARED_LOGARITHMIC_ERROR,
    "huber": codes.HUBER,
    "hinge": codes.HINGE,
    "squared_hinge": codes.SQUARED_HINGE,
    "binary_crossentropy": codes.BINARY_CROSSENTROPY,
    "kl_divergence": codes.KL_DIVERGENCE,
}


def _table(x: Array) -> Array:
    """x (..., C) as rows and columns."""
    return x.reshape(-1, x.shape[-1])


@dataclass(frozen=True)
class ClassLoss(Op):
    """Cross-entropy of x (..., C) and class numbers (...): loss (...); from logits also p = softmax(x)."""

    logits: bool
    ignored: int = NOTHING_IGNORED

    @property
    def ignores(self) -> bool:
        """Whether there is a class whose rows do not count."""
        return self.ignored != NOTHING_IGNORED

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, labels = inputs
        if labels.shape != x.shape[:-1] or not labels.dtype.startswith("int"):
            raise ValueError(f"class numbers {labels} do not fit predictions {x}")
        loss = TensorType(labels.shape, x.dtype)
        return (loss, x) if self.logits else (loss,)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        x, labels = node.inputs
        if dys[0] is None:
            return None, None
        source = node.outputs[1] if self.logits else x
        return x.graph.add1(ClassLossGrad(self.logits, self.ignored), source, labels, dys[0]), None

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        x, labels = _table(inputs[0]), inputs[1].reshape(-1)
        loss = outputs[0].reshape(-1)
        if self.logits:
            p = _table(outputs[1])
            return (KernelCall("softmax.sparse_softmax_loss", (x, labels, self.ignored, p, loss)),)
        return (KernelCall("losses.sparse_crossentropy", (x, labels, self.ignored, loss)),)


@dataclass(frozen=True)
class ClassLossGrad(Op):
    """dx (..., C) of ClassLoss from p = softmax(x) (from logits) or x, the class numbers, and dloss."""

    logits: bool
    ignored: int

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (inputs[0],)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        x, labels, dloss = _table(inputs[0]), inputs[1].reshape(-1), inputs[2].reshape(-1)
        kernel = "softmax.sparse_softmax_loss_grad" if self.logits else "losses.sparse_crossentropy_grad"
        return (KernelCall(kernel, (x, labels, self.ignored, dloss, _table(outputs[0]))),)


@dataclass(frozen=True)
class TargetLoss(Op):
    """A loss of x (..., C) and targets of the same shape: loss (...).

    `kind` is a name of _CODES, "categorical_crossentropy", "categorical_hinge", or one from logits:
    "softmax" (which also gives p = softmax(x)) or "sigmoid". `a` is label smoothing or Huber's delta. Hinge
    losses take a third input, the labels' form.
    """

    kind: str
    a: float = 0.0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, target = inputs[:2]
        if x != target:
            raise ValueError(f"targets {target} do not fit predictions {x}")
        loss = TensorType(x.shape[:-1], x.dtype)
        return (loss, x) if self.kind == "softmax" else (loss,)

    def grad(self, node: Node, *dys: Value | None) -> Sequence[Value | None]:
        nothing = [None] * (len(node.inputs) - 1)
        if dys[0] is None:
            return [None, *nothing]
        source = node.outputs[1] if self.kind == "softmax" else node.inputs[0]
        rest = node.inputs[1:]
        dx = source.graph.add1(TargetLossGrad(self.kind, self.a), source, *rest, dys[0])
        return [dx, *nothing]

    def scratch(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType], threads: int) -> int:
        return 0 if self.kind == "softmax" else inputs[0].nbytes

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        x, target = _table(inputs[0]), _table(inputs[1])
        loss = outputs[0].reshape(-1)
        work = _table(outputs[1]) if self.kind == "softmax" else scratch.view(x.dtype).reshape(x.shape)
        if self.kind == "softmax":
            return (KernelCall("softmax.softmax_loss", (x, target, self.a, work, loss)),)
        if self.kind == "sigmoid":
            return (KernelCall("softmax.sigmoid_loss", (x, target, self.a, work, loss)),)
        if self.kind == "categorical_crossentropy":
            return (KernelCall("losses.categorical_crossentropy", (x, target, self.a, work, loss)),)
        if self.kind == "categorical_hinge":
            return (KernelCall("losses.categorical_hinge", (x, target, work, loss)),)
        form = inputs[2] if len(inputs) == 3 else dummy("int64")
        return (KernelCall("losses.loss_rows", (x, target, _CODES[self.kind], self.a, form, work, loss)),)


@dataclass(frozen=True)
class TargetLossGrad(Op):
    """dx (..., C) of TargetLoss from x (or p), the target, the labels' form for hinge losses, and dloss."""

    kind: str
    a: float

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (inputs[0],)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        x, target, dloss = _table(inputs[0]), _table(inputs[1]), inputs[-1].reshape(-1)
        dx = _table(outputs[0])
        if self.kind in ("softmax", "sigmoid"):
            return (KernelCall(f"softmax.{self.kind}_loss_grad", (x, target, self.a, dloss, dx)),)
        if self.kind == "categorical_crossentropy":
            return (KernelCall("losses.categorical_crossentropy_grad", (x, target, self.a, dloss, dx)),)
        if self.kind == "categorical_hinge":
            return (KernelCall("losses.categorical_hinge_grad", (x, target, dloss, dx)),)
        form = inputs[2] if len(inputs) == 4 else dummy("int64")
        return (KernelCall("losses.loss_rows_grad", (x, target, _CODES[self.kind], self.a, form, dloss, dx)),)


@dataclass(frozen=True)
class HingeForm(Op):
    """1 where every label is 0 or 1, so that they stand for -1 and 1; else 0. (1,) int64."""

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        return (TensorType((1,), "int64"),)

    def calls(
        self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Array, threads: int
    ) -> Sequence[KernelCall]:
        return (KernelCall("losses.hinge_form", (inputs[0].reshape(-1), outputs[0])),)


def _columns(x: Value) -> Value:
    """x with an axis to take rows along: (N,) is seen as (N, 1)."""
    return reshape(x, (*x.shape, 1)) if len(x.shape) == 1 else x


def class_loss(x: Value, labels: Value, logits: bool, ignored: int | None = None) -> Value:
    """Cross-entropy (...) of x (..., C), logits or probabilities, and class numbers (...)."""
    op = ClassLoss(logits, NOTHING_IGNORED if ignored is None else ignored)
    return x.graph.add(op, x, labels)[0]


def target_loss(kind: str, x: Value, target: Value, a: float = 0.0) -> Value:
    """The loss `kind` (see TargetLoss) of x (..., C) and targets of its shape, or (N,) and (N,): rows
    (...).
    """
    x, target = _columns(x), _columns(target)
    if kind in ("hinge", "squared_hinge"):
        form = x.graph.add1(HingeForm(), target)
        return x.graph.add(TargetLoss(kind, a), x, target, form)[0]
    return x.graph.add(TargetLoss(kind, a), x, target)[0]
