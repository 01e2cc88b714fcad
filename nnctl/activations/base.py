"""What an activation is: a function of one tensor, by name or as a mapping with parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator

from nnctl.core.ranges import Range
from nnctl.core.registry import Registry
from nnctl.core.shapes import Shape
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

activations: Registry[ActivationFunction] = Registry("activation", "nnctl.activations")
register = activations.register


class ActivationFunction(Spec):
    """An activation's parameters and meaning. Source: keras.activations."""

    sums_to_one: ClassVar[bool] = False
    """Whether the outputs along its `axis` sum to 1."""
    keras_layer: ClassVar[str | None] = None
    """Keras's layer that takes this function's parameters; where there is an operation too, none below 0."""
    keras_operation: ClassVar[tuple[str, str] | None] = None
    """The module and class of Keras's operation that takes this function's parameters."""
    not_in_exports: ClassVar[str | None] = None
    """Why a model with it cannot be exported to Keras, if it cannot."""

    def output_shape(self, x: Shape) -> Shape:
        """The shape (batch left out) of what it makes of x. Raises ShapeError where x does not fit."""
        return x

    def output_mask(self, mask: Value, x: Value) -> Value | None:
        """What a mask (B, ...) of x says of the output; None for nothing."""
        return mask

    def value_range(self, x: Range | None) -> Range | None:
        """Between what its outputs lie, where the inputs are in the range `x`; None if that is not known."""
        return None

    def apply(self, x: Value) -> Value:
        """y, of x's shape in most cases, composed of ops."""
        raise NotImplementedError


def _none_is_linear(value: Any) -> Any:
    """Keras's `activation=None`."""
    return "linear" if value is None else value


Activation = Annotated[Any, OneOf(activations), BeforeValidator(_none_is_linear)]
"""A field that takes an activation's name or a mapping with `type`; null is `linear`."""
