"""Attention in heads, y = softmax(q k') v, and its gradient: no matrix of queries and keys in memory.

A thread takes a head of an example, packs its keys and values, and has the softmax of a few queries at a
time in its cache. Backwards it computes the softmax again, for one block of the sum over queries at a time.
q, k, v and y are read and written as projections have them, head beside head in a row. Letters:
kernels/attention_arrays.py.

Order: that of the separate operations. Products accumulate as kernels/panels.py says, sums of a row of the
softmax in lanes (kernels/lanes.py). Under a causal mask what is 0 by it is left out, which changes no bit.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.attention_arrays import Heads, Seen
from nnctl.kernels.attention_rows import clear_rows, columns_for, drop_rows, slope_rows, softmax_rows
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.lanes import LANES
from nnctl.kernels.packed import pack, packed_size, product
from nnctl.kernels.panels import VECTORS, block_depth, panel_width
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address

HEAD = 16
"""Elements at the start of the scratch memory: the counter of tasks."""

ROWS = 24
"""Queries whose matches are computed at a time: whole tiles on every CPU."""

CHUNK = 8 * ROWS
"""Queries of a task, at most: they pay for packing keys and values."""

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""


@register_jitable
def _pitch(keys: int) -> int:
    """Elements from a row of the softmax to the next: no power of two, so that a column fits in the cache."""
    return (keys + LANES - 1) // LANES * LANES + LANES


@register_jitable
def _forward_size(sizes: Heads, width: int) -> int:
    """Elements of scratch a thread needs forwards: packed keys and values, rows of the softmax."""
    packed = packed_size(sizes.size, sizes.keys, width) + packed_size(sizes.keys, sizes.value_size, width)
    return (packed + ROWS * _pitch(sizes.keys) + 15) // 16 * 16


@register_jitable
def _backward_size(sizes: Heads, width: int) -> int:
    """Backwards: packed keys and values, keys by rows, queries, dy; the softmax and its gradient."""
    keys, depth = sizes.keys, block_depth(sizes.queries)
    packed = packed_size(sizes.size, keys, width) + packed_size(sizes.value_size, keys, width)
    packed += packed_size(keys, sizes.size, width)
    packed += packed_size(depth, sizes.size, width) + packed_size(depth, sizes.value_size, width)
    return (packed + 2 * depth * _pitch(keys) + 15) // 16 * 16


def scratch_size(sizes: Heads, backward: bool, itemsize: int, threads: int) -> int:
    """Elements of scratch for one of the kernels on up to `threads` threads."""
    size = _backward_size if backward else _forward_size
    return HEAD + threads * int(size(sizes, panel_width(itemsize)))


@inline
def _whole_panels(sizes: Heads, columns: int, width: int) -> int:
    """Keys to compute for `columns` of them: whole panels, or all."""
    return min(sizes.keys, (columns + width - 1) // width * width)


@inline
def _workers(sizes: Heads, most: int) -> int:
    """How many threads: one where the work is little, else all that have scratch."""
    work = sizes.batch * sizes.heads * sizes.queries * sizes.keys * (sizes.size + sizes.value_size)
    return 1 if work <= SERIAL else min(thread_count(), most)


@numba.njit(error_model="numpy", nogil=True)
def _forward(sizes: Heads, seen: Seen, q: Any, k: Any, v: Any, scratch: Any, at: int, y: Any) -> None:
    """Take chunks of queries of a head until none is left. Scratch for this thread starts at `at`."""
    width, pitch = VECTORS * lanes(scratch), _pitch(sizes.keys)
    keys_at = at
    values_at = keys_at + packed_size(sizes.size, sizes.keys, width)
    rows_at = values_at + packed_size(sizes.keys, sizes.value_size, width)
    chunks = (sizes.queries + CHUNK - 1) // CHUNK
    while True:
        task = take_ticket(scratch, 0)
        if task >= sizes.batch * sizes.heads * chunks:
            break
        n, h = task // chunks // sizes.heads, task // chunks % sizes.heads
        pack(k, True, h * sizes.size, sizes.size, n * sizes.keys, sizes.keys, scratch, keys_at)
        pack(v, False, n * sizes.keys, sizes.keys, h * sizes.value_size, sizes.value_size, scratch, values_at)
        begin = task % chunks * CHUNK
        for t in range(begin, min(sizes.queries, begin + CHUNK), ROWS):
            rows = min(ROWS, sizes.queries - t)
            columns = columns_for(sizes, seen, t + rows - 1)
            query = ((n * sizes.queries + t) * sizes.heads + h) * sizes.size
            product(
                address(q, query), sizes.heads * sizes.size, 1, rows, sizes.size, 0, sizes.size,
                _whole_panels(sizes, columns, width), keys_at, sizes.keys, 0, 0, 0, scratch,
                scratch, rows_at, pitch,
            )  # fmt: skip
            softmax_rows(sizes, seen, n, h, t, rows, columns, scratch, rows_at, pitch)
            drop_rows(sizes, seen, n, h, t, rows, columns, scratch, rows_at, pitch)
            product(
                address(scratch, rows_at), pitch, 1, rows, sizes.keys, 0, columns, sizes.value_size,
                values_at, sizes.value_size, 0, 0, 0, scratch, y,
                ((n * sizes.queries + t) * sizes.heads + h) * sizes.value_size,
                sizes.heads * sizes.value_size,
            )  # fmt: skip


@kernel(parallel=True)
def attention(sizes: Heads, seen: Seen, q: Any, k: Any, v: Any, scratch: Any, y: Any) -> None:
    """y = softmax(q k') v in each head, over the keys that are seen.

    Shapes: q (N*T, H*D), k (N*S, H*D), v (N*S, H*V), scratch (`scratch_size`,), y (N*T*H*V,).
    """
    size = _forward_size(sizes, VECTORS * lanes(scratch))
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(_workers(sizes, (scratch.size - HEAD) // size)):
        _forward(sizes, seen, q, k, v, scratch, HEAD + np.int64(worker) * size, y)


@numba.njit(error_model="numpy", nogil=True)
def _backward(
    sizes: Heads,
    seen: Seen,
    q: Any,
    k: Any,
    v: Any,
    dy: Any,
    scratch: Any,
    at: int,
    dq: Any,
    dk: Any,
    dv: Any,
) -> None:
    """Take heads until none is left. Scratch for this thread starts at `at`."""
    width, pitch, depth = VECTORS * lanes(scratch), _pitch(sizes.keys), block_depth(sizes.queries)
    heads, queries, keys, size, value_size = sizes[1:]
    keys_at = at
    values_at = keys_at + packed_size(size, keys, width)
    by_rows_at = values_at + packed_size(value_size, keys, width)
    queries_at = by_rows_at + packed_size(keys, size, width)
    dy_at = queries_at + packed_size(depth, size, width)
    p_at = dy_at + packed_size(depth, value_size, width)
    g_at = p_at + depth * pitch
    while True:
        task = take_ticket(scratch, 0)
        if task >= sizes.batch * heads:
            break
        n, h = task // heads, task % heads
        pack(k, True, h * size, size, n * keys, keys, scratch, keys_at)
        pack(v, True, h * value_size, value_size, n * keys, keys, scratch, values_at)
        pack(k, False, n * keys, keys, h * size, size, scratch, by_rows_at)
        for start in range(0, max(queries, 1), depth):
            length = min(depth, queries - start)
            pack(q, False, n * queries + start, length, h * size, size, scratch, queries_at)
            pack(dy, False, n * queries + start, length, h * value_size, value_size, scratch, dy_at)
            for t in range(start, start + length, ROWS):
                rows = min(ROWS, start + length - t)
                columns = columns_for(sizes, seen, t + rows - 1)
                across = _whole_panels(sizes, columns, width)
                p_row, g_row = p_at + (t - start) * pitch, g_at + (t - start) * pitch
                query = ((n * queries + t) * heads + h) * size
                product(
                    address(q, query), heads * size, 1, rows, size, 0, size, across, keys_at, keys, 0, 0, 0,
                    scratch, scratch, p_row, pitch,
                )  # fmt: skip
                product(
                    address(dy, ((n * queries + t) * heads + h) * value_size), heads * value_size, 1, rows,
                    value_size, 0, value_size, across, values_at, keys, 0, 0, 0, scratch, scratch, g_row,
                    pitch,
                )  # fmt: skip
                softmax_rows(sizes, seen, n, h, t, rows, columns, scratch, p_row, pitch)
                slope_rows(sizes, seen, n, h, t, rows, columns, scratch, p_row, g_row, pitch)
                drop_rows(sizes, seen, n, h, t, rows, columns, scratch, p_row, pitch)
                # What a row of keys reads below reaches beyond what these queries see.
                reach = min(keys, columns + ROWS)
                clear_rows(rows, columns, reach, scratch, p_row, pitch)
                clear_rows(rows, columns, reach, scratch, g_row, pitch)
                product(
                    address(scratch, g_row), pitch, 1, rows, keys, 0, columns, size, by_rows_at, size, 0, 0,
                    0, scratch, dq, query, heads * size,
                )  # fmt: skip
            for s in range(0, keys, ROWS):
                rows = min(ROWS, keys - s)
                first = min(max(s - start, 0), length) if seen.causal else 0
                value, key = ((n * keys + s) * heads + h) * value_size, ((n * keys + s) * heads + h) * size
                older_v, older_k = (address(dv, value), address(dk, key)) if start else (0, 0)
                product(
                    address(scratch, p_at + s), 1, pitch, rows, length, first, length, value_size, dy_at,
                    value_size, older_v, heads * value_size, 0, scratch, dv, value, heads * value_size,
                )  # fmt: skip
                product(
                    address(scratch, g_at + s), 1, pitch, rows, length, first, length, size, queries_at,
                    size, older_k, heads * size, 0, scratch, dk, key, heads * size,
                )  # fmt: skip


@kernel(parallel=True)
def attention_grad(
    sizes: Heads, seen: Seen, q: Any, k: Any, v: Any, dy: Any, scratch: Any, dq: Any, dk: Any, dv: Any
) -> None:
    """The gradients of q, k and v from that of y.

    Shapes: q (N*T, H*D), k (N*S, H*D), v (N*S, H*V), dy (N*T, H*V), scratch (`scratch_size`,); dq, dk and dv
    flat.
    """
    size = _backward_size(sizes, VECTORS * lanes(scratch))
    scratch[0] = scratch[1] = 0
    for worker in numba.prange(_workers(sizes, (scratch.size - HEAD) // size)):
        _backward(sizes, seen, q, k, v, dy, scratch, HEAD + np.int64(worker) * size, dq, dk, dv)
