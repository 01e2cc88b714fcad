"""Attention in heads: one op forwards and one back, without a matrix of queries and keys."""

from __future__ import annotations

from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.keys import Key
from nnctl.core.records import record
from nnctl.kernels.attention_arrays import Heads, Seen
from nnctl.ops.base import Arrays, Calls, Gradients, KernelCall, Node, Op, TensorType, Types, Value, dummy
from nnctl.ops.dropout import dropout_mask
from nnctl.ops.shape import broadcast_to


@record
class _Attention(Op):
    """What attention and its gradient share: inputs q, k, v, then the mask, then what dropout keeps, if any.

    Shapes: q (N, T, H, D), k (N, S, H, D), v (N, S, H, V), mask (N, H, T, S) or 1 along one of the first
    three, kept (N, H, T, S).
    """

    causal: bool
    zero: bool
    masked: bool
    rate: float

    def heads(self, q: TensorType | Array, v: TensorType | Array) -> Heads:
        """All sizes."""
        batch, queries, heads, size = q.shape
        return Heads(batch, heads, queries, v.shape[1], size, v.shape[3])

    def seen(self, rest: Arrays) -> Seen:
        """What the kernels take of the inputs behind q, k and v."""
        none = dummy("uint8")[:0]
        mask = rest[0] if self.masked else none
        kept = rest[-1].reshape(-1) if self.rate > 0 else none
        n, h, t = (
            prod(mask.shape[axis + 1 :]) if self.masked and mask.shape[axis] != 1 else 0 for axis in range(3)
        )
        factor = 1.0 / (1.0 - self.rate) if self.rate < 1 else 0.0
        return Seen(mask.reshape(-1), n, h, t, int(self.causal), int(self.zero), kept, factor)

    def products(self, q: TensorType, v: TensorType) -> tuple[int, int]:
        """Multiply-adds of q k' and of its product with v."""
        sizes = self.heads(q, v)
        matches = sizes.batch * sizes.heads * sizes.queries * sizes.keys
        return matches * sizes.size, matches * sizes.value_size


@record
class Attention(_Attention):
    """y (N, T, H, V) = dropout(softmax(q k')) v in each head, over the keys that are seen.

    Those are where the mask counts and, if `causal`, none that comes after the query. With `zero` a query
    that sees none by the mask gets 0, else it sees all alike.
    """

    def infer(self, *inputs: TensorType) -> Types:
        q, k, v = inputs[:3]
        batch, queries, heads, size = q.shape
        matches = (batch, heads, queries, k.shape[1])
        if k.shape != (batch, k.shape[1], heads, size) or v.shape[:3] != k.shape[:3]:
            raise ValueError(f"attention of {q.shape}, {k.shape} and {v.shape}")
        if self.masked and any(m not in (1, n) for m, n in zip(inputs[3].shape, matches, strict=True)):
            raise ValueError(f"a mask of {inputs[3].shape} for matches of {matches}")
        return (TensorType((batch, queries, heads, v.shape[3]), q.dtype),)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        assert dy is not None
        op = AttentionGrad(self.causal, self.zero, self.masked, self.rate)
        q, k, v, *rest = node.inputs
        return [*dy.graph.add(op, dy, q, k, v, *rest), *(None for _ in rest)]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.attention import scratch_size

        itemsize = np.dtype(inputs[0].dtype).itemsize
        return scratch_size(self.heads(inputs[0], inputs[2]), False, itemsize, threads) * itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        q, k, v, *rest = inputs
        rows = (_rows(x) for x in (q, k, v))
        args = (self.heads(q, v), self.seen(rest), *rows, scratch.view(q.dtype), outputs[0].reshape(-1))
        return (KernelCall("attention.attention", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        return 2 * sum(self.products(inputs[0], inputs[2]))


@record
class AttentionGrad(_Attention):
    """The gradients of q, k and v from (dy, q, k, v, ...); the softmax is computed again."""

    def infer(self, *inputs: TensorType) -> Types:
        return inputs[1:4]

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        from nnctl.kernels.attention import scratch_size

        itemsize = np.dtype(inputs[0].dtype).itemsize
        return scratch_size(self.heads(inputs[1], inputs[3]), True, itemsize, threads) * itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        dy, q, k, v, *rest = inputs
        rows = (_rows(x) for x in (q, k, v, dy))
        written = (scratch.view(q.dtype), *(x.reshape(-1) for x in outputs))
        args = (self.heads(q, v), self.seen(rest), *rows, *written)
        return (KernelCall("attention.attention_grad", args),)

    def flops(self, inputs: Types, outputs: Types) -> int:
        matches, mixed = self.products(inputs[1], inputs[3])
        return 2 * (3 * matches + 2 * mixed)


def _rows(x: Array) -> Array:
    """x (N, T, H, D) as rows (N*T, H*D)."""
    return x.reshape(x.shape[0] * x.shape[1], x.shape[2] * x.shape[3])


def attention(
    q: Value,
    k: Value,
    v: Value,
    mask: Value | None = None,
    causal: bool = False,
    zero: bool = False,
    rate: float = 0.0,
    key: Key | None = None,
) -> Value:
    """y (N, T, H, V) = softmax(q k') v in each head of q (N, T, H, D), k (N, S, H, D), v (N, S, H, V).

    Args:
        mask: Which keys are seen: (N, H, T, S) uint8, or 1 along an axis.
        causal: Whether no query sees a key that comes after it, where there is no mask.
        zero: Whether a query that sees no key gets 0; else it sees all alike.
        rate: The part of the softmax that is dropped, drawn from the stream `key` and the step.
    """
    rest = []
    (batch, queries, heads, _), keys = q.shape, k.shape[1]
    if mask is not None:
        assert not causal, "a mask says it all"
        rest.append(broadcast_to(mask, (*mask.shape[:-1], keys)))
    if rate > 0:
        assert key is not None
        rest.append(dropout_mask(q.graph, (batch, heads, queries, keys), rate, key))
    return q.graph.add1(Attention(causal, zero, mask is not None, rate), q, k, v, *rest)
