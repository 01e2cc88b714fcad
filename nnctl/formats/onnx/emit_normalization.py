"""Batch and layer normalization in inference."""

from __future__ import annotations

import numpy as np

from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Node
from nnctl.ops.layer_norm import LayerNorm
from nnctl.ops.normalization import FrozenBatchNorm


@emits(FrozenBatchNorm)
def frozen_batch_norm(w: Writer, node: Node) -> None:
    """BatchNormalization where channels come first (or are all there is); else a factor and a summand."""
    op, (x, mean, variance, *rest), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, FrozenBatchNorm)
    gamma = w.plain(rest.pop(0)) if op.gamma else _filled(w, mean.shape, 1.0)
    beta = w.plain(rest.pop(0)) if op.beta else _filled(w, mean.shape, 0.0)
    given = (gamma, beta, w.plain(mean), w.plain(variance))
    if w.has_first(x) or len(x.shape) > 2:
        w.give_first(y, w.node("BatchNormalization", w.first(x), *given, epsilon=op.epsilon))
    else:
        w.give(y, w.node("BatchNormalization", w.plain(x), *given, epsilon=op.epsilon))


@emits(LayerNorm)
def layer_norm(w: Writer, node: Node) -> None:
    """LayerNormalization of the last axis; without a factor, which it must have, what it is made of."""
    op, (x, *rest), (y, *_) = node.op, node.inputs, node.outputs
    assert isinstance(op, LayerNorm)
    name = w.plain(x)
    if op.gamma:
        w.give(y, w.node("LayerNormalization", name, *map(w.plain, rest), axis=-1, epsilon=op.epsilon))
        return
    last = w.ints(-1)
    centred = w.node("Sub", name, w.node("ReduceMean", name, last))
    variance = w.node("ReduceMean", w.node("Mul", centred, centred), last)
    deviation = w.node("Sqrt", w.node("Add", variance, w.number(op.epsilon)))
    made = w.node("Div", centred, deviation)
    w.give(y, w.node("Add", made, w.plain(rest[0])) if rest else made)


def _filled(w: Writer, shape: tuple[int, ...], value: float) -> str:
    return w.constant(np.full(shape, value, w.dtype))
