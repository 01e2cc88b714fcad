"""What poolings over one to three axes share: all but the sizes of their fields."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.layers.windows import around_each, slide
from nnctl.ops.base import Value
from nnctl.ops.shape import reshape


class Pooling(Layer):
    """One number for each window and channel; subclasses name the spatial axes and give `pool`.

    Shapes: x (B, *spatial, C), y (B, *spatial', C).
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    pool_size: Any
    """The window's extent along each spatial axis."""
    strides: Any = None
    """The steps between windows; null for the pool size."""
    padding: Literal["valid", "same"] = "valid"
    """`valid` uses whole windows only; `same` lets windows hang over the edge, which does not count."""
    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, with the default filled in."""
        steps: tuple[int, ...] = self.strides or self.pool_size
        return steps

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        size = slide(self.kind, "pool_size", x[:-1], self.pool_size, self.steps, self.padding)
        return (*size, x[-1])

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return self.pool(x, around_each(x.shape[1:-1], self.pool_size, self.steps, self.padding))

    def pool(self, x: Value, over: list[tuple[int, int]]) -> Value:
        """y of x; `over` says how far windows hang over the edges: (before, after) for each axis."""
        raise NotImplementedError


class GlobalPooling(Layer):
    """One number for each channel; subclasses name the spatial axes and give `pool`.

    Shapes: x (B, *spatial, C), y (B, C) or, with keepdims, (B, 1, ..., C).
    """

    supports_masking: ClassVar[bool] = False
    keeps_range: ClassVar[bool] = True
    spatial: ClassVar[tuple[str, ...]]
    """The spatial axes' names, for errors."""

    data_format: Literal["channels_last"] = "channels_last"
    """Where the channels are: always last."""
    keepdims: bool = False
    """Whether the spatial axes stay, of length 1."""

    def compute_output_shape(self, x: Shape) -> Shape:
        self.need_rank(x, *self.spatial, "channels")
        return (*(1,) * len(self.spatial), x[-1]) if self.keepdims else (x[-1],)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        y = self.pool(ctx, x)
        ones = (1,) * len(self.spatial)
        return reshape(y, (x.shape[0], *ones, x.shape[-1])) if self.keepdims else y

    def pool(self, ctx: LayerContext, x: Value) -> Value:
        """(B, C) of x (B, *spatial, C)."""
        raise NotImplementedError
