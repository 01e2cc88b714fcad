"""Weighted totals of losses a row, and the weights that masks make; every sum in one fixed order."""

from __future__ import annotations

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import lane_sum
from nnctl.kernels.reduce import LENGTH


@inline
def blocked_sum(x):  # type: ignore[no-untyped-def]
    """The sum of x (N,): blocks of LENGTH in 16 lanes, then the blocks in order."""
    n = x.shape[0]
    result = x.dtype.type(0.0)
    for start in range(0, n, LENGTH):
        result += lane_sum(x, start, min(LENGTH, n - start))
    return result


@kernel
def total(rows, weights, weighted, mask, mode, scale, scratch, inverse, out):  # type: ignore[no-untyped-def]
    """out[0] = sum of weights[r] rows[r, k] / divisor; inverse[0] = 1 / divisor; both 0 where that is 0.

    rows (R, K), weights (R,), mask (M,) uint8, scratch (R * K,) where `weighted`. The divisor is `scale`
    times: 1 (mode 0), the number of ones in the mask (1), the sum of the weights (2).
    """
    t = rows.dtype.type
    width = rows.shape[1]
    if weighted:
        for r in range(rows.shape[0]):
            for k in range(width):
                scratch[r * width + k] = weights[r] * rows[r, k]
    divisor = t(scale)
    if mode == 1:
        count = 0
        for m in range(mask.shape[0]):
            count += 1 if mask[m] else 0
        divisor *= t(count)
    elif mode == 2:
        divisor *= blocked_sum(weights)
    above = blocked_sum(scratch) if weighted else blocked_sum(rows.reshape(rows.size))
    zero = divisor == t(0.0)
    inverse[0] = t(0.0) if zero else t(1.0) / divisor
    out[0] = t(0.0) if zero else above / divisor


@kernel
def total_grad(dout, inverse, weights, weighted, drows):  # type: ignore[no-untyped-def]
    """drows[r, k] = dout[0] inverse[0] weights[r]; drows (R, K), weights (R,) where `weighted`."""
    factor = dout[0] * inverse[0]
    for r in range(drows.shape[0]):
        value = factor * weights[r] if weighted else factor
        for k in range(drows.shape[1]):
            drows[r, k] = value


@kernel
def masked_weights(weights, weighted, mask, out):  # type: ignore[no-untyped-def]
    """out[n, t] = weights[n] where mask[n, t], else 0 (weights 1 unless `weighted`)."""
    t = out.dtype.type
    for n in range(mask.shape[0]):
        value = weights[n] if weighted else t(1.0)
        for k in range(mask.shape[1]):
            out[n, k] = value if mask[n, k] else t(0.0)


@kernel
def not_ignored(labels, ignored, mask, masked, out):  # type: ignore[no-untyped-def]
    """out[r] = 1 where labels[r] is not `ignored` and mask[r] (where `masked`) is 1; mask, out uint8."""
    for r in range(labels.shape[0]):
        keep = labels[r] != ignored
        if masked:
            keep = keep and mask[r] != 0
        out[r] = 1 if keep else 0
