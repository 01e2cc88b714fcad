"""What layers share that combine several inputs element by element: the shape rule, the mask rule."""

from __future__ import annotations

from functools import reduce
from typing import ClassVar

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Layer
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.masks import either
from nnctl.ops.shape import broadcast_to, reshape


class Merge(Layer):
    """Inputs of one shape, or of shapes that broadcast: axes of length 1 stretch, missing ones are 1.

    Shapes: x_1, x_2, ... (B, ...), y (B, ...).
    """

    fewest_inputs: ClassVar[int] = 2

    def compute_output_shape(self, *inputs: Shape) -> Shape:
        shape, *others = inputs
        for other in others:
            shape = self._joined(shape, other)
        return shape

    def _joined(self, a: Shape, b: Shape) -> Shape:
        rank = max(len(a), len(b))
        pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
        axes: list[int | None] = []
        for n, m in pairs:
            if n is None or m is None:
                axes.append(None)
            elif 1 in (n, m) or n == m:
                axes.append(m if n == 1 else n)
            else:
                raise ShapeError(
                    f"{self.kind} cannot combine {show(a)} and {show(b)}: {n} is not {m}",
                    expected="inputs of one shape, or with 1 where they differ",
                )
        return tuple(axes)

    def alike(self, *inputs: Value) -> list[Value]:
        """The inputs, stretched to the output's shape where they are smaller."""
        shape = self.compute_output_shape(*(x.shape[1:] for x in inputs))
        return [_stretched(x, tuple(n for n in shape if n is not None)) for x in inputs]

    def counting(self, ctx: LayerContext, *inputs: Value) -> list[Value | None]:
        """The mask of each input, to leave positions out by.

        As in Keras, an input that gets axes in front of its own loses its mask by that.
        """
        rank = max(len(x.shape) for x in inputs)
        return [m if len(x.shape) == rank else None for x, m in zip(inputs, ctx.masks, strict=True)]

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        """Set where any input's mask is set; None where an input has none."""
        masks = [m for m in ctx.masks if m is not None]
        if len(masks) < len(ctx.masks) or not masks:
            return None
        if len({len(x.shape) for x in inputs}) > 1:
            # Keras lines masks up by their last axes, batches with lengths, and fails for most batches.
            shapes = ", ".join(show(x.shape[1:]) for x in inputs)
            raise ShapeError(
                f"{self.kind} cannot join the masks of inputs with different numbers of axes: {shapes}",
                expected="inputs of as many axes, or one without a mask (put Flatten or Reshape before it)",
            )
        # A sequence of one step that is stretched has its mask stretched too.
        return reduce(either, masks)


def _stretched(x: Value, shape: tuple[int, ...]) -> Value:
    batch, *own = x.shape
    if tuple(own) == shape:
        return x
    ones = (1,) * (len(shape) - len(own))
    return broadcast_to(reshape(x, (batch, *ones, *own)), (batch, *shape))
