"""Numbers of classes as 0/1 numbers or counts."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import register
from nnctl.layers.context import LayerContext
from nnctl.layers.encoding import Encodes, Encoding
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value


@register
class CategoryEncoding(Encodes):
    """A number per class: whether it occurs, or how often, or by which weights.

    Shapes: inputs (B, T) of whole numbers in [0, D), count_weights (B, T), y (B, D); with one_hot, inputs
    (B, ..., T) and y (B, ..., T, D), or (B, ..., D) where T is 1.
    Source: keras.layers.CategoryEncoding.
    """

    any_dtype: ClassVar[bool] = True
    supports_masking: ClassVar[bool] = False
    in_keras: ClassVar[InKeras] = InKeras(arguments=("inputs",))
    keras_only: ClassVar[tuple[str, ...]] = ("sparse",)

    num_tokens: PositiveInt | None = None
    """How many classes there are: D, the largest number plus 1; it must be given."""
    output_mode: Encoding = "multi_hot"
    """one_hot: 0/1 numbers for each number. multi_hot: which occur in an example. count: how often."""

    @model_validator(mode="after")
    def _agree(self) -> CategoryEncoding:
        if self.num_tokens is None:
            raise PydanticCustomError(
                "encoding", "'CategoryEncoding' needs 'num_tokens': how many classes there are"
            )
        return self

    @property
    def depth(self) -> int:
        """How many classes there are."""
        return self.num_tokens or 0

    def index_count(self) -> str | None:
        return "num_tokens"

    def compute_output_shape(self, inputs: Shape, count_weights: Shape | None = None) -> Shape:
        if count_weights is not None and self.output_mode != "count":
            raise ShapeError(
                "count_weights are for counts", field="output_mode", expected="output_mode: count"
            )
        if count_weights is not None and count_weights != inputs:
            raise ShapeError(
                f"count_weights of shape {show(count_weights)} do not fit inputs of shape {show(inputs)}",
                expected="one weight per number",
            )
        return self.encoded_shape(self.output_mode, self.depth, inputs)

    def call(self, ctx: LayerContext, inputs: Value, count_weights: Value | None = None) -> Value:
        return self.encoded(self.output_mode, self.depth, inputs, ctx.graph.dtype, count_weights)
