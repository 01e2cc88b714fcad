"""What an initializer is: the first values of a weight, from its shape and a random key."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from nnctl.core.keys import Key
from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

initializers: Registry[InitializerSpec] = Registry("initializer", "nnctl.initializers")
register = initializers.register


class InitializerSpec(Spec):
    """An initializer's parameters and meaning. Source: keras.initializers."""

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> np.ndarray[Any, Any]:
        """The values of a weight of `shape`; equal on every machine for equal arguments."""
        raise NotImplementedError


Initializer = Annotated[Any, OneOf(initializers)]
"""A field that takes an initializer's name or a mapping with `type`."""
