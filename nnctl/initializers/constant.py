"""Initializers without chance: zeros, ones, a number, the identity."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.keys import Key
from nnctl.core.shapes import show
from nnctl.initializers.base import InitializerSpec, register


@register
class Zeros(InitializerSpec):
    """All zeros. Source: keras.initializers.Zeros."""

    aliases: ClassVar[tuple[str, ...]] = ("zero",)

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        return np.zeros(shape, dtype)


@register
class Ones(InitializerSpec):
    """All ones. Source: keras.initializers.Ones."""

    aliases: ClassVar[tuple[str, ...]] = ("one",)

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        return np.ones(shape, dtype)


@register
class Constant(InitializerSpec):
    """One number everywhere. Source: keras.initializers.Constant."""

    value: float = 0.0
    """The number."""

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        return np.full(shape, self.value, dtype)


@register
class Identity(InitializerSpec):
    """`gain` on the diagonal of a matrix, zeros elsewhere. Source: keras.initializers.Identity."""

    aliases: ClassVar[tuple[str, ...]] = ("IdentityInitializer",)
    gain: float = 1.0
    """The diagonal's value."""

    def check_shape(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2:
            raise ShapeError(
                f"Identity fills only matrices, not a weight of shape {show(shape)}",
                expected="another initializer, such as glorot_uniform" if shape[1:] else "zeros or ones",
            )

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        self.check_shape(shape)
        return (self.gain * np.eye(shape[0], shape[1])).astype(dtype)
