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
    packed = rows * (depth + 16) if columns > width else 0
    return (depth * width + ROWS * width + packed + 15) // 16 * 16


def scratch_size(m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` of C (m, n) with inner size k, on up to `threads` threads."""
    return 16 + threads * _worker_size(m, n, k, VECTORS * VECTOR_BYTES // itemsize)


@inline
def _pack_b(b: Any, transposed: bool, k: int, depth: int, j: int, columns: int, panel: Any, at: int) -> None:
    """Copy op(B)[k:k+depth, j:j+columns] to rows of whole vectors, zeros beyond the columns."""
    lanes = vectors.lanes(b)
    width = (columns + lanes - 1) // lanes * lanes
    stride = b.shape[1]
    zero = b.dtype.type(0)
    whole = columns // lanes * lanes
    if not transposed:
        for step in range(depth):
            source, target = (k + step) * stride + j, at + step * width
            for v in range(0, whole, lanes):
                vectors.store(panel, target + v, vectors.load(b, source + v))
            for c in range(whole, columns):
                panel[target + c] = b[k + step, j + c]
            for c in range(columns, width):
                panel[target + c] = zero
    else:
        deep = depth // lanes * lanes
        for v in range(0, whole, lanes):
            for step in range(0, deep, lanes):
                transpose_block(b, (j + v) * stride + k + step, stride, panel, at + step * width + v, width)
        for c in range(width):
            for step in range(deep if c < whole else 0, depth):
                panel[at + step * width + c] = b[j + c, k + step] if c < columns else zero


@inline
def _pack_a(a: Any, transposed: bool, i: int, rows: int, k: int, depth: int, block: Any, at: int) -> None:
    """Copy op(A)[i:i+rows, k:k+depth] as it is stored, with a stride that no cache set resents."""
    if transposed:
        for step in range(depth):
            for r in range(rows):
                block[at + step * (rows + 16) + r] = a[k + step, i + r]
    else:
        for r in range(rows):
            for step in range(depth):
                block[at + r * (depth + 16) + step] = a[i + r, k + step]


@inline
def _finish(
    tile: Any, tile_at: int, older: bool, last: bool, bias: Any, relu: bool, gate: Any,
    i: int, rows: int, j: int, columns: int, c: Any,
) -> None:  # fmt: skip
    """Add a tile to C (or write it) and, after the last block of k, apply bias, relu and gate."""
    lanes = vectors.lanes(c)
    width = (columns + lanes - 1) // lanes * lanes
    whole = columns // lanes * lanes
    zero = c.dtype.type(0)
    zeros = vectors.broadcast(c, zero)
    biased, gated, relu = last and bias.size > 0, last and gate.size > 0, last and relu
    for r in range(rows):
        to = (i + r) * c.shape[1] + j
        for v in range(0, whole, lanes):
            x = vectors.load(tile, tile_at + r * width + v)
            if older:
                x = vectors.add(vectors.load(c, to + v), x)
            if biased:
                x = vectors.add(x, vectors.load(bias, j + v))
            if relu:
                x = vectors.at_least(x, zeros)
            if gated:
                x = vectors.gated(vectors.load(gate, to + v), zeros, x)
            vectors.store(c, to + v, x)
        for col in range(whole, columns):
            y = tile[tile_at + r * width + col]
            if older:
                y = c[i + r, j + col] + y
            if biased:
                y = y + bias[j + col]
            if relu and y < zero:
                y = zero
            if gated and not gate[i + r, j + col] > zero:
                y = zero
            c[i + r, j + col] = y


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
    panel = at
    tile = at + depth * width
    packed = tile + ROWS * width
    while True:
        task = take_ticket(scratch, 0)
        if task >= tasks:
            break
        i0, j0 = task // across * task_rows, task % across * task_columns
        i1, j1 = min(m, i0 + task_rows), min(n, j0 + task_columns)
        for k0 in range(0, max(k, 1), depth):
            length = min(depth, k - k0)
            last = k0 + length >= k
            if task_columns > width:
                _pack_a(a, a_transposed != 0, i0, i1 - i0, k0, length, scratch, packed)
            for j in range(j0, j1, width):
                columns = min(width, j1 - j)
                _pack_b(b, b_transposed != 0, k0, length, j, columns, scratch, panel)
                for i in range(i0, i1, ROWS):
                    rows = min(ROWS, i1 - i)
                    if task_columns > width:
                        if a_transposed:
                            _one_tile(scratch, packed + i - i0, 1, i1 - i0 + 16, rows, scratch, panel, columns, length, tile)
                        else:
                            _one_tile(scratch, packed + (i - i0) * (length + 16), length + 16, 1, rows, scratch, panel, columns, length, tile)
                    elif a_transposed:
                        _one_tile(a, k0 * m + i, 1, m, rows, scratch, panel, columns, length, tile)
                    else:
                        _one_tile(a, i * k + k0, k, 1, rows, scratch, panel, columns, length, tile)
                    _finish(scratch, tile, add != 0 or k0 > 0, last, bias, relu != 0, gate, i, rows, j, columns, c)


@numba.njit(error_model="numpy", nogil=True)
def _one_tile(
    a: Any, a_at: int, a_row: int, a_k: int, rows: int, scratch: Any, panel: int, columns: int, depth: int,
    tile: int,
) -> None:  # fmt: skip
    """The narrowest register tile that covers the columns."""
    lanes = vectors.lanes(a)
    if columns <= lanes:
        _tile_1(a, a_at, a_row, a_k, rows, scratch, panel, lanes, depth, scratch, tile)
    else:
        _tile_n(a, a_at, a_row, a_k, rows, scratch, panel, VECTORS * lanes, depth, scratch, tile)


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
