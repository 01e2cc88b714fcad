"""Zeros around a sequence."""

from __future__ import annotations

from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.sizes import PairFromZero
from nnctl.layers.zero_padding import ZeroPadding


@register
class ZeroPadding1D(ZeroPadding):
    """Puts steps of zeros before and after a sequence.

    Shapes: x (B, T, C), y (B, before + T + after, C).
    Source: keras.layers.ZeroPadding1D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("steps",)

    padding: PairFromZero = (1, 1)
    """One number, or [before, after]."""

    def around(self) -> tuple[tuple[int, int], ...]:
        return (self.padding,)
