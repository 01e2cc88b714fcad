"""What moves, joins, repeats and sums numbers."""

from __future__ import annotations

from nnctl.formats.onnx.emitters import NoOperator, emits
from nnctl.formats.onnx.sizes import is_open, same
from nnctl.formats.onnx.writer import Writer, channels_first
from nnctl.ops.base import Node
from nnctl.ops.pooling import ZeroPad
from nnctl.ops.shape import Concatenate, Copy, Reshape, Slice, Transpose, Unstack
from nnctl.ops.softmax import Softmax
from nnctl.ops.sums import Spread, SumAxes


@emits(Reshape, Copy)
def view(w: Writer, node: Node) -> None:
    """The same memory in another shape: made when that shape is asked for."""


@emits(Spread)
def spread(w: Writer, node: Node) -> None:
    """x repeated: made when it is asked for, if it is not left to broadcasting; times a factor."""
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Spread)
    if op.scale != 1.0:
        ones = (1,) * (op.last - op.first + 1)
        narrow = w.seen(x, (*x.shape[: op.first], *ones, *x.shape[op.first :]))
        w.give(y, w.node("Expand", w.node("Mul", narrow, w.number(op.scale)), w.shape(y.shape)))


@emits(SumAxes)
def sum_axes(w: Writer, node: Node) -> None:
    """The sum over neighbouring axes, times a factor."""
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, SumAxes)
    total = w.node("ReduceSum", w.plain(x), w.ints(*range(op.first, op.last + 1)), keepdims=0)
    w.give(y, total if op.scale == 1.0 else w.node("Mul", total, w.number(op.scale)))


@emits(Softmax)
def softmax(w: Writer, node: Node) -> None:
    """Over the last axis."""
    (x,), (y,) = node.inputs, node.outputs
    name = "LogSoftmax" if node.op.log else "Softmax"  # type: ignore[attr-defined]
    w.give(y, w.node(name, w.plain(x), axis=len(x.shape) - 1))


@emits(Concatenate)
def concatenate(w: Writer, node: Node) -> None:
    """One after the other; with channels first where all have them so."""
    axis, (y,) = node.op.axis, node.outputs  # type: ignore[attr-defined]
    if all(map(w.has_first, node.inputs)):
        at = channels_first(len(y.shape)).index(axis)
        w.give_first(y, w.node("Concat", *map(w.first, node.inputs), axis=at))
    else:
        w.give(y, w.node("Concat", *map(w.plain, node.inputs), axis=axis))


@emits(Unstack)
def unstack(w: Writer, node: Node) -> None:
    """Each place along an axis by itself."""
    axis, (x,) = node.op.axis, node.inputs  # type: ignore[attr-defined]
    if is_open(x.shape[axis]):
        raise NoOperator("it takes its steps one after another, and their number is left open")
    for at, y in enumerate(node.outputs):
        w.give(y, w.node("Gather", w.plain(x), w.number(at, "int64"), axis=axis))


@emits(Slice)
def slice_(w: Writer, node: Node) -> None:
    """Some places along an axis, from the first to the last or back."""
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Slice)
    known = w.array(x)
    if known is not None and not is_open(op.start):
        w.arrays[y] = known[(slice(None),) * op.axis + (_slice(op),)]
        return
    if op.step == -1 and same(op.length, x.shape[op.axis]):
        turned = w.turned_over(x, op.axis)
        if turned is not None:
            w.give(y, turned)
            return
    if op.step == -1:
        # Down to the first place and not to one before it: any end below all places will do.
        end = w.ints(-(2**63) + 1) if same(op.start, op.length - 1) else w.size(op.start - op.length)
    else:
        end = w.size(op.start + (op.length - 1) * op.step + 1)
    first = w.has_first(x)
    axis = channels_first(len(x.shape)).index(op.axis) if first else op.axis
    name = w.first(x) if first else w.plain(x)
    made = w.node("Slice", name, w.size(op.start), end, w.ints(axis), w.ints(op.step))
    (w.give_first if first else w.give)(y, made)


def _slice(op: Slice) -> slice:
    stop = op.start + op.length * op.step
    return slice(op.start, None if stop < 0 else stop, op.step)


@emits(Transpose)
def transpose(w: Writer, node: Node) -> None:
    """Two neighbouring axes swapped."""
    axis, (x,), (y,) = node.op.axis, node.inputs, node.outputs  # type: ignore[attr-defined]
    order = list(range(len(x.shape)))
    order[axis], order[axis + 1] = axis + 1, axis
    known = w.array(x)
    if known is not None:
        w.arrays[y] = known.transpose(order)
    else:
        w.give(y, w.node("Transpose", w.plain(x), perm=order))


@emits(ZeroPad)
def zero_pad(w: Writer, node: Node) -> None:
    """Zeros around an image (B, H, W, C)."""
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, ZeroPad)
    first, ((top, bottom), (left, right)) = w.has_first(x), op.padding
    pads = (
        w.ints(0, 0, top, left, 0, 0, bottom, right)
        if first
        else w.ints(0, top, left, 0, 0, bottom, right, 0)
    )
    made = w.node("Pad", w.first(x) if first else w.plain(x), pads)
    (w.give_first if first else w.give)(y, made)
