"""Penalties on the size of numbers: L1, L2, both."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeFloat

from nnctl.ops.base import Value
from nnctl.ops.elementwise import add
from nnctl.ops.reduce import sum_of_absolutes, sum_of_squares
from nnctl.regularizers.base import RegularizerSpec, register


@register
class L1(RegularizerSpec):
    """l1 sum(|x|). Source: keras.regularizers.L1."""

    l1: NonNegativeFloat = 0.01
    """The factor of the sum of magnitudes."""

    def penalty(self, x: Value) -> Value:
        return sum_of_absolutes(x, self.l1)


@register
class L2(RegularizerSpec):
    """l2 sum(x^2). Source: keras.regularizers.L2."""

    l2: NonNegativeFloat = 0.01
    """The factor of the sum of squares."""

    def penalty(self, x: Value) -> Value:
        return sum_of_squares(x, self.l2)


@register
class L1L2(RegularizerSpec):
    """l1 sum(|x|) + l2 sum(x^2). Source: keras.regularizers.L1L2."""

    aliases: ClassVar[tuple[str, ...]] = ("l1_l2",)

    l1: NonNegativeFloat = 0.0
    """The factor of the sum of magnitudes."""
    l2: NonNegativeFloat = 0.0
    """The factor of the sum of squares."""

    def penalty(self, x: Value) -> Value:
        if self.l1 == 0.0:
            return sum_of_squares(x, self.l2)
        if self.l2 == 0.0:
            return sum_of_absolutes(x, self.l1)
        return add(sum_of_absolutes(x, self.l1), sum_of_squares(x, self.l2))
