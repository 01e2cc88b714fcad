"""Attention in one head, without kernels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from nnctl.activations.plain import tanh
from nnctl.core.shapes import Shape
from nnctl.initializers.constant import Ones
from nnctl.layers.attending import Attending, summed
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.linear import matmul
from nnctl.ops.reduce import scale_by
from nnctl.ops.shape import reshape
from nnctl.ops.sums import sum_axes


@register
class Attention(Attending):
    """y = softmax(scores) value, with scores = query key' or, by `score_mode`, a sum of tanh(query + key).

    Masked values are not seen, and y is 0 where the query is masked.

    Shapes: query (B, T, D), value (B, S, V), key (B, S, D), the value where it is left out, scale and
    concat_score_weight (), y (B, T, V), and with return_attention_scores the softmax (B, T, S) as it was
    used.
    Source: keras.layers.Attention (Luong et al., 2015).
    """

    use_scale: bool = False
    """Whether the scores, or in mode `concat` the sums, are multiplied by a weight."""
    score_mode: Literal["dot", "concat"] = "dot"
    """`dot`: products of query and key; `concat`: a weight times the sum of tanh(query + key)."""

    def weights(self, query: Shape, value: Shape, key: Shape | None = None) -> Mapping[str, Weight]:
        there = {"scale": self.use_scale, "concat_score_weight": self.score_mode == "concat"}
        return {name: Weight((), Ones()) for name, given in there.items() if given}

    def scores(self, ctx: LayerContext, query: Value, key: Value) -> Value:
        if self.score_mode == "dot":
            return self._times(ctx, "scale", matmul(query, key, transpose_b=True))
        sums: Value = tanh().apply(self._times(ctx, "scale", summed(query, key)))
        return self._times(ctx, "concat_score_weight", sum_axes(sums, (-1,)))

    def _times(self, ctx: LayerContext, name: str, x: Value) -> Value:
        weight = ctx.weights.get(name)
        return x if weight is None else scale_by(x, reshape(weight, (1,)))
