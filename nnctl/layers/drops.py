"""What layers share that drop numbers by a mask, which may be shared along axes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.fields import WithTraining
from nnctl.ops.base import Value


class Drops(WithTraining):
    """A layer that loses a part of its numbers while training.

    Shapes: x (B, ...), y (B, ...).
    """

    rate: Annotated[float, Field(ge=0, le=1)]
    """The part of the numbers that is dropped."""
    noise_shape: tuple[PositiveInt | None, ...] | None = None
    """The mask's shape, batch axis (null or 1) first: 1 shares it along an axis, null is its length."""
    seed: int | None = None
    """The stream's seed; default: the experiment's."""

    def compute_output_shape(self, x: Shape) -> Shape:
        noise = self.noise_shape
        if noise is None:
            return x
        # The batch axis comes first in noise_shape and is not in x; the last batch may be a smaller one.
        fits = (
            len(noise) == len(x) + 1
            and noise[0] in (None, 1)
            and all(n in (None, 1, length) or length is None for n, length in zip(noise[1:], x, strict=True))
        )
        if not fits:
            raise ShapeError(
                f"{self.kind}'s noise_shape {show(noise)} does not fit a batch of {show(x)}",
                field="noise_shape",
                expected=f"{len(x) + 1} entries: null or 1 for the batch, then null, 1 or the input's length",
            )
        return x

    def joins_examples(self) -> bool:
        """One mask for the whole batch."""
        return self.noise_shape is not None and self.noise_shape[0] == 1

    def mask_shape(self, x: Value) -> tuple[int, ...]:
        """The shape of x's mask: that of x, or `noise_shape` with its lengths filled in."""
        noise = self.noise_shape or x.shape
        return tuple(n or length for n, length in zip(noise, x.shape, strict=True))
