"""Masks, rows by number, counts and bins (`ops/masks.py`, `ops/embedding.py`, `ops/categories.py`)."""

from __future__ import annotations

from math import prod

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import number
from nnctl.formats.c.writer import Writer
from nnctl.ops.angle import Angle
from nnctl.ops.base import Node
from nnctl.ops.categories import Bins, CountRows, PickRows
from nnctl.ops.embedding import Embedding, EmbeddingMean, NotEqual
from nnctl.ops.masks import Both, Either, Select, _form

helper(
    "gather_rows",
    """
/* y[n] = row numbers[n] of x (rows, columns), NaN for a number that is none. */
static void gather_rows(const real *x, int rows, int columns, const int64_t *numbers, int count, real *y) {
    int n, c;
    for (n = 0; n < count; n++, y += columns)
        for (c = 0; c < columns; c++)
            y[c] = numbers[n] >= 0 && numbers[n] < rows ? x[numbers[n] * columns + c] : (real)NAN;
}
""",
)
helper(
    "mean_rows",
    """
/* y[n] = the mean of the rows numbers[n] (across) of x (rows, columns), added from 0. */
static void mean_rows(const real *x, int rows, int columns, const int64_t *numbers, int count, int across,
                      real *y) {
    int n, t, c;
    for (n = 0; n < count; n++, y += columns) {
        for (c = 0; c < columns; c++)
            y[c] = 0;
        for (t = 0; t < across; t++, numbers++)
            for (c = 0; c < columns; c++)
                y[c] = *numbers >= 0 && *numbers < rows ? y[c] + x[*numbers * columns + c] : (real)NAN;
        for (c = 0; c < columns; c++)
            y[c] /= (real)across;
    }
}
""",
)
helper(
    "count_rows",
    """
/* y[r, n] = how often n < depth is among numbers[r] (across), by weights if there are any. */
static void count_rows(const int64_t *numbers, const real *weights, int rows, int across, int depth,
                       int once, real *y) {
    int r, t, d;
    for (r = 0; r < rows; r++, y += depth) {
        for (d = 0; d < depth; d++)
            y[d] = 0;
        for (t = 0; t < across; t++, numbers++)
            if (*numbers >= 0 && *numbers < depth)
                y[*numbers] = once ? 1 : y[*numbers] + (weights ? weights[r * across + t] : 1);
    }
}
""",
)
helper(
    "bins",
    """
/* y[i] = how many of the boundaries, which never fall, are at most x[i]. */
static void bins(const real *x, int count, const real *boundaries, int most, int64_t *y) {
    int i;
    for (i = 0; i < count; i++) {
        int low = 0, high = most;
        while (low < high) {
            const int middle = (low + high) / 2;
            if (x[i] < boundaries[middle])
                high = middle;
            else
                low = middle + 1;
        }
        y[i] = low;
    }
}
""",
)


@emits(Either, Both)
def _join(w: Writer, node: Node) -> None:
    (a, b), (y,) = node.inputs, node.outputs
    w.loop(y.type.size, f"y[i] = a[i] {'&' if isinstance(node.op, Both) else '|'} b[i]", a=a, b=b, y=y)


@emits(Select)
def _select(w: Writer, node: Node) -> None:
    op, (mask, x), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Select)
    form = _form(mask.shape, x.shape)
    assert form is not None
    _, repeats, after, inner = form
    other = number(op.value, x.dtype)
    place = f"i / {repeats * after} * {after} + i % {after}" if after != 1 else f"i / {repeats * inner}"
    w.loop(x.type.size, f"y[i] = mask[{place}] ? x[i] : {other}", mask=mask, x=x, y=y)


@emits(NotEqual)
def _not_equal(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, NotEqual)
    w.loop(x.type.size, f"y[i] = x[i] != {number(op.value, x.dtype)}", x=x, y=y)


@emits(Embedding)
def _embedding(w: Writer, node: Node) -> None:
    (numbers, table), (y,) = node.inputs, node.outputs
    w.call("gather_rows", table, *table.shape, numbers, numbers.type.size, y)


@emits(EmbeddingMean)
def _embedding_mean(w: Writer, node: Node) -> None:
    (numbers, table), (y,) = node.inputs, node.outputs
    w.call("mean_rows", table, *table.shape, numbers, numbers.shape[0], prod(numbers.shape[1:]), y)


@emits(CountRows)
def _count(w: Writer, node: Node) -> None:
    op, (numbers, *weights), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, CountRows)
    w.call("count_rows", numbers, weights[0] if weights else None, *numbers.shape, op.depth, int(op.once), y)


@emits(PickRows)
def _pick(w: Writer, node: Node) -> None:
    (numbers, x), (y,) = node.inputs, node.outputs
    across, columns = numbers.shape[1], x.shape[1]
    inside = f"numbers[i] >= 0 && numbers[i] < {columns}"
    value = f"{inside} ? x[i / {across} * {columns} + numbers[i]] : 0"
    w.loop(numbers.type.size, f"y[i] = {value}", numbers=numbers, x=x, y=y)


@emits(Bins)
def _bins(w: Writer, node: Node) -> None:
    (x, boundaries), (y,) = node.inputs, node.outputs
    w.call("bins", x, x.type.size, boundaries, boundaries.type.size, y)


@emits(Angle)
def _angle(w: Writer, node: Node) -> None:
    (a, x), (y,) = node.inputs, node.outputs
    w.helpers.need("arctan2_r")
    w.loop(x.type.size, "y[i] = arctan2_r(a[i], x[i])", a=a, x=x, y=y)
