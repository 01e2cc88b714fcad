"""Numbers as the bins that they fall into."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, FiniteFloat, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.shapes import Shape
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Encodes, Encoding
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.ops.categories import bins


@register
class Discretization(Encodes):
    """The number of the bin that each number falls into: how many boundaries are at most the number.

    Shapes: x (B, ...), y (B, ...) of whole numbers in [0, D), D the number of boundaries plus 1; with
    multi_hot and count x (B, T), y (B, D); with one_hot y (B, ..., D).
    Source: keras.layers.Discretization.
    """

    supports_masking: ClassVar[bool] = False
    passes_gradient: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(lacks=("trainable",))
    keras_only: ClassVar[tuple[str, ...]] = ("num_bins", "epsilon", "sparse")

    bin_boundaries: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)] | None = None
    """Where one bin ends and the next begins, from the least on; the boundary belongs to the upper one."""
    output_mode: Literal["int"] | Encoding = "int"
    """int: the bins' numbers. one_hot: 0/1 numbers for each. multi_hot: which occur in an example. count: how
    often."""

    @model_validator(mode="after")
    def _agree(self) -> Discretization:
        given = self.bin_boundaries
        if given is None:
            raise PydanticCustomError(
                "discretization",
                "'Discretization' needs 'bin_boundaries': it does not find them in the data",
            )
        if any(low >= high for low, high in pairwise(given)):
            raise PydanticCustomError("discretization", "'bin_boundaries' must rise")
        return self

    @property
    def boundaries(self) -> tuple[float, ...]:
        """The boundaries, which are there."""
        return self.bin_boundaries or ()

    def compute_output_shape(self, x: Shape) -> Shape:
        return x if self.output_mode == "int" else self.encoded_shape(self.output_mode, self.depth, x)

    @property
    def depth(self) -> int:
        """How many bins there are."""
        return len(self.boundaries) + 1

    def call(self, ctx: LayerContext, x: Value) -> Value:
        numbers = bins(x, self.boundaries)
        if self.output_mode == "int":
            return numbers
        return self.encoded(self.output_mode, self.depth, numbers, ctx.graph.dtype)
