"""Attention in heads."""

from __future__ import annotations

import numpy as np

from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.attention import Attention
from nnctl.ops.base import Node, Value
from nnctl.ops.masks import Band

_HEADS_FIRST = [0, 2, 1, 3]


@emits(Attention)
def attention(w: Writer, node: Node) -> None:
    """softmax(q k') v over the keys that are seen: q (N, T, H, D), k (N, S, H, D), v (N, S, H, V)."""
    op, (q, k, v, *rest), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Attention)
    queries, values = (w.node("Transpose", w.plain(x), perm=_HEADS_FIRST) for x in (q, v))
    keys = w.node("Transpose", w.plain(k), perm=[0, 2, 3, 1])
    matches = w.node("MatMul", queries, keys)
    seen = w.loose(rest[0]) if op.masked else _causal(w, q.shape[1], k.shape[1]) if op.causal else ""
    if seen:
        least = float(np.finfo(w.dtype).min)
        matches = w.node("Where", seen, matches, w.number(least))
    shares = w.node("Softmax", matches, axis=3)
    if seen and op.zero:
        shares = w.node("Where", seen, shares, w.number(0.0))
    mixed = w.node("MatMul", shares, values)
    w.give(y, w.node("Transpose", mixed, perm=_HEADS_FIRST))


def _causal(w: Writer, queries: int, keys: int) -> str:
    """(T, S): whether a key does not come after a query."""
    return _within(w, queries, keys, Band(after=0))


def write_band(w: Writer, mask: Value, rule: object) -> None:
    """A mask (T, S) by places, where the number of queries or of keys is left open."""
    assert isinstance(rule, Band)
    queries, keys = mask.shape
    w.give(mask, _within(w, queries, keys, rule))


def _within(w: Writer, queries: int, keys: int, rule: Band) -> str:
    rows = w.node("Unsqueeze", _places(w, queries), w.ints(1))
    steps = w.node("Sub", rows, _places(w, keys))
    found = []
    if rule.before is not None:
        found.append(w.node("LessOrEqual", steps, w.number(rule.before, "int64")))
    if rule.after is not None:
        found.append(w.node("GreaterOrEqual", steps, w.number(-rule.after, "int64")))
    return found[0] if len(found) == 1 else w.node("And", *found)


def _places(w: Writer, count: int) -> str:
    """0 .. count - 1."""
    end = w.node("Squeeze", w.size(count), w.ints(0))
    return w.node("Range", w.number(0, "int64"), end, w.number(1, "int64"))
