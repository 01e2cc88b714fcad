"""Sums in their fixed order (`ops/sums.py`, `ops/reduce.py`), and repeating along axes."""

from __future__ import annotations

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.kernels import codes
from nnctl.ops.base import Node
from nnctl.ops.reduce import ScaleBy, SumAll
from nnctl.ops.sums import Spread, SumAxes, _middle

helper(
    "lane_total",
    """
/* The sum of 16 lanes: halves are added until one is left. */
static real lane_total(real *lanes) {
    int half, i;
    for (half = 8; half > 0; half /= 2)
        for (i = 0; i < half; i++)
            lanes[i] += lanes[i + half];
    return lanes[0];
}
""",
)
_LANES = """
static real %s {
    real lanes[16] = {0}, total;
    const int whole = count - count %% 16;
    int i, j;
    for (i = 0; i < whole; i += 16)
        for (j = 0; j < 16; j++)
            lanes[j] = %s;
    total = lane_total(lanes);
    for (i = whole; i < count; i++)
        total += %s;
    return total;
}
"""
helper(
    "lane_sum",
    "\n/* The sum of x: element i goes to lane i mod 16, what is left over is added at the end. */"
    + _LANES % ("lane_sum(const real *x, int count)", "lanes[j] + x[i + j]", "x[i]"),
)
helper(
    "lane_squares",
    _LANES % ("lane_squares(const real *x, int count)", "FMA(x[i + j], x[i + j], lanes[j])", "x[i] * x[i]"),
)
helper(
    "lane_absolutes",
    _LANES % ("lane_absolutes(const real *x, int count)", "lanes[j] + ABS(x[i + j])", "ABS(x[i])"),
)
helper(
    "lane_max",
    """
/* The largest of x. */
static real lane_max(const real *x, int count) {
    real tops[16], top;
    const int whole = count - count % 16;
    int i, j, half;
    for (j = 0; j < 16; j++)
        tops[j] = x[0];
    for (i = 0; i < whole; i += 16)
        for (j = 0; j < 16; j++)
            tops[j] = tops[j] < x[i + j] ? x[i + j] : tops[j];
    for (half = 8; half > 0; half /= 2)
        for (j = 0; j < half; j++)
            tops[j] = tops[j] < tops[j + half] ? tops[j + half] : tops[j];
    top = tops[0];
    for (i = whole; i < count; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}
""",
)
helper(
    "sum_rows",
    """
/* y[r] = scale * the sum of row r of x (rows, columns). */
static void sum_rows(const real *x, int rows, int columns, real scale, real *y) {
    int r;
    for (r = 0; r < rows; r++)
        y[r] = lane_sum(x + r * columns, columns) * scale;
}
""",
)
helper(
    "sum_middle",
    """
/* y[a, b] = scale * the sum over r of x[a, r, b], in blocks of 256 r. sums (columns). */
static void sum_middle(const real *x, int outer, int rows, int columns, real scale, real *sums, real *y) {
    int a, r, k, b;
    for (a = 0; a < outer; a++, y += columns) {
        for (b = 0; b < columns && rows == 0; b++)
            y[b] = 0;
        for (k = 0; k < rows; k += 256) {
            real *to = k ? sums : y;
            for (r = k; r < rows && r < k + 256; r++, x += columns)
                for (b = 0; b < columns; b++)
                    to[b] = r == k ? x[b] : to[b] + x[b];
            for (b = 0; b < columns && k; b++)
                y[b] += sums[b];
        }
        for (b = 0; b < columns; b++)
            y[b] *= scale;
    }
}
""",
)
helper(
    "sum_all",
    """
/* y[0] = scale * the sum of `of` blocks of 8192 elements of x. sums (one for each block). */
static void sum_all(real (*of)(const real *, int), const real *x, int count, real scale, real *sums,
                    real *y) {
    int k = 0, i = 0;
    do {
        sums[k++] = of(x + i, count - i < 8192 ? count - i : 8192);
        i += 8192;
    } while (i < count);
    y[0] = lane_sum(sums, k) * scale;
}
""",
)
helper(
    "mean_middle",
    """
/* y[a, b] = the mean over r of x[a, r, b], added from 0, r ascending. */
static void mean_middle(const real *x, int outer, int rows, int columns, real *y) {
    int a, r, b;
    for (a = 0; a < outer; a++, y += columns) {
        for (b = 0; b < columns; b++)
            y[b] = 0;
        for (r = 0; r < rows; r++, x += columns)
            for (b = 0; b < columns; b++)
                y[b] += x[b];
        for (b = 0; b < columns; b++)
            y[b] /= (real)rows;
    }
}
""",
)
helper(
    "spread",
    """
/* y[a, r, b] = scale * x[a, b]. */
static void spread(const real *x, int outer, int rows, int columns, real scale, real *y) {
    int a, r, b;
    for (a = 0; a < outer; a++, x += columns)
        for (r = 0; r < rows; r++, y += columns)
            for (b = 0; b < columns; b++)
                y[b] = x[b] * scale;
}
""",
)


@emits(SumAxes, room=lambda node: node.outputs[0].type.size)
def _sum_axes(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, SumAxes)
    outer, rows, columns = _middle(x.shape, op.first, op.last)
    if columns == 1:
        w.call("sum_rows", x, outer, rows, op.scale, y)
    else:
        w.call("sum_middle", x, outer, rows, columns, op.scale, w.room(node), y)


@emits(Spread)
def _spread(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Spread)
    outer, rows, columns = _middle(op.shape, op.first, op.last)
    if y.dtype == w.dtype:
        w.call("spread", x, outer, rows, columns, op.scale, y)
    else:  # a mask
        w.loop(y.type.size, f"y[i] = x[i / {rows * columns} * {columns} + i % {columns}]", x=x, y=y)


@emits(SumAll, room=lambda node: 1 + node.inputs[0].type.size // 8192)
def _sum_all(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, SumAll)
    of = {codes.SUM_OF_SQUARES: "lane_squares", codes.SUM_OF_ABSOLUTES: "lane_absolutes"}.get(
        op.code, "lane_sum"
    )
    w.helpers.need(of)
    w.call("sum_all", of, x, x.type.size, op.scale, w.room(node), y)


@emits(ScaleBy)
def _scale_by(w: Writer, node: Node) -> None:
    (x, factor), (y,) = node.inputs, node.outputs
    w.loop(x.type.size, "y[i] = x[i] * factor[0] + (real)-0.0", x=x, factor=factor, y=y)
