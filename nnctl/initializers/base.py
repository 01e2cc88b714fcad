"""What an initializer is: the first values of a weight, from its shape and a random key."""

from __future__ import annotations

from typing import Annotated, Any

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.core.keys import key as make_key
from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

initializers: Registry[InitializerSpec] = Registry("initializer", "nnctl.initializers")
register = initializers.register


class InitializerSpec(Spec):
    """An initializer's parameters and meaning. Source: keras.initializers."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        """Hold the initializer against the shape of a weight that it is to fill, without drawing anything.

        Raises:
            ShapeError: a weight of this shape cannot be filled so.
        """

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        """The values of a weight of `shape`; equal on every machine for equal arguments.

        Raises:
            ShapeError: a weight of this shape cannot be filled so.
        """
        raise NotImplementedError


class RandomSpec(InitializerSpec):
    """An initializer that draws random numbers, in float64, from a stream of its own."""

    seed: int | None = None
    """Draw from this seed's stream, the same for every weight of a shape; default: the experiment's seed."""

    def stream(self, key: Key) -> Key:
        """The key to draw with: the weight's own, or that of `seed` (as in Keras) where it is given."""
        return key if self.seed is None else make_key(self.seed, "initializer")


Initializer = Annotated[Any, OneOf(initializers)]
"""A field that takes an initializer's name or a mapping with `type`."""
