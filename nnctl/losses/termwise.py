"""Losses that take each number of the output by itself: a formula of its value, and one of its slope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target

if TYPE_CHECKING:
    from nnctl.ops.base import Value


class Termwise(LossSpec):
    """The mean over the last axis of term(y_true, y_pred), targets of the output's shape.

    A subclass gives static methods that are formulas (`nnctl/kernels/formula_text.py`):
    `term(y_true, y_pred)`, and `slope(y_true, y_pred)`, its derivative in y_pred. Arguments after these two
    are the fields of those names.
    """

    term: ClassVar[Any]
    slope: ClassVar[Any]
    mean: ClassVar[bool] = True
    """Whether a row's terms are averaged; else they are added up."""

    def target(self, output: Shape) -> Target:
        return Target("numbers", output)

    def rows(self, y_true: Value, y_pred: Value) -> Value:
        from nnctl.ops.formula import formula
        from nnctl.ops.losses import term_loss

        term, slope = formula(self.term, 2, self), formula(self.slope, 2, self)
        return term_loss(y_pred, y_true, term, slope, self.mean)
