"""What attentions of one head share: masks, softmax, dropout. How well keys match, a subclass says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.call_arguments import Flag
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout
from nnctl.ops.elementwise import add, fill
from nnctl.ops.linear import matmul
from nnctl.ops.masks import band, both, select
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.softmax import softmax


class Attending(WithTraining):
    """y = softmax(scores) value: each step of the query gets a mean of the values.

    Masked values are not seen, and y is 0 where the query is masked.

    Shapes: query (B, T, D), value (B, S, V), key (B, S, D), the value where it is left out, scores (B, T, S),
    y (B, T, V), and with return_attention_scores the softmax (B, T, S) as it was used.
    """

    dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of the softmax that is dropped while training."""
    seed: int | None = None
    """The dropout's stream; default: the experiment's."""
    return_attention_scores: Flag = False
    """Of a call: whether the softmax comes out too, as a second output."""
    use_causal_mask: Flag = False
    """Of a call: whether a step sees no value that comes after it."""

    def scores(self, ctx: LayerContext, query: Value, key: Value) -> Value:
        """How well each key (B, S, D) matches each step of the query (B, T, D): (B, T, S)."""
        raise NotImplementedError

    def compute_output_shape(
        self, query: Shape, value: Shape, key: Shape | None = None
    ) -> Shape | list[Shape]:
        key = value if key is None else key
        for x in (query, value, key):
            self.need_rank(x, "steps", "features")
        (steps, size), (count, features) = query, value
        if None not in (count, key[0]) and count != key[0]:
            raise ShapeError(
                f"{self.kind} needs a key for each value, but keys are {show(key)}, values {show(value)}",
                expected="a key and a value of as many steps",
            )
        if None not in (size, key[1]) and size != key[1]:
            raise ShapeError(
                f"{self.kind} compares queries and keys of one length, not {show(query)} and {show(key)}",
                expected="a query and a key with the same last axis",
            )
        return [(steps, features), (steps, count)] if self.return_attention_scores else (steps, features)

    def call(
        self, ctx: LayerContext, query: Value, value: Value, key: Value | None = None
    ) -> Value | list[Value]:
        scores = self.scores(ctx, query, value if key is None else key)
        mask = self._seen(ctx, scores)
        if mask is not None:
            scores = add(scores, select(mask, fill(ctx.graph, scores.shape, 0.0), -1e9))
        weights = softmax(scores)
        if ctx.training and self.dropout > 0:
            weights = dropout(weights, self.dropout, ctx.key("dropout", self.seed), ctx.graph.step())
        y = matmul(weights, value)
        y = y if ctx.mask is None else select(ctx.mask, y, 0.0)
        return [y, weights] if self.return_attention_scores else y

    def output_mask(
        self, ctx: LayerContext, query: Value, value: Value, key: Value | None = None
    ) -> Value | list[Value | None] | None:
        """The query's mask goes on; the softmax has none."""
        return [ctx.mask, None] if self.return_attention_scores else ctx.mask

    def _seen(self, ctx: LayerContext, scores: Value) -> Value | None:
        """Which values each step sees, (B or 1, T or 1, S); the key's own mask is not read, as in Keras."""
        batch, steps, count = scores.shape
        given = ctx.masks[1]
        mask = None if given is None else reshape(given, (batch, 1, count))
        if self.use_causal_mask:
            causal = reshape(band(ctx.graph, steps, count, None, 0), (1, steps, count))
            mask = causal if mask is None else both(mask, causal)
        return mask


def summed(query: Value, key: Value) -> Value:
    """The sum of each step of the query (B, T, D) and each key (B, S, D): (B, T, S, D)."""
    (batch, steps, size), count = query.shape, key.shape[1]
    shape = (batch, steps, count, size)
    wide = reshape(query, (batch, steps, 1, size)), reshape(key, (batch, 1, count, size))
    return add(*(broadcast_to(x, shape) for x in wide))
