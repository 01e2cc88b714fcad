"""Sums and maxima in a fixed order: by column, by row, over everything.

Long columns are cut into blocks of ROWS rows; each block is added from the top, then the
blocks in order. Rows and whole arrays go through 16 lanes (lanes.py), whole arrays in blocks
of LENGTH elements.
"""

from __future__ import annotations

import numba
import numpy as np

from nnctl.kernels import codes
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import (
    LANES,
    add,
    all16,
    element,
    lane_dot,
    lane_sum,
    load16,
    magnitude,
    total16,
)
from nnctl.kernels.ranges import part

ROWS = 256
"""Rows of x in one block of a column sum."""
LENGTH = 8192
"""Elements in one block of a whole sum."""


def column_blocks(rows: int) -> int:
    """Blocks of a column sum over `rows` rows."""
    return max(1, -(-rows // ROWS))


def middle_sum_scratch(outer: int, rows: int, columns: int) -> int:
    """Elements of scratch for `sum_middle` of x (outer, rows, columns)."""
    blocks = column_blocks(rows)
    return 0 if blocks == 1 else outer * blocks * columns


def whole_sum_scratch(size: int) -> int:
    """Elements of scratch for `sum_all` of `size` elements."""
    return max(1, -(-size // LENGTH))


@part
def add_rows(x, outer, lo, hi, out, at):
    """out[at, :] = x[outer, lo, :] + ... + x[outer, hi - 1, :], from the top down."""
    columns = x.shape[2]
    if lo >= hi:
        for c in range(columns):
            out[at, c] = x.dtype.type(0.0)
        return
    for c in range(columns):
        out[at, c] = x[outer, lo, c]
    r = lo + np.uint64(1)
    four = np.uint64(4)
    while r + four <= hi:
        for c in range(columns):
            total = out[at, c] + x[outer, r, c] + x[outer, r + np.uint64(1), c]
            out[at, c] = total + x[outer, r + np.uint64(2), c] + x[outer, r + np.uint64(3), c]
        r += four
    while r < hi:
        for c in range(columns):
            out[at, c] += x[outer, r, c]
        r += np.uint64(1)


@inline
def rows_of_block(block, rows):
    """(first, last) row of a block, unsigned."""
    lo = np.int64(block) * ROWS
    return np.uint64(lo), np.uint64(min(lo + ROWS, rows))


@inline
def scale_row(out, at, factor):
    """out[at, :] *= factor."""
    for c in range(out.shape[1]):
        out[at, c] *= factor


@part
def add_blocks(sums, lo, hi, out, at):
    """out[at, :] = sums[lo, :] + ... + sums[hi - 1, :], from the top down."""
    for c in range(out.shape[1]):
        out[at, c] = sums[lo, c]
    for k in range(lo + np.uint64(1), hi):
        for c in range(out.shape[1]):
            out[at, c] += sums[k, c]


@part
def add_pairs(sums, rows, first, second):
    """first, second (C,): of each block of `rows` rows two sums, one row of `sums` each, added in order."""
    for c in range(first.shape[0]):
        first[c] = sums[0, c]
        second[c] = sums[1, c]
    for k in range(1, (rows + ROWS - 1) // ROWS):
        for c in range(first.shape[0]):
            first[c] += sums[2 * k, c]
            second[c] += sums[2 * k + 1, c]


@kernel
def sum_middle(x, scale, scratch, y):
    """y[a, b] = scale * sum over r of x[a, r, b]; x (A, R, B), y (A, B), scratch (A * blocks, B).

    Plain form for up to ROWS rows or little work; scratch has `middle_sum_scratch` elements.
    """
    rows = x.shape[1]
    blocks = (rows + ROWS - 1) // ROWS
    factor = x.dtype.type(scale)
    for a in range(np.uint64(x.shape[0])):
        if blocks <= 1:
            add_rows(x, a, np.uint64(0), np.uint64(rows), y, a)
        else:
            for k in range(blocks):
                lo, hi = rows_of_block(k, rows)
                add_rows(x, np.uint64(a), lo, hi, scratch, np.uint64(k))
            add_blocks(scratch, np.uint64(0), np.uint64(blocks), y, a)
        scale_row(y, a, factor)


@kernel(parallel=True)
def sum_middle_parallel(x, scale, scratch, y):
    """`sum_middle` on many threads; scratch (A * blocks, B) is always used."""
    outer, rows = x.shape[0], x.shape[1]
    blocks = max(1, (rows + ROWS - 1) // ROWS)
    factor = x.dtype.type(scale)
    for job in numba.prange(outer * blocks):
        a = np.int64(job) // blocks
        lo, hi = rows_of_block(np.int64(job) - a * blocks, rows)
        add_rows(x, np.uint64(a), lo, hi, scratch, np.uint64(job))
    for a in range(outer):
        add_blocks(scratch, np.uint64(a * blocks), np.uint64((a + 1) * blocks), y, np.uint64(a))
        scale_row(y, np.uint64(a), factor)


@kernel
def sum_rows(x, scale, y):
    """y[r] = scale * sum over c of x[r, c]; x (R, C), y (R,)."""
    columns = x.shape[1]
    factor = x.dtype.type(scale)
    for r in range(x.shape[0]):
        y[r] = lane_sum(x, r * columns, columns) * factor


@inline
def lane_absolute_sum(x, start, count):
    """Sum of |x| over `count` elements from flat element `start`."""
    sums = all16(x, x.dtype.type(0.0))
    whole = count - count % LANES
    for i in range(0, whole, LANES):
        sums = add(sums, magnitude(load16(x, start + i)))
    total = total16(sums)
    for i in range(whole, count):
        total += abs(element(x, start + i))
    return total


@inline
def sum_of(x, code, start, count):
    """One block of a whole sum: of x, of its squares or of its absolute values."""
    if code == codes.SUM_OF_SQUARES:
        return lane_dot(x, start, x, start, count)
    if code == codes.SUM_OF_ABSOLUTES:
        return lane_absolute_sum(x, start, count)
    return lane_sum(x, start, count)


@kernel
def sum_all(x, code, scale, scratch, y):
    """y[0] = scale * the sum of x (N,), of x^2 or of |x| by code; scratch `whole_sum_scratch`."""
    n = x.shape[0]
    blocks = max(1, (n + LENGTH - 1) // LENGTH)
    for k in range(blocks):
        scratch[k] = sum_of(x, code, k * LENGTH, min(LENGTH, n - k * LENGTH))
    y[0] = lane_sum(scratch, 0, blocks) * x.dtype.type(scale)


@kernel(parallel=True)
def sum_all_parallel(x, code, scale, scratch, y):
    """`sum_all` on many threads."""
    n = x.shape[0]
    blocks = max(1, (n + LENGTH - 1) // LENGTH)
    for block in numba.prange(blocks):
        start = np.int64(block) * LENGTH
        scratch[block] = sum_of(x, code, start, min(LENGTH, n - start))
    y[0] = lane_sum(scratch, 0, blocks) * x.dtype.type(scale)


@part
def _mean_middle(x, a, count, y):
    zero = y.dtype.type(0.0)
    for b in range(x.shape[2]):
        y[a, b] = zero
    for r in range(np.uint64(x.shape[1])):
        for b in range(x.shape[2]):
            y[a, b] += x[a, r, b]
    for b in range(x.shape[2]):
        y[a, b] /= count


@kernel
def mean_middle(x, y):
    """y[a, b] = the mean over r of x[a, r, b], added from 0, r ascending; x (A, R, B), y (A, B)."""
    for a in range(np.uint64(x.shape[0])):
        _mean_middle(x, a, x.dtype.type(x.shape[1]), y)


@kernel(parallel=True)
def mean_middle_parallel(x, y):
    """`mean_middle` on many threads."""
    for a in numba.prange(x.shape[0]):
        _mean_middle(x, np.uint64(a), x.dtype.type(x.shape[1]), y)


@part
def _broadcast_middle(x, a, factor, y):
    for r in range(np.uint64(y.shape[1])):
        for b in range(y.shape[2]):
            y[a, r, b] = x[a, b] * factor


@kernel
def broadcast_middle(x, scale, y):
    """y[a, r, b] = scale * x[a, b]: the transpose of `sum_middle`; x (A, B), y (A, R, B)."""
    for a in range(np.uint64(y.shape[0])):
        _broadcast_middle(x, a, x.dtype.type(scale), y)


@kernel(parallel=True)
def broadcast_middle_parallel(x, scale, y):
    """`broadcast_middle` on many threads."""
    for a in numba.prange(y.shape[0]):
        _broadcast_middle(x, np.uint64(a), x.dtype.type(scale), y)
