"""Normalizations (`ops/normalization.py`, `ops/layer_norm.py`)."""

from __future__ import annotations

from math import prod

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.activation import LINEAR
from nnctl.ops.base import Node, Value
from nnctl.ops.layer_norm import LayerNorm
from nnctl.ops.normalization import FrozenBatchNorm

helper(
    "squared_deviations",
    """
/* The sum of (x - mean)^2, in 16 lanes. */
static real squared_deviations(const real *x, int count, real mean) {
    real lanes[16] = {0}, total;
    const int whole = count - count % 16;
    int i, j;
    for (i = 0; i < whole; i += 16)
        for (j = 0; j < 16; j++)
            lanes[j] = FMA(x[i + j] - mean, x[i + j] - mean, lanes[j]);
    total = lane_total(lanes);
    for (i = whole; i < count; i++)
        total += (x[i] - mean) * (x[i] - mean);
    return total;
}
""",
)
helper(
    "layer_norm",
    """
/* y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, row by row of x (rows, columns). */
static void layer_norm(const real *x, int rows, int columns, real epsilon, const real *gamma,
                       const real *beta, real *y) {
    int r, c;
    for (r = 0; r < rows; r++, x += columns, y += columns) {
        const real mean = lane_sum(x, columns) / (real)columns;
        const real variance = squared_deviations(x, columns, mean) / (real)columns;
        const real inverse = 1 / SQRT(variance + epsilon);
        for (c = 0; c < columns; c++) {
            real n = (x[c] - mean) * inverse;
            n = gamma ? n * gamma[c] : n;
            y[c] = beta ? n + beta[c] : n;
        }
    }
}
""",
)
helper(
    "column_factors",
    """
/* factor = gamma / sqrt(variance + epsilon). */
static void column_factors(const real *variance, int count, real epsilon, const real *gamma, real *factor) {
    int c;
    for (c = 0; c < count; c++) {
        factor[c] = 1 / SQRT(variance[c] + epsilon);
        if (gamma)
            factor[c] *= gamma[c];
    }
}
""",
)


@emits(LayerNorm)
def _layer_norm(w: Writer, node: Node) -> None:
    op, (x, *rest) = node.op, node.inputs
    assert isinstance(op, LayerNorm)
    gamma = rest.pop(0) if op.gamma else None
    beta = rest.pop(0) if op.beta else None
    rows = prod(x.shape[:-1])
    w.call("layer_norm", x, rows, x.shape[-1], float(op.epsilon), gamma, beta, w.out(node, 0))


@emits(FrozenBatchNorm, room=lambda node: node.inputs[1].type.size)
def _frozen(w: Writer, node: Node) -> None:
    op, (x, mean, variance, *rest), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, FrozenBatchNorm)
    gamma = rest.pop(0) if op.gamma else None
    columns, factor = mean.type.size, w.room(node)
    w.call("column_factors", variance, columns, float(op.epsilon), gamma, factor)
    c = f"i % {columns}"
    given: dict[str, Value | str] = {"x": x, "mean": mean, "factor": factor}
    if op.beta:
        given["beta"] = rest[0]
        value = f"FMA(x[i] - mean[{c}], factor[{c}], beta[{c}])"
    else:
        value = f"(x[i] - mean[{c}]) * factor[{c}]"
    if op.activation != LINEAR:
        value = w.applied(op.activation.value)(value)
    w.loop(x.type.size, f"y[i] = {value}", **given, y=y)
