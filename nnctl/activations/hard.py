"""Activations of straight pieces that stand for a smooth one."""

from __future__ import annotations

from math import inf
from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import Range


@register
class hard_silu(Elementwise):
    """y = x clip(x / 6 + 1/2, 0, 1). Source: keras.activations.hard_silu (Howard et al., 2019)."""

    aliases: ClassVar[tuple[str, ...]] = ("hard_swish",)
    between: ClassVar[Range] = (-0.375001, inf)

    @staticmethod
    def value(x: float) -> float:
        gate = x / 6 + 0.5
        gate = 0 if gate < 0 else gate
        return x * (1 if gate > 1 else gate)

    @staticmethod
    def slope(x: float) -> float:
        return (1 if x >= 3 else x / 3 + 0.5) if x > -3 else 0


@register
class hard_tanh(Elementwise):
    """y = clip(x, -1, 1). Source: keras.activations.hard_tanh."""

    between: ClassVar[Range] = (-1.0, 1.0)

    @staticmethod
    def value(x: float) -> float:
        return -1 if x < -1 else (1 if x > 1 else x)

    def clips(self) -> Range | None:
        return self.between

    @staticmethod
    def slope(x: float) -> float:
        return 1 if x >= -1 and x <= 1 else 0
