"""Moving numbers about (`ops/shape.py`), and zeros around images."""

from __future__ import annotations

from math import prod

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Node
from nnctl.ops.pooling import ZeroPad
from nnctl.ops.shape import Concatenate, Copy, Slice, SliceGrad, Transpose, Unstack, _runs

helper(
    "move_runs",
    """
/* `count` times, `from` and `to` bytes further each time: `runs` runs of `size` bytes, `from_step` and
   `to_step` bytes apart. */
static void move_runs(int count, const void *x, int from, int from_step, int runs, int size, void *y,
                      int to, int to_step) {
    int i, j;
    for (i = 0; i < count; i++)
        for (j = 0; j < runs; j++)
            memcpy((char *)y + i * to + j * to_step, (const char *)x + i * from + j * from_step,
                   (size_t)size);
}
""",
)


def _bytes(node: Node) -> int:
    return node.outputs[0].type.nbytes // max(1, node.outputs[0].type.size)


@emits(Copy)
def _copy(w: Writer, node: Node) -> None:
    (x,), (y,) = node.inputs, node.outputs
    w.line(f"memcpy({w.at(y)}, {w.at(x)}, {x.type.nbytes});")


@emits(Concatenate)
def _concatenate(w: Writer, node: Node) -> None:
    op, (y,), start = node.op, node.outputs, 0
    assert isinstance(op, Concatenate)
    rows, across = prod(y.shape[: op.axis]), prod(y.shape[op.axis :]) * _bytes(node)
    for x in node.inputs:
        own = prod(x.shape[op.axis :])
        if own:
            size = own * _bytes(node)
            w.call("move_runs", rows, x, size, 0, 1, size, w.at(y, start), across, 0)
        start += own


@emits(Unstack)
def _unstack(w: Writer, node: Node) -> None:
    op, (x,) = node.op, node.inputs
    assert isinstance(op, Unstack)
    run = prod(x.shape[op.axis + 1 :])
    for y in node.outputs:
        place, size = w.at(x, y.index * run), run * _bytes(node)
        w.call("move_runs", prod(x.shape[: op.axis]), place, x.shape[op.axis] * size, 0, 1, size, y, size, 0)


@emits(Slice)
def _slice(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Slice)
    start, step, run = _runs(y.shape, op.axis, op.start, op.step)
    size, across, made = _bytes(node), prod(x.shape[op.axis :]), prod(y.shape[op.axis :])
    from_ = (w.at(x, start), across * size, step * size)
    rows = prod(x.shape[: op.axis])
    w.call("move_runs", rows, *from_, made // run, run * size, y, made * size, run * size)


@emits(SliceGrad)
def _spread(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, SliceGrad)
    start, step, run = _runs(x.shape, op.axis, op.start, op.step)
    size, across, given = _bytes(node), prod(y.shape[op.axis :]), prod(x.shape[op.axis :])
    w.loop(y.type.size, "y[i] = 0", y=y)
    to = (w.at(y, start), across * size, step * size)
    rows = prod(x.shape[: op.axis])
    w.call("move_runs", rows, x, given * size, run * size, given // run, run * size, *to)


@emits(Transpose)
def _transpose(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Transpose)
    a, size = op.axis, _bytes(node)
    before, first, second, after = prod(x.shape[:a]), x.shape[a], x.shape[a + 1], prod(x.shape[a + 2 :])
    run = after * size
    with w.times(before) as of:
        from_, to = of(x, first * second * after), of(y, first * second * after)
        w.call("move_runs", second, from_, run, second * run, first, run, to, first * run, run)


@emits(ZeroPad)
def _zero_pad(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, ZeroPad)
    (top, _), (left, _) = op.padding
    count, height, width, channels = x.shape
    _, out_height, out_width, _ = y.shape
    size = _bytes(node)
    w.loop(y.type.size, "y[i] = 0", y=y)
    corner = w.at(y, (top * out_width + left) * channels)
    row, out_row = width * channels * size, out_width * channels * size
    w.call("move_runs", count, x, height * row, row, height, row, corner, out_height * out_row, out_row)
