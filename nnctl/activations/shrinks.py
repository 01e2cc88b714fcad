"""Activations that bring small numbers to 0, or nearer to it."""

from __future__ import annotations

from typing import ClassVar

from nnctl.activations.base import register
from nnctl.activations.elementwise import Elementwise
from nnctl.core.ranges import ANY, Range
from nnctl.kernels.functions import tanh


@register
class hard_shrink(Elementwise):
    """y = x for |x| > threshold, 0 else. Source: keras.activations.hard_shrink."""

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "HardShrink")
    between: ClassVar[Range] = ANY

    threshold: float = 0.5
    """Numbers no farther from 0 than this become 0."""

    @staticmethod
    def value(x: float, threshold: float) -> float:
        return x if abs(x) > threshold else 0

    @staticmethod
    def slope(x: float, threshold: float) -> float:
        return 1 if abs(x) > threshold else 0


@register
class soft_shrink(Elementwise):
    """y = x - threshold for x > threshold, x + threshold for x < -threshold, 0 else.

    Source: keras.activations.soft_shrink.
    """

    keras_operation: ClassVar[tuple[str, str] | None] = ("keras.src.ops.nn", "SoftShrink")
    between: ClassVar[Range] = ANY

    threshold: float = 0.5
    """How much nearer to 0 a number comes, and how far from it a number must be not to become 0."""

    @staticmethod
    def value(x: float, threshold: float) -> float:
        return x - threshold if x > threshold else (x + threshold if x < -threshold else 0)

    @staticmethod
    def slope(x: float, threshold: float) -> float:
        return 1 if x > threshold or x < -threshold else 0


@register
class tanh_shrink(Elementwise):
    """y = x - tanh(x). Source: keras.activations.tanh_shrink."""

    between: ClassVar[Range] = ANY

    @staticmethod
    def value(x: float) -> float:
        return x - tanh(x)

    @staticmethod
    def slope(x: float) -> float:
        y = tanh(x)
        return y * y
