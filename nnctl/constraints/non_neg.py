"""Nothing below zero."""

from __future__ import annotations

from nnctl.constraints.base import ConstraintSpec, register
from nnctl.ops.base import Value
from nnctl.ops.constraints import non_negative


@register
class NonNeg(ConstraintSpec):
    """w = max(w, 0). Source: keras.constraints.NonNeg."""

    def apply(self, weight: Value) -> None:
        non_negative(weight)
