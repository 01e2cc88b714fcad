"""Constraints on the norms of a weight's vectors: at most, exactly, between."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.constraints.base import ConstraintSpec, register
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import show
from nnctl.ops.base import Value
from nnctl.ops.constraints import bound_norms


class NormConstraint(ConstraintSpec):
    """Scales each vector along `axis` so that its norm lies within bounds."""

    axis: int | tuple[int, ...] = 0
    """The axis or axes of a vector: 0 for a Dense kernel (I, O), [0, 1, 2] for a Conv2D kernel."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        self.run_of_axes(shape)

    def run_of_axes(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """(first, last) of the axes, which must lie side by side in a weight of `shape`.

        Raises:
            ShapeError: they do not, or the weight does not have them.
        """
        rank = len(shape)
        wanted = (self.axis,) if isinstance(self.axis, int) else self.axis
        axes = sorted(a + rank if a < 0 else a for a in wanted)
        inside = axes and axes[0] >= 0 and axes[-1] < rank
        if not inside or axes != list(range(axes[0], axes[-1] + 1)):
            kind = type(self).__name__
            raise ShapeError(
                f"{kind} over axis {self.axis} does not fit a weight of shape {show(shape)}",
                field="axis",
                expected=f"axes of 0 to {rank - 1} that lie side by side" if rank > 1 else "axis: 0",
            )
        return axes[0], axes[-1]


@register
class MaxNorm(NormConstraint):
    """Norms of at most `max_value`. Source: keras.constraints.MaxNorm (Srivastava et al., 2014)."""

    max_value: NonNegativeFloat = 2.0
    """The largest norm."""

    def apply(self, weight: Value) -> None:
        bound_norms(weight, self.run_of_axes(weight.shape), 0.0, self.max_value, 1.0)


@register
class UnitNorm(NormConstraint):
    """Norms of 1. Source: keras.constraints.UnitNorm."""

    def apply(self, weight: Value) -> None:
        bound_norms(weight, self.run_of_axes(weight.shape), 1.0, 1.0, 1.0)


@register
class MinMaxNorm(NormConstraint):
    """Norms from `min_value` to `max_value`. Source: keras.constraints.MinMaxNorm."""

    min_value: NonNegativeFloat = 0.0
    """The smallest norm."""
    max_value: NonNegativeFloat = 1.0
    """The largest norm."""
    rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How far to go from the norm as it is (0) to the bound (1)."""

    @model_validator(mode="after")
    def _agree(self) -> MinMaxNorm:
        if self.min_value > self.max_value:
            raise PydanticCustomError(
                "norm",
                "no norm is at least {low} and at most {high}",
                {"low": self.min_value, "high": self.max_value},
            )
        return self

    def apply(self, weight: Value) -> None:
        bound_norms(weight, self.run_of_axes(weight.shape), self.min_value, self.max_value, self.rate)
