"""Convolutions and their transposes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnctl.core.arrays import Array
from nnctl.formats.onnx.emitters import NoOperator, emits
from nnctl.formats.onnx.sizes import is_open
from nnctl.formats.onnx.writer import Writer
from nnctl.ops.base import Node, Value
from nnctl.ops.convolution import Convolution, ConvolutionInputGrad

Pair = tuple[int, int]


@emits(Convolution)
def convolution(w: Writer, node: Node) -> None:
    """Conv of x (B, C, *spatial) with filters (F, C / groups, *taps)."""
    op, (x, kernel, *bias) = node.op, node.inputs
    assert isinstance(op, Convolution)
    rank = len(kernel.shape)
    filters = _turned(w, kernel, [rank - 1, rank - 2, *range(rank - 2)])
    window = op.window
    attributes: dict[str, Any] = {
        "kernel_shape": list(kernel.shape[:-2]),
        "strides": list(window.strides),
        "dilations": list(window.dilation),
        "group": window.groups,
        **padding(x.shape[1:-1], window.padding),
    }
    w.give_first(node.outputs[0], w.node("Conv", w.first(x), filters, *map(w.plain, bias), **attributes))


@emits(ConvolutionInputGrad)
def transposed(w: Writer, node: Node) -> None:
    """ConvTranspose with filters (F, C, *taps); what is over at an end is cut off or filled up."""
    op, (x, kernel), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, ConvolutionInputGrad)
    window, rank = op.window, len(kernel.shape)
    if window.groups != 1:
        raise NoOperator("its channels are in groups")
    sizes = zip(x.shape[1:-1], kernel.shape, window.strides, window.dilation, strict=False)
    whole = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in sizes]
    left = list(zip(y.shape[1:-1], whole, window.padding, strict=True))
    # (before, after) that is cut off, where negative filled up with zeros.
    cut = [(before, length - before - n) for n, length, (before, _) in left]
    if any(map(is_open, (n for pair in cut for n in pair))):
        raise NoOperator("what it cuts off follows from a length that is left open")
    name = w.node(
        "ConvTranspose",
        w.first(x),
        _turned(w, kernel, [rank - 1, rank - 2, *range(rank - 2)]),
        kernel_shape=list(kernel.shape[:-2]),
        strides=list(window.strides),
        dilations=list(window.dilation),
        pads=_pads([(max(a, 0), max(b, 0)) for a, b in cut]),
    )
    missing = _pads([(max(-a, 0), max(-b, 0)) for a, b in cut])
    if any(missing):
        axes = range(2, rank)
        name = w.node("Pad", name, w.ints(*missing), w.number(0.0), w.ints(*axes))
    w.give_first(y, name)


def padding(sizes: Sequence[int], around: Sequence[Pair]) -> dict[str, Any]:
    """The attributes that say what is around each spatial axis.

    What follows from a length that is left open does so in one way: an output for each stride, the odd place
    behind.
    """
    if not any(is_open(n) for pair in around for n in pair):
        return {"pads": _pads(around)} if any(n for pair in around for n in pair) else {}
    if not all(
        is_open(before) or is_open(after) or is_open(n) or _even(before, after)
        for n, (before, after) in zip(sizes, around, strict=True)
    ):
        raise NoOperator("one of its axes is left open, and others have zeros around them of their own")
    return {"auto_pad": "SAME_UPPER"}


def _even(before: int, after: int) -> bool:
    return after - before in (0, 1)


def _pads(around: Sequence[Pair]) -> list[int]:
    """ONNX's order: all that is before, then all that is after."""
    return [int(before) for before, _ in around] + [int(after) for _, after in around]


def _turned(w: Writer, kernel: Value, order: Sequence[int]) -> str:
    """A kernel with its axes in another order."""
    known: Array | None = w.array(kernel)
    if known is not None:
        return w.constant(known.transpose(order), w.named(kernel))
    return w.node("Transpose", w.plain(kernel), perm=list(order))
