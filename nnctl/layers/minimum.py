"""The least of several inputs."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import ClassVar

from nnctl.layers.base import register
from nnctl.layers.extremum import Extremum
from nnctl.ops.base import Value
from nnctl.ops.elementwise import minimum


@register
class Minimum(Extremum):
    """y = min(x_1, x_2, ...), number by number.

    A masked position of an input does not count; where every input is masked, y is x_1. Inputs that are equal
    share the gradient by halves, from left to right.

    Shapes: x_i (B, ...), y (B, ...); axes of length 1 stretch.
    Source: keras.layers.Minimum.
    """

    least_extreme: ClassVar[float] = inf
    extreme: ClassVar[Callable[[Value, Value], Value]] = minimum
