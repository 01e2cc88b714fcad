"""Labels in order, at steps that nobody has marked (speech, handwriting)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.losses.base import LossSpec, Target, register
from nnctl.losses.crossentropy import class_axis

if TYPE_CHECKING:
    from nnctl.ops.base import Value


@register
class CTC(LossSpec):
    """-log of the probability that the steps spell the labels, blanks and repetitions left out.

    Class 0 is the blank; it also pads the labels, which are as many as are not 0. Masked steps are left out.
    Labels that the steps are too few for have an infinite loss, and no gradient.
    Shapes: y_true (B, L) class numbers, y_pred (B, T, C) logits, rows (B,).
    Source: keras.losses.CTC; Graves et al., "Connectionist temporal classification" (2006).
    """

    def target(self, output: Shape) -> Target:
        if len(output) != 2:
            raise ShapeError(
                f"ctc needs a row of logits per step, but the output is {show(output)}",
                expected="an output of shape (steps, number of classes with the blank, which is class 0)",
            )
        return Target("classes", (None,), class_axis("ctc", output), own_length=True)

    @property
    def reads_logits(self) -> bool:
        return True

    def row_axes(self, output: Shape) -> int:
        return 0

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        return self.masked_rows(y_true, y_pred, None)[0]

    def masked_rows(self, y_true: Value, y_pred: Value, mask: Value | None) -> tuple[Value, Value | None]:
        from nnctl.ops.ctc import ctc_loss
        from nnctl.ops.softmax import log_softmax

        return ctc_loss(log_softmax(y_pred), y_true, mask), None
