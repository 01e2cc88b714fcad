"""What attentions in several heads share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from math import prod, sqrt
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field, PositiveInt

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.initializers.variance_scaling import counting
from nnctl.layers.base import Weight
from nnctl.layers.call_arguments import Flag
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithBias, WithKernel, WithTraining
from nnctl.ops.activation import sigmoid
from nnctl.ops.attention import attention
from nnctl.ops.base import Value
from nnctl.ops.dropout import dropout
from nnctl.ops.elementwise import multiply, scale
from nnctl.ops.embedding import not_equal
from nnctl.ops.linear import linear, matmul
from nnctl.ops.masks import band, both, select, stretched
from nnctl.ops.shape import broadcast_to, repeat, reshape, swap_axes
from nnctl.ops.softmax import softmax
from nnctl.ops.transpose import gather_axes, scatter_axes
from nnctl.regularizers.base import Regularizer


class _Scores(NamedTuple):
    """The axes of the scores (B, rest, H, T, S), each a shape."""

    rest: Shape
    heads: Shape
    queries: Shape
    keys: Shape


class AttentionInHeads(WithKernel, WithBias, WithTraining):
    """Each position of the query gets a mean of the values in each head, weighted by how well keys match it.

    What a subclass says are the heads' numbers and sizes, and the axes that are attended over.

    Shapes: query (B, T, E), value (B, S, F), key (B, S, G), the value where it is left out, attention_mask
    (B, T, S) or (B, H, T, S); kernels of q (E, H, D), k (G, K, D), v (F, K, V) and of the output (H, V, O);
    y (B, T, O), and with return_attention_scores the softmax (B, H, T, S).
    """

    shared_fields: ClassVar[bool] = True

    dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The part of the softmax that is dropped while training."""
    sliding_window: PositiveInt | None = None
    """A position sees keys that are less than so many steps away; default: all."""
    flash_attention: None = None
    """Taken for Keras's sake; nothing changes."""
    activity_regularizer: Regularizer | None = None
    """Penalty on what each affine map gives, divided by the batch size."""
    use_gate: bool = False
    """Whether what a head gives is multiplied by a sigmoid of a map of the query (Qiu et al., 2025)."""
    seed: int | None = None
    """The dropout's stream; default: the experiment's."""
    return_attention_scores: Flag = False
    """Of a call: whether the softmax comes out too, as a second output."""
    use_causal_mask: Flag = False
    """Of a call: whether a position sees no key that comes after it."""

    @property
    def heads(self) -> int:
        """How many heads the query has: H."""
        raise NotImplementedError

    @property
    def key_heads(self) -> int:
        """How many heads keys and values have, a divisor of the query's: K."""
        raise NotImplementedError

    @property
    def head_sizes(self) -> tuple[int, int]:
        """How many numbers keys and queries have in each head, and how many values: D, V."""
        raise NotImplementedError

    def features(self, query: Shape) -> Shape:
        """The shape of y at each position: O."""
        return query[-1:]

    def _axes(self, query: Shape) -> tuple[int, ...]:
        """The attended axes as indices into `query`, which has no batch axis."""
        return tuple(range(len(query) - 1))

    def _in_heads(self, ctx: LayerContext, part: str, x: Value, axes: Sequence[int]) -> Value:
        """The query, the keys or the values of each head, (N, T, H, D), of x (B, ..., E)."""
        heads = _rows(self._mapped(ctx, part, x), axes, 2)
        return heads if part == "query" else repeat(heads, 2, self.heads // self.key_heads)

    def _scores(self, query: Shape, value: Shape) -> _Scores:
        axes = self._axes(query)
        rest = tuple(n for at, n in enumerate(query[:-1]) if at not in axes)
        queries, keys = (tuple(x[at] for at in axes) for x in (query, value))
        return _Scores(rest, (self.heads,), queries, keys)

    def compute_output_shape(
        self, query: Shape, value: Shape, key: Shape | None = None, attention_mask: Shape | None = None
    ) -> Shape | list[Shape]:
        self._check_inputs(query, value, value if key is None else key)
        scores = self._scores(query, value)
        if (self.use_causal_mask or self.sliding_window) and len(scores.queries) > 1:
            raise ShapeError(
                f"{self.kind} cannot tell what comes first along {len(scores.queries)} axes",
                field="use_causal_mask" if self.use_causal_mask else "sliding_window",
                expected="attention over one axis",
            )
        if attention_mask is not None:
            self._check_mask(attention_mask, scores)
        y = (*query[:-1], *self.features(query))
        return [y, sum(scores, ())] if self.return_attention_scores else y

    def _check_inputs(self, query: Shape, value: Shape, key: Shape) -> None:
        for x in (query, value, key):
            if len(x) < 2 or len(x) != len(query):
                raise ShapeError(
                    f"{self.kind} needs positions and features, and as many axes in all of its inputs",
                    expected="inputs such as (positions, features)",
                )
            self.need_known(x, -1, "the features")
        if not _alike(value[:-1], key[:-1]):
            raise ShapeError(
                f"{self.kind} needs a key for each value, but keys are {show(key)}, values {show(value)}",
                expected="a key and a value that differ in the last axis only",
            )
        if not _alike(self._scores(query, value).rest, self._scores(value, value).rest):
            raise ShapeError(
                f"{self.kind} needs a query and a value of the same lengths where it does not attend",
                field="attention_axes",
                expected="lengths that differ along attention_axes only",
            )

    def _check_mask(self, mask: Shape, scores: _Scores) -> None:
        """Raise ShapeError unless the mask fits the scores: axes may be 1, those before T left out."""
        wanted, ends = sum(scores, ()), (*scores.queries, *scores.keys)
        own = len(mask) - len(ends)
        fitting = (*wanted[:own], *ends) if own >= 0 else ()
        alike = zip(mask, fitting, strict=False)
        if len(fitting) != len(mask) or not all(m == 1 or _alike((m,), (n,)) for m, n in alike):
            raise ShapeError(
                f"{self.kind} cannot lay an attention_mask of {show(mask)} on a softmax of {show(wanted)}",
                expected=f"a mask of {show(ends)}, or of {show(wanted)}; 1 is the same for all",
            )

    def weights(
        self, query: Shape, value: Shape, key: Shape | None = None, attention_mask: Shape | None = None
    ) -> Mapping[str, Weight]:
        heads, (size, value_size) = self.heads, self.head_sizes
        e, f, g = (
            self.need_known(x, -1, "the features") for x in (query, value, value if key is None else key)
        )
        shapes = {
            "query": ((e,), (heads, size)),
            "key": ((g,), (self.key_heads, size)),
            "gate": ((e,), (heads, value_size)),
            "value": ((f,), (self.key_heads, value_size)),
            "output": ((heads, value_size), _known(self.features(query))),
        }
        made: dict[str, Weight] = {}
        for part, (ins, outs) in shapes.items():
            if part != "gate" or self.use_gate:
                kernel = self.weight("kernel", (*ins, *outs))
                axes = range(len(kernel.shape))
                filled = counting(kernel.initializer, axes[: len(ins)], axes[len(ins) :])
                own = self.with_bias({"kernel": replace(kernel, initializer=filled)}, *outs)
                made |= {f"{part}/{name}": weight for name, weight in own.items()}
        return made

    def call(
        self,
        ctx: LayerContext,
        query: Value,
        value: Value,
        key: Value | None = None,
        attention_mask: Value | None = None,
    ) -> Value | list[Value]:
        axes, scores = self._axes(query.shape[1:]), self._scores(query.shape[1:], value.shape[1:])
        key = value if key is None else key
        q, k, v = (
            self._in_heads(ctx, part, x, axes)
            for part, x in (("query", query), ("key", key), ("value", value))
        )
        q = scale(q, 1.0 / sqrt(self.head_sizes[0]))
        masks = list(self._masks(ctx, scores, query, value, attention_mask))
        weights = None
        if self.return_attention_scores:
            masks += self._by_place(ctx, scores)
            a, weights = self._with_weights(ctx, q, k, v, reduce(both, masks) if masks else None)
        else:
            causal = self.use_causal_mask and not masks and not self.sliding_window
            masks += [] if causal else self._by_place(ctx, scores)
            mask = reduce(both, masks) if masks else None
            rate = self.dropout if ctx.training else 0.0
            stream = ctx.key("dropout", self.seed) if rate > 0 else None
            a = attention(q, k, v, mask, causal, not self._alike_unseen(query), rate, stream)
        a = _out_of_heads(a, query, axes)
        if self.use_gate:
            a = multiply(a, self._mapped(ctx, "gate", query))
        y = self._mapped(ctx, "output", a, 2)
        return y if weights is None else [y, reshape(weights, (query.shape[0], *_known(sum(scores, ()))))]

    def output_mask(self, ctx: LayerContext, *inputs: Any) -> Value | list[Value | None] | None:
        """The query's mask goes on; the softmax has none."""
        return [ctx.mask, None] if self.return_attention_scores else ctx.mask

    def _mapped(self, ctx: LayerContext, part: str, x: Value, count: int = 1) -> Value:
        """The affine map `part` of the last `count` axes of x."""
        kernel, bias = ctx.weights[f"{part}/kernel"], ctx.weights.get(f"{part}/bias")
        front, size, outs = x.shape[:-count], prod(x.shape[-count:]), kernel.shape[count:]
        row = None if bias is None else reshape(bias, (-1,))
        y = reshape(linear(reshape(x, (*front, size)), reshape(kernel, (size, -1)), row), (*front, *outs))
        return ctx.regularize(self.activity_regularizer, sigmoid(y) if part == "gate" else y)

    def _with_weights(
        self, ctx: LayerContext, q: Value, k: Value, v: Value, mask: Value | None
    ) -> tuple[Value, Value]:
        """What comes out of the heads (N, T, H, V), and the softmax (N, H, T, S)."""
        q, k, v = (swap_axes(x, 1) for x in (q, k, v))
        match = matmul(q, k, transpose_b=True)
        weights = softmax(match) if mask is None else select(mask, softmax(select(mask, match, -1e9)), 0.0)
        kept = weights
        if ctx.training and self.dropout > 0:
            kept = dropout(weights, self.dropout, ctx.key("dropout", self.seed), ctx.graph.step())
        return swap_axes(matmul(kept, v), 1), weights

    def _alike_unseen(self, query: Value) -> bool:
        """Whether a query that sees no key sees all alike, as in Keras's fused kernel; else it gets 0."""
        return self.dropout == 0 and len(query.shape) == 3

    def _masks(
        self, ctx: LayerContext, scores: _Scores, query: Value, value: Value, given: Value | None
    ) -> Iterator[Value]:
        """What is given of which keys are seen, each (N, H, T, S) or 1 along an axis."""
        axes = self._axes(query.shape[1:])
        for mask, x, at in zip(ctx.masks, (query, value, value), (2, 3, 3), strict=False):
            if mask is not None:
                rows = _rows(stretched(mask, x.shape[:-1]), axes, 0)
                shape = [rows.shape[0], 1, 1, 1]
                shape[at] = rows.shape[1]
                yield reshape(rows, tuple(shape))
        if given is not None:
            yield _as_scores(not_equal(given, 0), query.shape[0], scores)

    def _by_place(self, ctx: LayerContext, scores: _Scores) -> list[Value]:
        """The mask (1, 1, T, S) of which keys are seen by their place, if any is not."""
        if not self.use_causal_mask and not self.sliding_window:
            return []
        (queries,), (keys,) = _known(scores.queries), _known(scores.keys)
        reach = self.sliding_window - 1 if self.sliding_window else None
        mask = band(ctx.graph, queries, keys, reach, 0 if self.use_causal_mask else reach)
        return [reshape(mask, (1, 1, queries, keys))]


def _alike(a: Shape, b: Shape) -> bool:
    """Whether two shapes may be one: lengths that vary may be any."""
    return all(n is None or m is None or n == m for n, m in zip(a, b, strict=True))


def _known(shape: Shape) -> tuple[int, ...]:
    """The lengths of a shape while ops are composed, when all are known."""
    return tuple(n for n in shape if n is not None)


def _rows(x: Value, axes: Sequence[int], behind: int) -> Value:
    """x (B, ..., `behind` axes) as (N, T, `behind` axes): T the attended axes, N batch and all others."""
    last, count = len(x.shape) - behind - 1, len(axes)
    x = gather_axes(x, [at + 1 for at in axes], last)
    first = last + 1 - count
    return reshape(x, (prod(x.shape[:first]), prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


def _out_of_heads(x: Value, query: Value, axes: Sequence[int]) -> Value:
    """x (N, T, H, V) as (B, ..., H, V), with the query's axes."""
    places, last = [at + 1 for at in axes], len(query.shape) - 2
    order = [at for at in range(last + 1) if at not in places] + places
    heads, size = x.shape[2:]
    return scatter_axes(reshape(x, (*(query.shape[at] for at in order), heads, size)), places, last)


def _as_scores(mask: Value, batch: int, scores: _Scores) -> Value:
    """A given mask (B, ..., T, S) as (N, H, T, S), or 1 along an axis.

    Axes before T may be left out: the others are the scores' from the left. Several axes that become one are
    stretched, unless the mask says the same along all of them.
    """
    parts = [(batch, *_known(scores.rest)), *(_known(part) for part in scores[1:])]
    missing = sum(map(len, parts)) - len(mask.shape)
    end = len(mask.shape) - len(scores.queries) - len(scores.keys)
    own = reshape(mask, (*mask.shape[:end], *(1,) * missing, *mask.shape[end:]))
    shape: list[tuple[int, ...]] = []
    for part in parts:
        start = sum(map(len, shape))
        alike = set(own.shape[start : start + len(part)]) == {1}
        shape.append((1,) * len(part) if alike else part)
    return reshape(broadcast_to(own, sum(shape, ())), tuple(map(prod, shape)))
