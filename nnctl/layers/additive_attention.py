"""Attention in one head, by sums."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.activations.plain import tanh
from nnctl.core.shapes import Shape
from nnctl.initializers.variance_scaling import GlorotUniform
from nnctl.layers.attending import Attending, summed
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.ops.elementwise import multiply_row
from nnctl.ops.sums import sum_axes


@register
class AdditiveAttention(Attending):
    """y = softmax(scores) value, with scores = sum of scale tanh(query + key).

    Masked values are not seen, and y is 0 where the query is masked.

    Shapes: query (B, T, D), value (B, S, V), key (B, S, D), the value where it is left out, scale (D,),
    y (B, T, V), and with return_attention_scores the softmax (B, T, S) as it was used.
    Source: keras.layers.AdditiveAttention (Bahdanau et al., 2014).
    """

    use_scale: bool = True
    """Whether the numbers of each sum are multiplied by weights."""

    def weights(self, query: Shape, value: Shape, key: Shape | None = None) -> Mapping[str, Weight]:
        if not self.use_scale:
            return {}
        return {"scale": Weight((self.need_known(query, -1, "the features"),), GlorotUniform())}

    def scores(self, ctx: LayerContext, query: Value, key: Value) -> Value:
        sums: Value = tanh().apply(summed(query, key))
        scale = ctx.weights.get("scale")
        return sum_axes(sums if scale is None else multiply_row(sums, scale), (-1,))
