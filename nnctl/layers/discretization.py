"""Numbers as the bins that they fall into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape
from nnctl.initializers.constant import Zeros
from nnctl.layers.adapting import quantiles
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Encodes, Encoding
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.categories import bins


@register
class Discretization(Encodes):
    """The number of the bin that each number falls into: how many boundaries are at most the number.

    With `num_bins`, the layer reads an input of the model, and the boundaries are found in all that comes in
    there in training, once, before the first step: about equally many of its numbers fall into each bin.

    Shapes: x (B, ...), y (B, ...) of whole numbers in [0, D), D the number of boundaries plus 1; with
    multi_hot and count x (B, T), y (B, D); with one_hot y (B, ..., D); bin_boundaries (D - 1,) if found.
    Source: keras.layers.Discretization.
    """

    supports_masking: ClassVar[bool] = False
    passes_gradient: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(lacks=("trainable",), configured=("bin_boundaries",))
    keras_only: ClassVar[tuple[str, ...]] = ("sparse",)

    bin_boundaries: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)] | None = None
    """Where one bin ends and the next begins, from the least on; the boundary belongs to the upper one."""
    num_bins: Annotated[int, Field(ge=2)] | None = None
    """How many bins to find boundaries for in the training split, in place of `bin_boundaries`."""
    epsilon: Annotated[float, Field(gt=0, le=0.5)] = 0.01
    """How far a found boundary may be from where it should be, as a part of all numbers."""
    output_mode: Literal["int"] | Encoding = "int"
    """int: the bins' numbers. one_hot: 0/1 numbers for each. multi_hot: which occur in an example. count: how
    often."""

    @model_validator(mode="after")
    def _agree(self) -> Discretization:
        given = self.bin_boundaries
        if (given is None) == (self.num_bins is None):
            raise _error("'Discretization' needs either 'bin_boundaries' or 'num_bins'")
        if given is None:
            if (self.num_bins or 0) * self.epsilon > 1:
                raise _error("'num_bins' needs an 'epsilon' of at most 1 / num_bins")
            return self
        if any(low >= high for low, high in pairwise(given)):
            raise _error("'bin_boundaries' must rise")
        return self

    def adapts(self) -> bool:
        return self.bin_boundaries is None

    def adapted(self, blocks: Iterator[Array]) -> Mapping[str, Any]:
        found = quantiles(blocks, self.depth, self.epsilon)
        if found is None:
            raise ShapeError(
                f"fewer than {self.depth} numbers are no {self.depth} bins",
                field="num_bins",
                expected="fewer bins, or a larger training split",
            )
        return {"bin_boundaries": found}

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        shape = (self.depth - 1,)
        return {"bin_boundaries": Weight(shape, Zeros(), trainable=False)} if self.adapts() else {}

    def numbers_given(self) -> tuple[int, int] | None:
        return (0, self.depth - 1) if self.output_mode == "int" else None

    def compute_output_shape(self, x: Shape) -> Shape:
        return self.encoded_shape(self.output_mode, self.depth, x)

    @property
    def depth(self) -> int:
        """How many bins there are."""
        return len(self.bin_boundaries) + 1 if self.bin_boundaries is not None else self.num_bins or 0

    def call(self, ctx: LayerContext, x: Value) -> Value:
        boundaries = ctx.weights.get("bin_boundaries")
        if boundaries is None:
            boundaries = ctx.graph.constant(np.array(self.bin_boundaries, x.dtype))
        numbers = bins(x, boundaries)
        return self.encoded(self.output_mode, self.depth, numbers, ctx.graph.dtype)


def _error(message: str) -> PydanticCustomError:
    return PydanticCustomError("discretization", message)
