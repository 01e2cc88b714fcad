"""Matrix products, rows of tables."""

from __future__ import annotations

from typing import Any

from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Node, Value
from nnctl.ops.embedding import Embedding
from nnctl.ops.linear import MatMul
from nnctl.ops.shape import Reshape


@emits(MatMul)
def matmul(w: Writer, node: Node) -> None:
    """A product: of rows with a weight Gemm, of a tensor's last axis with a weight MatMul over all of it."""
    op, (a, b, *bias), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, MatMul)
    whole = _rows_of(a) if len(b.shape) == 2 and not op.transpose_a else a
    if len(whole.shape) == 2 and len(b.shape) == 2:
        turned: dict[str, Any] = {"transA": 1} if op.transpose_a else {}
        turned |= {"transB": 1} if op.transpose_b else {}
        w.give(y, w.node("Gemm", w.plain(a), w.plain(b), *map(w.plain, bias), **turned))
        return
    name = w.node("MatMul", _factor(w, whole, op.transpose_a), _factor(w, b, op.transpose_b))
    if bias:
        name = w.node("Add", name, w.plain(bias[0]))
    shape = (*whole.shape[:-1], y.shape[-1]) if whole is not a else y.shape
    w.give_seen(y, shape, name)


def _rows_of(a: Value) -> Value:
    """What is seen as the rows a, where its last axis is theirs."""
    while a.node is not None and isinstance(a.node.op, Reshape):
        (whole,) = a.node.inputs
        if whole.shape[-1:] != a.shape[-1:]:
            break
        a = whole
    return a


def _factor(w: Writer, x: Value, transpose: bool) -> str:
    if not transpose:
        return w.plain(x)
    known = w.array(x)
    if known is not None:
        return w.constant(known.swapaxes(-1, -2))
    rank = len(x.shape)
    return w.node("Transpose", w.plain(x), perm=[*range(rank - 2), rank - 1, rank - 2])


@emits(Embedding)
def embedding(w: Writer, node: Node) -> None:
    """Rows of a table by number."""
    numbers, table = node.inputs
    w.give(node.outputs[0], w.node("Gather", w.plain(table), w.plain(numbers), axis=0))
