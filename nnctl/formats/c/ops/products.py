"""Matrix products (`ops/linear.py`): the order of sums of `kernels/panels.py`.

The inner size is cut into blocks of nearly equal length; in each, a chain of fused multiply-adds ascends from
0, and the blocks are added in order, then the bias.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Node, Value
from nnctl.ops.linear import MatMul, _numbers

helper(
    "add_to_one",
    """
/* sums[j] += the sum of x[i * step] * w[i * row + j] over i < count, ascending, each product added in one
   rounding. Sums are read once for eight rows of w. */
static void add_to_one(const real *restrict x, int step, int count, const real *restrict w, int row,
                       int columns, real *restrict sums) {
    int i, j;
    for (i = 0; i + 8 <= count; i += 8, x += 8 * step, w += 8 * row) {
        const real x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step];
        const real x4 = x[4 * step], x5 = x[5 * step], x6 = x[6 * step], x7 = x[7 * step];
        for (j = 0; j < columns; j++) {
            real sum = FMA(x0, w[j], sums[j]);
            sum = FMA(x1, w[row + j], sum);
            sum = FMA(x2, w[2 * row + j], sum);
            sum = FMA(x3, w[3 * row + j], sum);
            sum = FMA(x4, w[4 * row + j], sum);
            sum = FMA(x5, w[5 * row + j], sum);
            sum = FMA(x6, w[6 * row + j], sum);
            sums[j] = FMA(x7, w[7 * row + j], sum);
        }
    }
    for (; i < count; i++, x += step, w += row)
        for (j = 0; j < columns; j++)
            sums[j] = FMA(x[0], w[j], sums[j]);
}
""",
)
helper(
    "add_to_two",
    """
/* `add_to_one` for x and for y, `apart` elements behind it: w is read once for both. */
static void add_to_two(const real *restrict x, int apart, int step, int count, const real *restrict w,
                       int row, int columns, real *restrict sums, real *restrict others) {
    const real *restrict y = x + apart;
    int i, j;
    for (i = 0; i + 4 <= count; i += 4, x += 4 * step, y += 4 * step, w += 4 * row) {
        const real x0 = x[0], x1 = x[step], x2 = x[2 * step], x3 = x[3 * step];
        const real y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
        for (j = 0; j < columns; j++) {
            const real w0 = w[j], w1 = w[row + j], w2 = w[2 * row + j], w3 = w[3 * row + j];
            sums[j] = FMA(x3, w3, FMA(x2, w2, FMA(x1, w1, FMA(x0, w0, sums[j]))));
            others[j] = FMA(y3, w3, FMA(y2, w2, FMA(y1, w1, FMA(y0, w0, others[j]))));
        }
    }
    for (; i < count; i++, x += step, y += step, w += row)
        for (j = 0; j < columns; j++) {
            sums[j] = FMA(x[0], w[j], sums[j]);
            others[j] = FMA(y[0], w[j], others[j]);
        }
}
""",
)
helper(
    "add_rows",
    """
/* `add_to_one` for one or two rows of x, `apart` elements from one to the next, and their sums. */
static void add_rows(const real *x, int apart, int rows, int step, int count, const real *w, int row,
                     int columns, real *sums, int sums_apart) {
    if (rows == 2)
        add_to_two(x, apart, step, count, w, row, columns, sums, sums + sums_apart);
    else
        add_to_one(x, step, count, w, row, columns, sums);
}
""",
)
helper(
    "rows_product",
    """
/* For one or two rows of x, `apart` elements from one to the next: out[j] = older[j] + the sum of x[i *
   step] * w[i * row + j] over i < count, in blocks of `depth`, + bias[j]; older and bias may be NULL. sums,
   out and older (rows, columns). */
static void rows_product(const real *x, int apart, int rows, int step, int count, const real *w, int row,
                         int columns, int depth, const real *older, const real *bias, real *sums,
                         real *out) {
    int i, j, r;
    for (j = 0; j < rows * columns; j++)
        out[j] = older ? older[j] : 0;
    for (i = 0; i < count; i += depth) {
        const int length = count - i < depth ? count - i : depth;
        for (j = 0; j < rows * columns; j++)
            sums[j] = 0;
        add_rows(x + i * step, apart, rows, step, length, w + i * row, row, columns, sums, columns);
        for (j = 0; j < rows * columns; j++)
            out[j] += sums[j];
    }
    for (r = 0; r < rows && bias; r++)
        for (j = 0; j < columns; j++)
            out[r * columns + j] += bias[j];
}
""",
)
helper(
    "row_product",
    """
/* `rows_product` of one row. */
static void row_product(const real *x, int step, int count, const real *w, int row, int columns, int depth,
                        const real *older, const real *bias, real *sums, real *out) {
    rows_product(x, 0, 1, step, count, w, row, columns, depth, older, bias, sums, out);
}
""",
)
helper(
    "row_by_rows",
    """
/* out[j] = the sum of x[i * step] * w[j * row + i] over i < count, in blocks of `depth`, + bias[j]. */
static void row_by_rows(const real *x, int step, int count, const real *w, int row, int columns, int depth,
                        const real *bias, real *out) {
    int i, j;
    for (j = 0; j < columns; j++) {
        real total = 0;
        for (i = 0; i < count;) {
            const int end = count - i < depth ? count : i + depth;
            real sum = 0;
            for (; i < end; i++)
                sum = FMA(x[i * step], w[j * row + i], sum);
            total += sum;
        }
        out[j] = bias ? total + bias[j] : total;
    }
}
""",
)
helper(
    "product",
    """
/* c (m, n) = a b + bias: a's rows lie `a_row` apart, its columns `a_step`; b (k, n). sums (2, n). */
static void product(const real *a, int a_row, int a_step, const real *b, const real *bias, int m, int n,
                    int k, int depth, real *sums, real *c) {
    int i;
    for (i = 0; i < m; i += 2)
        rows_product(a + i * a_row, a_row, i + 1 < m ? 2 : 1, a_step, k, b, n, n, depth, NULL, bias, sums,
                     c + i * n);
}
""",
)
helper(
    "product_transposed",
    """
/* c (m, n) = a b^T + bias: b (n, k), the rest as for `product`. */
static void product_transposed(const real *a, int a_row, int a_step, const real *b, const real *bias, int m,
                               int n, int k, int depth, real *c) {
    int i;
    for (i = 0; i < m; i++)
        row_by_rows(a + i * a_row, a_step, k, b, k, n, depth, bias, c + i * n);
}
""",
)
helper(
    "rectify",
    """
/* y = max(y, 0), a NaN stays. */
static void rectify(int count, real *y) {
    int i;
    for (i = 0; i < count; i++)
        y[i] = y[i] < 0 ? 0 : y[i];
}
""",
)


@emits(MatMul, room=lambda node: 2 * node.outputs[0].shape[-1])
def _matmul(w: Writer, node: Node) -> None:
    from nnctl.kernels.panels import block_depth

    op = node.op
    assert isinstance(op, MatMul)
    assert not op.gate
    a, b = node.inputs[:2]
    bias = node.inputs[2] if op.bias else None
    front, m, n, k = op._sizes(a.type, b.type)
    a_row, a_step = (1, m) if op.transpose_a else (k, 1)
    (y,) = node.outputs
    sizes = (m, n, k, block_depth(k))
    with w.times(prod(front)) as of:
        from_a, from_b = (_matrix(w, of, value, front) for value in (a, b))
        if op.transpose_b:
            w.call("product_transposed", from_a, a_row, a_step, from_b, bias, *sizes, of(y, m * n))
        else:
            w.call("product", from_a, a_row, a_step, from_b, bias, *sizes, w.room(node), of(y, m * n))
    if op.relu:
        w.call("rectify", y.type.size, y)


def _matrix(w: Writer, of: Callable[[Value, int], str], value: Value, front: tuple[int, ...]) -> str:
    """Where the n-th product's matrix of a value begins; axes in front may be broadcast."""
    size = prod(value.shape[-2:])
    numbers = _numbers(np.empty(value.shape, np.uint8), front)
    for step in (1, 0):
        if (numbers == step * np.arange(len(numbers))).all():
            return of(value, step * size) if step else w.at(value)
    return f"{w.at(value)} + {w.integers(numbers.astype(np.int32), 'matrices')}[n] * {size}"
