"""A longer sequence."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt

from nnctl.layers.base import register
from nnctl.layers.up_sampling import UpSampling


@register
class UpSampling1D(UpSampling):
    """Each step `size` times over.

    Shapes: x (B, T, C), y (B, size T, C).
    Source: keras.layers.UpSampling1D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("steps",)

    size: PositiveInt = 2
    """How often each step is repeated."""

    def times(self) -> tuple[int, ...]:
        return (self.size,)
