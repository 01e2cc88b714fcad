"""Attention in several heads, of which some share keys and values."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.attention_in_heads import AttentionInHeads
from nnctl.layers.base import listed, register
from nnctl.layers.context import LayerContext
from nnctl.layers.in_keras import InKeras
from nnctl.ops.base import Value
from nnctl.regularizers.base import Regularizer


@register
class GroupQueryAttention(AttentionInHeads):
    """MultiHeadAttention whose keys and values have fewer heads, each used by several of the query's.

    Which keys a step sees, the masks of the inputs, `attention_mask`, `use_causal_mask` and `sliding_window`
    say together.

    Shapes: query (B, T, E), value (B, S, E), key (B, S, G), the value where it is left out, attention_mask
    (B, T, S); kernels of q (E, H, D), k (G, K, D), v (E, K, D) and of the output (H, D, E); y (B, T, E), and
    with return_attention_scores the softmax (B, H, T, S).
    Source: keras.layers.GroupQueryAttention (Ainslie et al., 2023).
    """

    in_keras: ClassVar[InKeras] = InKeras(
        parts={part: f"_{part}_dense" for part in ("query", "key", "gate", "value", "output")},
        arguments=("query", "value", "key"),
        class_name="GroupedQueryAttention",
    )

    head_dim: PositiveInt
    """How many numbers a query, a key and a value have in each head: D."""
    num_query_heads: PositiveInt
    """How many heads the query has: H."""
    num_key_value_heads: PositiveInt
    """How many heads keys and values have, a divisor of the query's: K."""
    activity_regularizer: Regularizer | None = None
    """Penalty on what each affine map gives, and on the outputs, divided by the batch size."""

    @field_validator("num_key_value_heads")
    @classmethod
    def _divides(cls, value: int, info: ValidationInfo) -> int:
        heads = info.data.get("num_query_heads")
        if heads is not None and heads % value:
            raise PydanticCustomError(
                "heads", "expected a divisor of num_query_heads, which is {heads}", {"heads": heads}
            )
        return value

    @property
    def heads(self) -> int:
        return self.num_query_heads

    @property
    def key_heads(self) -> int:
        return self.num_key_value_heads

    @property
    def head_sizes(self) -> tuple[int, int]:
        return self.head_dim, self.head_dim

    def compute_output_shape(
        self, query: Shape, value: Shape, key: Shape | None = None, attention_mask: Shape | None = None
    ) -> Shape | list[Shape]:
        for x in (query, value, value if key is None else key):
            self.need_rank(x, "steps", "features")
        if query[1] != value[1]:
            raise ShapeError(
                f"{self.kind} needs the same last axis in query and value, not {show(query)}, {show(value)}",
                expected=f"a value of ({value[0]}, {query[1]})",
            )
        return super().compute_output_shape(query, value, key, attention_mask)

    def call(
        self,
        ctx: LayerContext,
        query: Value,
        value: Value,
        key: Value | None = None,
        attention_mask: Value | None = None,
    ) -> Value | list[Value]:
        made = super().call(ctx, query, value, key, attention_mask)
        # Keras's layer gives its regularizer to its maps and keeps it for itself.
        for output in listed(made):
            ctx.regularize(self.activity_regularizer, output)
        return made
