"""What a constraint is: what a weight is made to satisfy after each update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

constraints: Registry[ConstraintSpec] = Registry("constraint", "nnctl.constraints")
register = constraints.register


class ConstraintSpec(Spec):
    """A constraint's parameters and meaning. Source: keras.constraints."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Hold the constraint against the shape of a weight.

        Raises:
            ShapeError: a weight of this shape cannot satisfy it.
        """

    def apply(self, weight: Value) -> None:
        """Add an op that rewrites the variable `weight` (any shape) so that it satisfies the constraint.

        Raises:
            ShapeError: a weight of this shape cannot satisfy it.
        """
        raise NotImplementedError


Constraint = Annotated[Any, OneOf(constraints)]
"""A field that takes a constraint's name or a mapping with `type`; use `Constraint | None`."""
