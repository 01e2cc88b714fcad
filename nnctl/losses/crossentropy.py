"""Cross-entropies: how unlikely the target is under the predicted probabilities.

Where the output is a softmax (for the categorical ones) or a sigmoid (for the binary one), the loss reads the
logits before it: log-softmax and log-sigmoid do not overflow, so nothing is clipped. Elsewhere probabilities
are clipped to [1e-7, 1 - 1e-7], as Keras does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY, POSITIVE, UNIT, Range
from nnctl.core.registry import snake_case
from nnctl.core.shapes import Shape, show
from nnctl.kernels.functions import exp, log, log1p, sigmoid
from nnctl.kernels.probability import at_least_epsilon, clipped, smoothed
from nnctl.losses.base import LossSpec, Target, register
from nnctl.losses.termwise import Termwise

if TYPE_CHECKING:
    from nnctl.ops.base import Value

LastAxis = Literal[-1]
"""The classes' axis; nnctl keeps channels last, so it is always the last one."""


def class_axis(name: str, output: Shape) -> int:
    """How many classes an output (..., C) has. Raises ShapeError where there are not at least two."""
    if not output:
        raise ShapeError(
            f"{name} needs one output per class, but the output is a single number per example",
            expected="an output of shape (number of classes)",
        )
    classes = output[-1]
    if classes is None:
        raise ShapeError(f"{name} needs a known number of classes, but the output is {show(output)}")
    if classes == 1:
        raise ShapeError(
            f"{name} needs one output per class, but the output has 1 unit; "
            "use binary_crossentropy or units: <number of classes>",
            expected="at least 2 units",
        )
    return classes


@register
class SparseCategoricalCrossentropy(LossSpec):
    """-log p[y_true] for class numbers y_true. Source: keras.losses.SparseCategoricalCrossentropy."""

    from_logits: bool = False
    """Whether y_pred are logits; false: probabilities."""
    ignore_class: int | None = None
    """A class number whose examples (or positions) do not count."""
    axis: LastAxis = -1
    """The classes' axis."""

    def target(self, output: Shape) -> Target:
        return Target("classes", output[:-1], class_axis("sparse_categorical_crossentropy", output))

    def of_shares(self) -> LossSpec | None:
        # Who mixes leaves the shares of the ignored class out.
        return CategoricalCrossentropy(from_logits=self.from_logits, reduction=self.reduction)

    def reads(self) -> Range:
        return ANY if self.from_logits else POSITIVE

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import class_loss
        from nnctl.ops.softmax import logits_of

        logits = y_pred if self.from_logits else logits_of(y_pred, "softmax")
        x = y_pred if logits is None else logits
        return class_loss(x, y_true, logits is not None, self.ignore_class)

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        from nnctl.ops.totals import not_ignored

        if self.ignore_class is not None:
            mask = not_ignored(y_true, self.ignore_class, mask)
        return self.rows(y_true, y_pred), mask


class OfOneHot(LossSpec):
    """What cross-entropies of one class out of several share: targets are one-hot (or soft)."""

    from_logits: bool = False
    """Whether y_pred are logits; false: probabilities."""
    label_smoothing: float = Field(default=0.0, ge=0.0, le=1.0)
    """How much of each target is spread evenly over all classes."""
    axis: LastAxis = -1
    """The classes' axis."""

    def target(self, output: Shape) -> Target:
        return Target("onehot", output, class_axis(snake_case(type(self).__name__), output))

    def reads(self) -> Range:
        return ANY if self.from_logits else POSITIVE

    def reads_targets(self) -> Range:
        return UNIT


@register
class CategoricalCrossentropy(OfOneHot):
    """-sum_c y_true[c] log p[c] for one-hot (or soft) y_true.

    Source: keras.losses.CategoricalCrossentropy.
    """

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.losses import target_loss
        from nnctl.ops.softmax import logits_of

        logits = y_pred if self.from_logits else logits_of(y_pred, "softmax")
        if logits is None:
            return target_loss("categorical_crossentropy", y_pred, y_true, self.label_smoothing)
        return target_loss("softmax", logits, y_true, self.label_smoothing)


class OfFlags(LossSpec):
    """What cross-entropies of numbers that are each 0 or 1 share."""

    from_logits: bool = False
    """Whether y_pred are logits; false: probabilities."""
    label_smoothing: float = Field(default=0.0, ge=0.0, le=1.0)
    """How far the targets are moved from 0 and 1 towards 1/2."""
    axis: LastAxis = -1
    """The axis the mean is taken over."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output, 2)

    def reads(self) -> Range:
        return ANY if self.from_logits else UNIT

    def reads_targets(self) -> Range:
        return UNIT


@register
class BinaryCrossentropy(OfFlags):
    """-y log p - (1 - y) log(1 - p), the mean over the last axis. Source: keras.losses.BinaryCrossentropy."""

    aliases: ClassVar[tuple[str, ...]] = ("bce", "BCE")
    not_of_metric: ClassVar[tuple[str, ...]] = ("reduction", "axis")

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.formula import Formula
        from nnctl.ops.losses import term_loss
        from nnctl.ops.softmax import logits_of

        logits = y_pred if self.from_logits else logits_of(y_pred, "sigmoid")
        smoothing = (self.label_smoothing,)
        if logits is None:
            term, slope = Formula(of_probability, smoothing), Formula(of_probability_slope, smoothing)
            return term_loss(y_pred, y_true, term, slope)
        term, slope = Formula(of_logit, smoothing), Formula(of_logit_slope, smoothing)
        return term_loss(logits, y_true, term, slope)


def of_probability(y_true: float, y_pred: float, smoothing: float) -> float:
    """Binary cross-entropy of a probability, clipped."""
    p = clipped(y_pred)
    goal = smoothed(y_true, smoothing, 2)
    return -(goal * log(p) + (1 - goal) * log(1 - p))


def of_probability_slope(y_true: float, y_pred: float, smoothing: float) -> float:
    """The derivative of `of_probability`: none where it was clipped."""
    p = clipped(y_pred)
    goal = smoothed(y_true, smoothing, 2)
    return (1 - goal) / (1 - p) - goal / p if p == y_pred else 0


def of_logit(y_true: float, y_pred: float, smoothing: float) -> float:
    """Binary cross-entropy of sigmoid(y_pred), in the form that does not overflow."""
    positive = y_pred if y_pred > 0 else 0
    return positive - y_pred * smoothed(y_true, smoothing, 2) + log1p(exp(-abs(y_pred)))


def of_logit_slope(y_true: float, y_pred: float, smoothing: float) -> float:
    """The derivative of `of_logit`."""
    return sigmoid(y_pred) - smoothed(y_true, smoothing, 2)


@register
class KLDivergence(Termwise):
    """sum_c y_true[c] log(y_true[c] / p[c]), both clipped to [1e-7, 1]. Source: keras.losses.KLDivergence."""

    aliases: ClassVar[tuple[str, ...]] = ("kl_divergence", "kld", "KLD")
    mean: ClassVar[bool] = False

    def target(self, output: Shape) -> Target:
        return Target("onehot", output, class_axis("kl_divergence", output))

    def reads(self) -> Range:
        return UNIT

    def reads_targets(self) -> Range:
        return UNIT

    @staticmethod
    def term(y_true: float, y_pred: float) -> float:
        p, goal = up_to_one(y_pred), up_to_one(y_true)
        return goal * log(goal / p)

    @staticmethod
    def slope(y_true: float, y_pred: float) -> float:
        p = up_to_one(y_pred)
        return -up_to_one(y_true) / p if p == y_pred else 0


def up_to_one(p: float) -> float:
    """p between epsilon and 1."""
    return at_least_epsilon(1 if p > 1 else p)
