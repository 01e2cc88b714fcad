"""Attention in several heads, of which some share keys and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight, listed, register
from nnctl.layers.call_arguments import Flag
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias, WithKernel, WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.layers.multi_head_attention import MultiHeadAttention
from nnctl.ops.base import Value
from nnctl.ops.shape import repeat
from nnctl.regularizers.base import Regularizer


class _Shared(MultiHeadAttention):
    """MultiHeadAttention whose keys and values have fewer heads, each used by several of the query's."""

    num_key_value_heads: PositiveInt
    """How many heads keys and values have."""

    @property
    def kind(self) -> str:
        return "GroupQueryAttention"

    @property
    def key_heads(self) -> int:
        return self.num_key_value_heads

    def heads_of(self, ctx: LayerContext, part: str, x: Value, axes: Sequence[int]) -> Value:
        heads = super().heads_of(ctx, part, x, axes)
        return heads if part == "query" else repeat(heads, 1, self.num_heads // self.num_key_value_heads)


@register
class GroupQueryAttention(WithKernel, WithBias, WithTraining):
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
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of the softmax that is dropped while training."""
    sliding_window: PositiveInt | None = None
    """A step sees keys that are less than so many steps away; default: all."""
    flash_attention: None = None
    """Taken for Keras's sake; nothing changes."""
    activity_regularizer: Regularizer | None = None
    """Penalty on what each affine map gives, and on the outputs, divided by the batch size."""
    use_gate: bool = False
    """Whether each head's result is multiplied by a sigmoid of an affine map of the query."""
    seed: int | None = None
    """The dropout's stream; default: the experiment's."""
    return_attention_scores: Flag = False
    """Of a call: whether the softmax comes out too, as a second output."""
    use_causal_mask: Flag = False
    """Of a call: whether a step sees no key that comes after it."""

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
    def _inner(self) -> _Shared:
        own = {name: getattr(self, name) for name in _Shared.model_fields if hasattr(self, name)}
        own |= {"num_heads": self.num_query_heads, "key_dim": self.head_dim}
        return _Shared.model_construct(**own)

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
        return self._inner.compute_output_shape(query, value, key, attention_mask)

    def weights(
        self, query: Shape, value: Shape, key: Shape | None = None, attention_mask: Shape | None = None
    ) -> Mapping[str, Weight]:
        return self._inner.weights(query, value, key, attention_mask)

    def call(
        self,
        ctx: LayerContext,
        query: Value,
        value: Value,
        key: Value | None = None,
        attention_mask: Value | None = None,
    ) -> Value | list[Value]:
        made = self._inner.call(ctx, query, value, key, attention_mask)
        # Keras's layer gives its regularizer to its maps and keeps it for itself.
        for output in listed(made):
            ctx.regularize(self.activity_regularizer, output)
        return made

    def output_mask(
        self,
        ctx: LayerContext,
        query: Value,
        value: Value,
        key: Value | None = None,
        attention_mask: Value | None = None,
    ) -> Value | list[Value | None] | None:
        """The query's mask goes on; the softmax has none."""
        return self._inner.output_mask(ctx)
