"""Attention in several heads."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, PositiveInt, field_validator

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.attention_in_heads import AttentionInHeads
from nnctl.layers.base import register
from nnctl.layers.in_keras import InKeras


@register
class MultiHeadAttention(AttentionInHeads):
    """Each position of the query gets a mean of the values, weighted by how well their keys match it.

    In each head q, k and v are affine maps of query, key and value, and a = softmax(q k' / sqrt(D)) v; the
    output is an affine map of the heads' a side by side. Which keys a position sees, the masks of the inputs,
    `attention_mask`, `use_causal_mask` and `sliding_window` say together. T and S may be several axes.

    Shapes: query (B, T, E), value (B, S, F), key (B, S, G), the value where it is left out, attention_mask
    (B, T, S) or (B, H, T, S); kernels of q (E, H, D), k (G, H, D), v (F, H, V) and of the output (H, V, O);
    y (B, T, O), and with return_attention_scores the softmax (B, H, T, S).
    Source: keras.layers.MultiHeadAttention (Vaswani et al., 2017).
    """

    in_keras: ClassVar[InKeras] = InKeras(
        parts={
            "query": "query_dense",
            "key": "key_dense",
            "gate": "_gate_dense",
            "value": "value_dense",
            "output": "output_dense",
        },
        arguments=("query", "value", "key"),
        takes_masks=True,
    )

    num_heads: PositiveInt
    """The number of heads: H."""
    key_dim: PositiveInt
    """How many numbers a query and a key have in each head: D."""
    value_dim: PositiveInt | None = None
    """How many numbers a value has in each head: V; default: `key_dim`."""
    output_shape: tuple[PositiveInt, ...] | None = Field(default=None, min_length=1)
    """The shape of the output at each position: O; default: the query's last axis."""
    attention_axes: tuple[int, ...] | None = None
    """The axes that are attended over, ascending; 0 is the batch. Default: all but batch and features."""

    @field_validator("output_shape", "attention_axes", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) and not isinstance(value, bool) else value

    @property
    def heads(self) -> int:
        return self.num_heads

    @property
    def key_heads(self) -> int:
        return self.num_heads

    @property
    def head_sizes(self) -> tuple[int, int]:
        return self.key_dim, self.value_dim or self.key_dim

    def features(self, query: Shape) -> Shape:
        return self.output_shape or query[-1:]

    def _axes(self, query: Shape) -> tuple[int, ...]:
        """The attended axes as indices into `query`, which has no batch axis."""
        given, last = self.attention_axes, len(query) - 1
        if given is None:
            return tuple(range(last))
        axes = tuple(axis + last + 1 if axis < 0 else axis - 1 for axis in given)
        if not axes or list(axes) != sorted(set(axes)) or not 0 <= axes[0] <= axes[-1] < last:
            raise ShapeError(
                f"{self.kind} cannot attend over the axes {list(given)} of {show(query)}",
                field="attention_axes",
                expected=f"axes from 1 to {last}, ascending",
            )
        return axes
