"""Initializers that draw from one distribution, whatever the weight's shape."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import NonNegativeFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.initializers.base import RandomSpec, register
from nnctl.initializers.draws import normal, truncated_normal, uniform


@register
class RandomNormal(RandomSpec):
    """Normal numbers. Source: keras.initializers.RandomNormal."""

    aliases: ClassVar[tuple[str, ...]] = ("normal",)
    mean: float = 0.0
    """The distribution's mean."""
    stddev: NonNegativeFloat = 0.05
    """The distribution's standard deviation."""

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        return (self.mean + self.stddev * normal(shape, self.stream(key))).astype(dtype)


@register
class TruncatedNormal(RandomSpec):
    """Normal numbers, drawn again where they lie more than two standard deviations from the mean.

    Source: keras.initializers.TruncatedNormal.
    """

    mean: float = 0.0
    """The mean before truncation."""
    stddev: NonNegativeFloat = 0.05
    """The standard deviation before truncation."""

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        return (self.mean + self.stddev * truncated_normal(shape, self.stream(key))).astype(dtype)


@register
class RandomUniform(RandomSpec):
    """Numbers spread evenly over [minval, maxval). Source: keras.initializers.RandomUniform."""

    aliases: ClassVar[tuple[str, ...]] = ("uniform",)
    minval: float = -0.05
    """The lower end."""
    maxval: float = 0.05
    """The upper end."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.minval > self.maxval:
            raise PydanticCustomError(
                "range",
                "no number is at least {low} and below {high}",
                {"low": self.minval, "high": self.maxval},
            )
        return self

    def sample(self, shape: tuple[int, ...], dtype: str, key: Key) -> Array:
        spread = self.maxval - self.minval
        return (self.minval + spread * uniform(shape, self.stream(key))).astype(dtype)
