"""Pooling (`ops/pooling.py`): windows are gone through row by row, what hangs over an edge is left out."""

from __future__ import annotations

from math import prod

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.kernels.pooling_plan import Windows, _inside
from nnctl.ops.base import Node
from nnctl.ops.pooling import AveragePool, GlobalAveragePool, GlobalMaxPool, MaxPool, Pool, Share

_WINDOWS = """
/* %s. x (batch, height, width, channels); `rows` and `columns` have, for each window along an axis, its
   first pixel and how many it has. */
static void %s(const real *x, int batch, int height, int width, int channels, const int *rows,
               int out_height, const int *columns, int out_width, real *y) {
    int b, p, q, i, j, c;
    for (b = 0; b < batch; b++, x += height * width * channels)
        for (p = 0; p < out_height; p++)
            for (q = 0; q < out_width; q++, y += channels) {
                const int down = rows[2 * p + 1], across = columns[2 * q + 1];
                const real *corner = x + (rows[2 * p] * width + columns[2 * q]) * channels;
                for (c = 0; c < channels; c++)
                    y[c] = %s;
                for (i = 0; i < down; i++)
                    for (j = 0; j < across; j++) {
                        const real *pixel = corner + (i * width + j) * channels;
                        for (c = 0; c < channels; c++)
                            y[c] = %s;
                    }%s
            }
}
"""
_MEAN = """
                for (c = 0; c < channels; c++)
                    y[c] = y[c] / (real)(down * across);"""
helper(
    "max_pool",
    _WINDOWS
    % (
        "The largest of each window: the first of equal ones, or a NaN",
        "max_pool",
        "-INFINITY",
        "pixel[c] > y[c] || pixel[c] != pixel[c] ? pixel[c] : y[c]",
        "",
    ),
)
helper(
    "average_pool",
    _WINDOWS % ("The mean of each window's pixels", "average_pool", "0", "y[c] + pixel[c]", _MEAN),
)


def _table(w: Writer, windows: Windows) -> tuple[str, str]:
    """The first pixel and the number of pixels of each window, along both axes."""
    import numpy as np

    found = []
    for axis in (windows.rows, windows.columns):
        numbers = _inside(axis)[:, [0, 2]].astype(np.int32)
        found.append(w.integers(numbers, "windows"))
    return found[0], found[1]


def _pool(w: Writer, node: Node, windows: Windows, helper_: str) -> None:
    (x,) = node.inputs
    rows, columns = _table(w, windows)
    given = (x, *x.shape, rows, windows.rows.out, columns, windows.columns.out)
    w.call(helper_, *given, w.out(node, 0))


@emits(MaxPool, AveragePool)
def _windows(w: Writer, node: Node) -> None:
    op = node.op
    assert isinstance(op, Pool)
    _pool(
        w, node, op.windows(node.inputs[0].shape), "max_pool" if isinstance(op, MaxPool) else "average_pool"
    )


@emits(GlobalMaxPool)
def _global_max(w: Writer, node: Node) -> None:
    _pool(w, node, Pool(Share(1), Share(1)).windows(node.inputs[0].shape), "max_pool")


@emits(GlobalAveragePool)
def _global_average(w: Writer, node: Node) -> None:
    (x,), (y,) = node.inputs, node.outputs
    w.call("mean_middle", x, x.shape[0], prod(x.shape[1:-1]), x.shape[-1], y)
