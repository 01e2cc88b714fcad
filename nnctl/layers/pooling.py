"""What poolings over height and width share: fields and shape rule."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer
from nnctl.layers.sizes import Pair
from nnctl.layers.windows import Padding, around, slide

IMAGE = ("height", "width", "channels")


class Pooling2D(Layer):
    """One number for each window and channel; subclasses give `call`.

    Shapes: x (B, H, W, C), y (B, P, Q, C).
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True

    pool_size: Pair
    """The window's height and width."""
    strides: Pair | None = None
    """The steps between windows, down and across; null for the pool size."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` lets windows hang over the edge, which does not count."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    @property
    def steps(self) -> tuple[int, int]:
        """The strides, with the default filled in."""
        return self.strides or self.pool_size

    def output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *IMAGE)
        size = slide(self.kind, "pool_size", x[:-1], self.pool_size, self.steps, self.padding)
        return (*size, x[-1])

    def pads(self, x: tuple[int, ...]) -> Any:
        """((top, bottom), (left, right)): how far windows hang over the edges of x (B, H, W, C)."""
        over: Padding = tuple(
            around(n, w, s, self.padding) for n, w, s in zip(x[1:3], self.pool_size, self.steps, strict=True)
        )
        return over


class GlobalPooling2D(Layer):
    """One number for each channel; subclasses give `call`.

    Shapes: x (B, H, W, C), y (B, C) or, with keepdims, (B, 1, 1, C).
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True

    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""
    keepdims: bool = False
    """Whether height and width stay as axes of length 1."""

    def output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *IMAGE)
        return (1, 1, x[-1]) if self.keepdims else (x[-1],)
