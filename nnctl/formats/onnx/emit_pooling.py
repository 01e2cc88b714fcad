"""Pooling over windows, and over whole images."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.formats.onnx.emit_convolution import padding
from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.sizes import is_open
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Node
from nnctl.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool, Pool, Share, Slide

Pair = tuple[int, int]


@emits(MaxPool, AveragePool)
def pool(w: Writer, node: Node) -> None:
    """Windows over both axes at once where they slide; shares of an axis one axis after the other."""
    op, (x,), y = node.op, node.inputs, node.outputs[0]
    assert isinstance(op, Pool)
    name, sizes = w.first(x), list(x.shape[1:3])
    both = [op.down, op.across]
    slides = [_sliding(along, n) for along, n in zip(both, sizes, strict=True)]
    if any(slide != (1, 1, (0, 0)) for slide in slides):
        name = _slid(w, name, sizes, slides, isinstance(op, MaxPool))
    reduce = "ReduceMax" if isinstance(op, MaxPool) else "ReduceMean"
    for axis, (along, n) in enumerate(zip(both, sizes, strict=True)):
        if isinstance(along, Share) and _equal_shares(along, n) is None:
            name = _shared(w, name, axis + 2, n, along.out, reduce)
    w.give_first(y, name)


Sliding = tuple[int, int, Pair]


def _sliding(along: Slide | Share, n: int) -> Sliding:
    """(size, stride, around) of windows along an axis; of those of unequal shares nothing."""
    if isinstance(along, Slide):
        return along.size, along.stride, along.around
    share = _equal_shares(along, n)
    return (1, 1, (0, 0)) if share is None else (share, share, (0, 0))


def _equal_shares(along: Share, n: int) -> int | None:
    return None if is_open(n) or n % along.out else n // along.out


def _slid(w: Writer, name: str, sizes: Sequence[int], slides: Sequence[Sliding], largest: bool) -> str:
    return w.node(
        "MaxPool" if largest else "AveragePool",
        name,
        kernel_shape=[size for size, _, _ in slides],
        strides=[stride for _, stride, _ in slides],
        **padding(sizes, [around for _, _, around in slides]),
    )


def _shared(w: Writer, name: str, axis: int, n: int, out: int, reduce: str) -> str:
    """Window p of an axis of n places from floor(p n / out) to ceil((p + 1) n / out), each by itself."""
    parts = []
    for p in range(out):
        ends = (w.size(p * n // out), w.size(-((p + 1) * -n // out)))
        part = w.node("Slice", name, *ends, w.ints(axis))
        parts.append(w.node(reduce, part, w.ints(axis)))
    return parts[0] if out == 1 else w.node("Concat", *parts, axis=axis)


@emits(GlobalMaxPool)
def global_max(w: Writer, node: Node) -> None:
    """The largest number of each channel."""
    _over_all(w, node, "ReduceMax")


@emits(GlobalAveragePool)
def global_average(w: Writer, node: Node) -> None:
    """The mean of each channel."""
    _over_all(w, node, "ReduceMean")


def _over_all(w: Writer, node: Node, reduce: str) -> None:
    (x,), (y,) = node.inputs, node.outputs
    rank = len(x.shape)
    if w.has_first(x):
        name = w.node(reduce, w.first(x), w.ints(*range(2, rank)), keepdims=0)
    else:
        name = w.node(reduce, w.plain(x), w.ints(*range(1, rank - 1)), keepdims=0)
    w.give(y, name)
