"""Matrix product C = op(A) op(B) with bias, activation and gate in its epilogue.

Order of accumulation, on every CPU and for any number of threads: k is cut into
`ceil(K / DEPTH)` blocks of nearly equal length that depend on K alone; inside a block a
chain of fused multiply-adds ascends in k from zero; blocks are added to C in order.

The work is cut by shape into tasks of rows x columns. A task packs one panel of B at a time
and runs all its row tiles over it, reading A in place; where A is large it is packed too, so
that a task's operands stay in the second-level cache. Threads draw tasks from one counter,
so a thread that is slowed down by another process does fewer of them.
"""

from __future__ import annotations

import numba
from numba.extending import register_jitable
from typing import Any

from nnctl.kernels import vectors
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import make_tile, take_ticket, thread_count, tile_shape, transpose_block

DEPTH = 512
"""Longest chain of multiply-adds between two additions to C. Part of the results: never by CPU."""

ROWS = tile_shape(4).rows
VECTORS = tile_shape(4).vectors
VECTOR_BYTES = tile_shape(4).lanes * 4

BLOCK = 128 * 1024
"""Elements of A a task keeps in the second-level cache."""

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""

_tiles = [make_tile(ROWS, n + 1) for n in range(VECTORS)]
_tile_1, _tile_n = _tiles[0], _tiles[-1]




@register_jitable
def block_depth(k: int) -> int:
    """Length of a block of k: blocks are nearly equal, a multiple of 8, the last is shorter."""
    blocks = max(1, (k + DEPTH - 1) // DEPTH)
    return max(8, ((k + blocks - 1) // blocks + 7) // 8 * 8)


@register_jitable
def _cut(m: int, n: int, k: int, width: int) -> tuple[int, int]:
    """Rows and columns of a task, from the shape alone."""
    panels = (n + width - 1) // width
    row_blocks = max(1, (m * block_depth(k) + BLOCK - 1) // BLOCK)
    group = 1
    if m * k > 2 * BLOCK:
        group = min(8, max(1, panels * row_blocks // 16))
    tasks = max(1, row_blocks * ((panels + group - 1) // group))
    if tasks < 8:
        row_blocks *= (8 + tasks - 1) // tasks
    rows = (m + row_blocks - 1) // row_blocks
    return max(2 * ROWS, (rows + ROWS - 1) // ROWS * ROWS), group * width


@register_jitable
def _worker_size(m: int, n: int, k: int, width: int) -> int:
    """Elements of scratch a thread needs: a panel of B, a tile, a block of A where it is packed."""
    rows, columns = _cut(m, n, k, width)
    depth = block_depth(k)
    lanes = width // VECTORS
    packed = rows * depth + lanes * max(rows, depth) if columns > width else 0
    return ((depth + lanes + ROWS) * width + packed + 15) // 16 * 16


def scratch_size(m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` of C (m, n) with inner size k, on up to `threads` threads."""
    return 16 + threads * _worker_size(m, n, k, VECTORS * VECTOR_BYTES // itemsize)


@inline
def _pack_b(
    b: Any, transposed: bool, k: int, depth: int, j: int, columns: int, width: int, panel: Any, at: int
) -> None:
    """Copy op(B)[k:k+depth, j:j+columns] to rows of `width`, whole vectors."""
    lanes = vectors.lanes(b)
    stride = b.shape[1]
    if transposed:
        for v in range(0, columns, lanes):
            for step in range(0, depth, lanes):
                source, target = (j + v) * stride + k + step, at + step * width + v
                transpose_block(b, source, stride, columns - v, depth - step, panel, target, width)
    else:
        for step in range(depth):
            source, target = (k + step) * stride + j, at + step * width
            for v in range(0, width, lanes):
                vectors.store(panel, target + v, vectors.load_part(b, source + v, columns - v))


@inline
def _pack_a(a: Any, at: int, rows: int, columns: int, block: Any, block_at: int, stride: int) -> None:
    """Copy a block of A as it is stored to rows of `stride`, which no cache set resents."""
    lanes = vectors.lanes(a)
    for r in range(rows):
        source, target = at + r * a.shape[1], block_at + r * stride
        for v in range(0, columns, lanes):
            vectors.store(block, target + v, vectors.load_part(a, source + v, columns - v))


@inline
def _finish(
    tile: Any, tile_at: int, width: int, older: bool, last: bool, bias: Any, relu: bool, gate: Any,
    at: int, stride: int, rows: int, j: int, columns: int, c: Any,
) -> None:  # fmt: skip
    """Add a tile to C (or write it) and, after the last block of k, apply bias, relu and gate."""
    lanes = vectors.lanes(c)
    zeros = vectors.broadcast(c, c.dtype.type(0))
    biased, gated, relu = last and bias.size > 0, last and gate.size > 0, last and relu
    for r in range(rows):
        for v in range(0, columns, lanes):
            to, count = at + r * stride + v, columns - v
            x = vectors.load(tile, tile_at + r * width + v)
            if older:
                x = vectors.add(vectors.load_part(c, to, count), x)
            if biased:
                x = vectors.add(x, vectors.load_part(bias, j + v, count))
            if relu:
                x = vectors.at_least(x, zeros)
            if gated:
                x = vectors.gated(vectors.load_part(gate, to, count), zeros, x)
            vectors.store_part(c, to, x, count)


@numba.njit(error_model="numpy", nogil=True)
def _work(
    a: Any, b: Any, bias: Any, gate: Any, a_transposed: int, b_transposed: int, relu: int, add: int,
    scratch: Any, at: int, c: Any,
) -> None:  # fmt: skip
    """Draw tasks and do them until none is left. Scratch for this thread starts at `at`."""
    m, n = c.shape
    k = a.shape[0] if a_transposed else a.shape[1]
    lanes = vectors.lanes(c)
    width = VECTORS * lanes
    task_rows, task_columns = _cut(m, n, k, width)
    depth = block_depth(k)
    across = (n + task_columns - 1) // task_columns
    tasks = across * ((m + task_rows - 1) // task_rows)
    tile = at + (depth + lanes) * width
    packed = tile + ROWS * width
    while True:
        task = take_ticket(scratch, 0)
        if task >= tasks:
            break
        i0, j0 = task // across * task_rows, task % across * task_columns
        i1, j1 = min(m, i0 + task_rows), min(n, j0 + task_columns)
        for k0 in range(0, max(k, 1), depth):
            length = min(depth, k - k0)
            older, last = add != 0 or k0 > 0, k0 + length >= k
            a_stride = a.shape[1]
            if task_columns > width:
                if a_transposed:
                    a_stride = i1 - i0 + lanes
                    _pack_a(a, k0 * m + i0, length, i1 - i0, scratch, packed, a_stride)
                else:
                    a_stride = length + lanes
                    _pack_a(a, i0 * k + k0, i1 - i0, length, scratch, packed, a_stride)
            row_step, k_step = (1, a_stride) if a_transposed else (a_stride, 1)
            for j in range(j0, j1, width):
                columns = min(width, j1 - j)
                used = lanes if columns <= lanes else width
                _pack_b(b, b_transposed != 0, k0, length, j, columns, used, scratch, at)
                for i in range(i0, i1, ROWS):
                    rows = min(ROWS, i1 - i)
                    if task_columns > width:
                        a_at = packed + (i - i0) * row_step
                        _one_tile(scratch, a_at, row_step, k_step, rows, scratch, at, used, length, tile)
                    else:
                        a_at = i * row_step + k0 * k_step
                        _one_tile(a, a_at, row_step, k_step, rows, scratch, at, used, length, tile)
                    _finish(
                        scratch, tile, used, older, last, bias, relu != 0, gate,
                        i * n + j, n, rows, j, columns, c,
                    )  # fmt: skip


@inline
def _one_tile(
    a: Any, a_at: int, row_step: int, k_step: int, rows: int, scratch: Any, panel: int, width: int,
    depth: int, tile: int,
) -> None:  # fmt: skip
    """The narrower of two register tiles if it covers the panel's width."""
    if width == vectors.lanes(a):
        _tile_1(a, a_at, row_step, k_step, rows, scratch, panel, width, depth, scratch, tile)
    else:
        _tile_n(a, a_at, row_step, k_step, rows, scratch, panel, width, depth, scratch, tile)


@kernel(parallel=True)
def matmul(
    a: Any, b: Any, bias: Any, gate: Any, a_transposed: int, b_transposed: int, relu: int, add: int,
    scratch: Any, c: Any,
) -> None:  # fmt: skip
    """C = gate(relu(C*add + op(A) op(B) + bias)).

    Shapes: A (M, K) or transposed (K, M); B (K, N) or transposed (N, K); C (M, N); bias (N,) or
    empty; gate (M, N) or empty: where it is not positive C becomes 0 (the gradient of relu, with
    relu's output as the gate); scratch (`scratch_size`,). relu, add: 0 or 1.
    """
    m, n = c.shape
    k = a.shape[0] if a_transposed else a.shape[1]
    size = _worker_size(m, n, k, VECTORS * vectors.lanes(c))
    scratch[0] = scratch[1] = 0
    if m * n * k <= SERIAL:
        _work(a, b, bias, gate, a_transposed, b_transposed, relu, add, scratch, 16, c)
    else:
        workers = min(thread_count(), (scratch.size - 16) // size)
        for worker in numba.prange(workers):
            at = 16 + worker * size
            _work(a, b, bias, gate, a_transposed, b_transposed, relu, add, scratch, at, c)
