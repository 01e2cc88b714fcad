"""What an activation is: a function of one tensor, by name or as a mapping with parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

activations: Registry[ActivationFunction] = Registry("activation", "nnctl.activations")
register = activations.register


class ActivationFunction(Spec):
    """An activation's parameters and meaning. Source: keras.activations."""

    def apply(self, x: Value) -> Value:
        """y of x's shape, composed of ops."""
        raise NotImplementedError


def _none_is_linear(value: Any) -> Any:
    """Keras's `activation=None`."""
    return "linear" if value is None else value


Activation = Annotated[Any, OneOf(activations), BeforeValidator(_none_is_linear)]
"""A field that takes an activation's name or a mapping with `type`; null is `linear`."""
