"""A table of vectors, looked up by index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveInt

from nnctl.constraints.base import Constraint
from nnctl.core.ranges import ANY, Range
from nnctl.core.shapes import Shape
from nnctl.initializers.base import Initializer
from nnctl.layers.base import Layer, Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.embedding import embedding, not_equal
from nnctl.regularizers.base import Regularizer


@register
class Embedding(Layer):
    """The table's row of each index.

    Shapes: x (B, ...) of whole numbers in [0, I), embeddings (I, O), y (B, ..., O).
    Source: keras.layers.Embedding.
    """

    any_dtype: ClassVar[bool] = True
    keras_only: ClassVar[tuple[str, ...]] = ("weights", "lora_rank", "lora_alpha", "quantization_config")

    input_dim: PositiveInt
    """How many indices there are: I, the largest index plus 1."""
    output_dim: PositiveInt
    """The length of each vector: O."""
    embeddings_initializer: Initializer = "uniform"
    """First values of the table."""
    embeddings_regularizer: Regularizer | None = None
    """Penalty on the table."""
    embeddings_constraint: Constraint | None = None
    """What the table satisfies after each update."""
    mask_zero: bool = False
    """Whether index 0 is padding, which later layers skip."""

    def index_count(self) -> str | None:
        return "input_dim"

    def skips(self) -> float | None:
        return 0.0 if self.mask_zero else None

    def compute_output_shape(self, x: Shape) -> Shape:
        return (*x, self.output_dim)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return {"embeddings": self.weight("embeddings", (self.input_dim, self.output_dim))}

    def output_range(self, *inputs: Range | None) -> Range | None:
        return ANY

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return embedding(x, ctx.weights["embeddings"])

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | list[Value | None] | None:
        return not_equal(x, 0) if self.mask_zero else None
