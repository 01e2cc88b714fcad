"""The rectifier that bends to a constant below zero."""

from __future__ import annotations

from nnctl.activations.rectifiers import elu
from nnctl.core.ranges import Range
from nnctl.layers.base import SameShape, register
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value


@register
class ELU(SameShape):
    """y = x for x >= 0, alpha (exp(x) - 1) below.

    Shapes: x (B, ...), y (B, ...).
    Source: keras.layers.ELU (Clevert et al., 2015).
    """

    alpha: float = 1.0
    """What y tends to, negated, as x tends to minus infinity."""

    def output_range(self, *inputs: Range | None) -> Range | None:
        return elu(alpha=self.alpha).value_range(*inputs)

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return elu(alpha=self.alpha).apply(x)
