"""Less of a sequence."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.cropping import Cropping
from nnctl.layers.sizes import PairFromZero


@register
class Cropping1D(Cropping):
    """Cuts steps off the start and the end of a sequence.

    Shapes: x (B, T, C), y (B, T - before - after, C).
    Source: keras.layers.Cropping1D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("steps",)

    cropping: PairFromZero = (1, 1)
    """One number, or [before, after]."""

    def off(self) -> tuple[tuple[int, int], ...]:
        return (self.cropping,)
