"""What a loss is: what it wants of the target, and one number per example, composed of ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from nnctl.core.ranges import ANY, Range
from nnctl.core.records import record
from nnctl.core.registry import Registry
from nnctl.core.shapes import Shape
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

losses: Registry[LossSpec] = Registry("loss", "nnctl.losses")
register = losses.register

FLAGS = 2
"""How many classes there are of numbers that are each 0 or 1."""


@record
class Target:
    """What a loss or metric reads as y_true.

    Attributes:
        kind: "classes" are integers 0..`classes`-1; "onehot" is a row of `classes` numbers; "numbers" are
        floats.
        shape: Without the batch axis. A "classes" target of shape () is one integer an example.
        classes: How many classes there are, where that is known.
        own_length: Whether a None in `shape` is a length of the data's own, and not the output's.
    """

    kind: Literal["classes", "onehot", "numbers"]
    shape: Shape
    classes: int | None = None
    own_length: bool = False


class LossSpec(Spec):
    """A loss's parameters and meaning. Source: keras.losses."""

    reduction: Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"] = (
        "sum_over_batch_size"
    )
    """How the examples' losses become one number (Keras: `reduction`)."""

    has_own_metric: ClassVar[bool] = False
    """Whether Keras's metric of it differs in name or sign, so that `metrics/` has a class for it."""

    not_of_metric: ClassVar[tuple[str, ...]] = ("reduction",)
    """Its fields that Keras's metric of it does not take."""

    power_of_unit: ClassVar[int | None] = None
    """The loss of targets that are d times as large is d to this power times as large; None: it is not so."""

    def target(self, output: Shape) -> Target:
        """What y_true must be for a model output of this shape.

        Raises:
            ShapeError: the loss does not fit an output of this shape.
        """
        raise NotImplementedError

    @property
    def reads_logits(self) -> bool:
        """Whether y_pred is read as logits, which a softmax or sigmoid is still to be applied to."""
        return bool(getattr(self, "from_logits", False))

    def of_shares(self) -> LossSpec | None:
        """The loss that reads, for each class number, the share of every class.

        That is what class numbers are where a layer has mixed examples, but for shares of an `ignore_class`,
        which are 0. None: it is not the same loss of any.
        """
        return None

    def reads(self) -> Range:
        """Between what y_pred must lie to mean anything to this loss."""
        return ANY

    def reads_targets(self) -> Range:
        """Between what y_true must lie to mean anything to this loss."""
        return ANY

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        """One loss per example (and position): y_pred's shape without its last axis, (N, ...).

        Losses that know other axes give (N, ...) without those, or (1,) for the whole batch.

        Where y_pred is softmax(x) or sigmoid(x), losses that can read the logits x instead do so (the stable
        form).
        """
        raise NotImplementedError

    def row_axes(self, output: Shape) -> int:
        """How many axes of an output, from its first on, its rows have too: each place may have a weight.

        The batch's axis is not counted.
        """
        return max(0, len(output) - 1)

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        """The rows, and which of them count: y_pred's mask, if the loss does not know better."""
        return self.rows(y_true, y_pred), mask


Loss = Annotated[Any, OneOf(losses)]
"""A field that takes a loss's name or a mapping with `type`."""
