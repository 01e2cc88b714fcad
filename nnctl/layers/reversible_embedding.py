"""A table of vectors, looked up by index and, in reverse, compared with vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveFloat

from nnctl.activations.plain import tanh
from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight, register
from nnctl.layers.call_arguments import Flag
from nnctl.layers.context import LayerContext
from nnctl.layers.embedding import Embedding
from nnctl.ops.base import Value
from nnctl.ops.elementwise import cast, scale
from nnctl.ops.linear import matmul
from nnctl.ops.shape import reshape


@register
class ReversibleEmbedding(Embedding):
    """The table's row of each index; called with `reverse`, the product of each vector and every row.

    Shapes: x (B, ...) of whole numbers in [0, I), embeddings (I, O), y (B, ..., O); in reverse x (B, ..., O),
    reverse_embeddings (O, I) unless `tie_weights`, y (B, ..., I).
    Source: keras.layers.ReversibleEmbedding (Press and Wolf, 2016).
    """

    keras_only: ClassVar[tuple[str, ...]] = (*Embedding.keras_only, "reverse_dtype")

    tie_weights: bool = True
    """Whether the reverse call uses the table too; else it has a weight of its own."""
    logit_soft_cap: PositiveFloat | None = None
    """What bounds y in reverse: it becomes c tanh(y / c); default: nothing."""
    reverse: Flag = False
    """Of a call: whether vectors become numbers for each index."""

    def index_count(self) -> str | None:
        return None if self.reverse else super().index_count()

    def compute_output_shape(self, x: Shape) -> Shape:
        if not self.reverse:
            return super().compute_output_shape(x)
        self.need_features(x)
        if x[-1] not in (None, self.output_dim):
            raise ShapeError(
                f"ReversibleEmbedding reads vectors of {self.output_dim} in reverse, but {show(x)} comes in",
                field="reverse",
                expected=f"a last axis of {self.output_dim}",
            )
        return (*x[:-1], self.input_dim)

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        made = dict(super().weights(x))
        if not self.tie_weights:
            shape = (self.output_dim, self.input_dim)
            made["reverse_embeddings"] = Weight(shape, self.embeddings_initializer)
        return made

    def call(self, ctx: LayerContext, x: Value) -> Value:
        if not self.reverse:
            return super().call(ctx, x)
        rows = reshape(cast(x, ctx.graph.dtype), (-1, self.output_dim))
        own = ctx.weights.get("reverse_embeddings")
        y = matmul(rows, ctx.weights["embeddings"], transpose_b=True) if own is None else matmul(rows, own)
        if self.logit_soft_cap is not None:
            y = scale(tanh().apply(scale(y, 1.0 / self.logit_soft_cap)), self.logit_soft_cap)
        return reshape(y, (*x.shape[:-1], self.input_dim))

    def output_mask(self, ctx: LayerContext, x: Value) -> Value | list[Value | None] | None:
        return None if self.reverse else super().output_mask(ctx, x)
