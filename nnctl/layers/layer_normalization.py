"""Normalization of each example by itself."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.shapes import Shape
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithScale
from nnctl.layers.over_axes import OverAxes
from nnctl.ops.base import Value
from nnctl.ops.normalization import layer_norm
from nnctl.ops.shape import reshape


@register
class LayerNormalization(OverAxes, WithScale):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over `axis` of each example.

    Shapes: x (B, ...), gamma and beta of the lengths of `axis`, y (B, ...).
    Source: keras.layers.LayerNormalization (Ba et al., 2016).
    """

    def compute_output_shape(self, x: Shape) -> Shape:
        self.lengths(x)
        return x

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return self.scale_weights(self.lengths(x))

    def call(self, ctx: LayerContext, x: Value) -> Value:
        gamma, beta = (
            None if w is None else reshape(w, (-1,)) for w in map(ctx.weights.get, ("gamma", "beta"))
        )
        return self.by_rows(x, lambda rows: layer_norm(rows, gamma, beta, self.epsilon))
