"""Zeros around an image."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from nnctl.layers.base import register
from nnctl.layers.sizes import PairFromZero
from nnctl.layers.zero_padding import ZeroPadding


def _by_axis(value: Any) -> Any:
    """Keras's short forms: 1 is [1, 1], and [1, 2] is [[1, 1], [2, 2]]."""
    return (value, value) if isinstance(value, int) else value


@register
class ZeroPadding2D(ZeroPadding):
    """Puts rows of zeros above and below, columns of zeros left and right.

    Shapes: x (B, H, W, C), y (B, top + H + bottom, left + W + right, C).
    Source: keras.layers.ZeroPadding2D.
    """

    spatial: ClassVar[tuple[str, ...]] = ("height", "width")

    padding: Annotated[
        tuple[PairFromZero, PairFromZero],
        BeforeValidator(_by_axis, json_schema_input_type=int | tuple[PairFromZero, PairFromZero]),
    ] = ((1, 1), (1, 1))
    """One number, or one for rows and one for columns, or [[top, bottom], [left, right]]."""
