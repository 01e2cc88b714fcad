"""Softmax and its kin over the last axis (`ops/softmax.py`, `ops/sparsemax.py`), and attention in heads."""

from __future__ import annotations

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.attention import Attention
from nnctl.ops.base import Node
from nnctl.ops.softmax import Softmax
from nnctl.ops.sparsemax import Sparsemax

helper(
    "softmax",
    """
/* y = softmax(x), row by row. */
static void softmax(const real *x, int rows, int columns, real *y) {
    int r, c;
    for (r = 0; r < rows; r++, x += columns, y += columns) {
        const real top = lane_max(x, columns);
        real scale;
        for (c = 0; c < columns; c++)
            y[c] = exp_negative_r(x[c] - top);
        scale = 1 / lane_sum(y, columns);
        for (c = 0; c < columns; c++)
            y[c] = y[c] * scale;
    }
}
""",
)
helper(
    "log_softmax",
    """
/* y = log(softmax(x)), row by row. */
static void log_softmax(const real *x, int rows, int columns, real *y) {
    int r, c;
    for (r = 0; r < rows; r++, x += columns, y += columns) {
        const real top = lane_max(x, columns);
        real shift;
        for (c = 0; c < columns; c++)
            y[c] = exp_negative_r(x[c] - top);
        shift = top + log_r(lane_sum(y, columns));
        for (c = 0; c < columns; c++)
            y[c] = x[c] - shift;
    }
}
""",
)
helper(
    "sparsemax",
    """
/* y = the probabilities nearest to x, row by row. */
static void sparsemax(const real *x, int rows, int columns, real *y) {
    int r, c;
    for (r = 0; r < rows; r++, x += columns, y += columns) {
        real top = x[0], limit = -1;
        int left = columns + 1, above;
        for (c = 1; c < columns; c++)
            top = x[c] > top ? x[c] : top;
        for (;;) {
            real total = 0;
            above = 0;
            for (c = 0; c < columns; c++)
                if (x[c] - top > limit) {
                    total += x[c] - top;
                    above++;
                }
            limit = above ? (total - 1) / (real)above : (real)NAN;
            if (above == 0 || above >= left)
                break;
            left = above;
        }
        for (c = 0; c < columns; c++) {
            const real value = x[c] - top - limit;
            y[c] = value <= 0 ? 0 : value;
        }
    }
}
""",
)
helper(
    "attention",
    """
/* y = softmax(q k') v of each head: q (queries, heads * size), k (keys, heads * size), v (keys, heads *
   width). A key is seen where the mask, `head_step` and `query_step` from one to the next, is not 0 and,
   with `causal`, where it is not behind the query. With `zero`, one that the mask hides gets 0. turned
   (size, keys), matches (keys), sums (keys, and width). */
static void attention(const real *q, const real *k, const real *v, const uint8_t *mask, int heads,
                      int queries, int keys, int size, int width, int head_step, int query_step, int causal,
                      int zero, int size_depth, int keys_depth, real *turned, real *matches, real *sums,
                      real *y) {
    int h, t, s, i;
    for (h = 0; h < heads; h++) {
        for (i = 0; i < size; i++)
            for (s = 0; s < keys; s++)
                turned[i * keys + s] = k[(s * heads + h) * size + i];
        for (t = 0; t < queries; t++) {
            const uint8_t *seen = mask ? mask + h * head_step + t * query_step : NULL;
            const real *query = q + (t * heads + h) * size, *values = v + h * width;
            real *to = y + (t * heads + h) * width;
            row_product(query, 1, size, turned, keys, keys, size_depth, NULL, NULL, sums, matches);
            for (s = 0; s < keys; s++)
                if ((seen && !seen[s]) || (causal && s > t))
                    matches[s] = (real)-1e9;
            softmax(matches, 1, keys, matches);
            for (s = 0; s < keys && zero && seen; s++)
                matches[s] = seen[s] ? matches[s] : 0;
            row_product(matches, 1, keys, values, heads * width, width, keys_depth, NULL, NULL, sums, to);
        }
    }
}
""",
)


@emits(Softmax)
def _softmax(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Softmax)
    columns = x.shape[-1]
    w.call("log_softmax" if op.log else "softmax", x, x.type.size // columns, columns, y)


@emits(Sparsemax)
def _sparsemax(w: Writer, node: Node) -> None:
    (x,), (y,) = node.inputs, node.outputs
    w.call("sparsemax", x, x.type.size // x.shape[-1], x.shape[-1], y)


def _rows(node: Node) -> int:
    _, keys, _, size = node.inputs[1].shape
    return keys * (size + 1) + max(keys, node.inputs[2].shape[3])


@emits(Attention, room=_rows)
def _attention(w: Writer, node: Node) -> None:
    from nnctl.kernels.panels import block_depth

    op, (q, k, v, *rest), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Attention)
    sizes = op.heads(q.type, v.type)
    mask = rest[0] if op.masked else None
    steps = [0, 0]
    if mask is not None:
        *_, last = mask.shape
        steps = [mask.shape[2] * last if mask.shape[1] != 1 else 0, last if mask.shape[2] != 1 else 0]
    turned = sizes.keys * sizes.size
    rooms = [w.room(node, start) for start in (0, turned, turned + sizes.keys)]
    with w.times(sizes.batch) as of:
        q_at, k_at, v_at, y_at = (of(x, x.type.size // sizes.batch) for x in (q, k, v, y))
        seen = None
        if mask is not None:
            seen = of(mask, mask.type.size // mask.shape[0] if mask.shape[0] != 1 else 0)
        w.call(
            "attention", q_at, k_at, v_at, seen, sizes.heads, sizes.queries, sizes.keys, sizes.size,
            sizes.value_size, *steps, int(op.causal), int(op.zero), block_depth(sizes.size),
            block_depth(sizes.keys), *rooms, y_at,
        )  # fmt: skip
