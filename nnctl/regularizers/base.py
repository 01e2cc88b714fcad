"""What a regularizer is: a penalty on a weight or an output, added to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

regularizers: Registry[RegularizerSpec] = Registry("regularizer", "nnctl.regularizers")
register = regularizers.register


class RegularizerSpec(Spec):
    """A regularizer's parameters and meaning. Source: keras.regularizers."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Hold the regularizer against the shape of a weight.

        Raises:
            ShapeError: a weight of this shape has no such penalty.
        """

    def penalty(self, x: Value) -> Value:
        """The penalty of `x` (any shape) as a scalar (1,), composed of ops."""
        raise NotImplementedError


Regularizer = Annotated[Any, OneOf(regularizers)]
"""A field that takes a regularizer's name or a mapping with `type`; use `Regularizer | None`."""
