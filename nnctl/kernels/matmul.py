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

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import lanes, take_ticket, thread_count, tile_shape
from nnctl.kernels.tile import address, copy_block, finish_tile, make_tile, transpose_block

DEPTH = 512
"""Longest chain of multiply-adds between two additions to C. Part of the results: never by CPU."""

ROWS = tile_shape(4).rows
VECTORS = tile_shape(4).vectors
VECTOR_BYTES = tile_shape(4).lanes * 4

BLOCK = 128 * 1024
"""Elements of B that a task packs at a time: half a second-level cache."""

TASK_ROWS = 256
"""Rows of C in a task, at most: they pay for packing B."""

TASKS = 16
"""A product is cut into about this many tasks where its shape allows."""

CHUNK = 64
"""Rows of A copied at a time where A's rows lie far apart."""

FAR = 1024
"""Row stride from which A is copied: closer rows are read in place."""

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
    panels = max(1, (n + width - 1) // width)
    row_blocks = max(1, (m + TASK_ROWS - 1) // TASK_ROWS)
    column_blocks = min(panels, (TASKS + row_blocks - 1) // row_blocks)
    group = max(1, min((panels + column_blocks - 1) // column_blocks, BLOCK // (block_depth(k) * width)))
    column_blocks = (panels + group - 1) // group
    if row_blocks * column_blocks < TASKS // 2:
        row_blocks = TASKS // 2 // column_blocks
    rows = (m + row_blocks - 1) // row_blocks
    return max(2 * ROWS, (rows + ROWS - 1) // ROWS * ROWS), group * width


@register_jitable
def _worker_size(m: int, n: int, k: int, width: int) -> int:
    """Elements of scratch a thread needs: panels of B, a tile, two constant rows, a chunk of A."""
    _, columns = _cut(m, n, k, width)
    depth, lane = block_depth(k) + width // VECTORS, width // VECTORS
    size = depth * columns + (ROWS + 2) * width + max(CHUNK, depth) * lane + CHUNK * depth
    return (size + 15) // 16 * 16


def scratch_size(m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` of C (m, n) with inner size k, on up to `threads` threads."""
    return 16 + threads * _worker_size(m, n, k, VECTORS * VECTOR_BYTES // itemsize)


@inline
def _pack_b(
    b: Any, transposed: bool, k: int, depth: int, j: int, columns: int, panel: Any, at: int
) -> None:
    """Copy op(B)[k:k+depth, j:j+columns] to rows of one vector or of a panel's width."""
    stride, lane = b.shape[1], lanes(b)
    width = lane if columns <= lane else VECTORS * lane
    if transposed:
        for v in range(0, columns, lane):
            for step in range(0, depth, lane):
                source, target = (j + v) * stride + k + step, at + step * width + v
                transpose_block(b, source, stride, columns - v, depth - step, panel, target, width)
    else:
        copy_block(b, k * stride + j, stride, depth, columns, panel, at, width)


@numba.njit(error_model="numpy", nogil=True)
def _work(
    a: Any, b: Any, bias: Any, gate: Any, a_transposed: int, b_transposed: int, relu: int, add: int,
    scratch: Any, at: int, c: Any,
) -> None:  # fmt: skip
    """Draw tasks and do them until none is left. Scratch for this thread starts at `at`."""
    m, n = c.shape
    k = a.shape[0] if a_transposed else a.shape[1]
    lane = lanes(c)
    width = VECTORS * lane
    task_rows, task_columns = _cut(m, n, k, width)
    depth = block_depth(k)
    across = (n + task_columns - 1) // task_columns
    tasks = across * ((m + task_rows - 1) // task_rows)
    tile = at + (depth + lane) * task_columns
    zeros = tile + ROWS * width
    ones = zeros + width
    chunk_at = ones + width
    for i in range(width):
        scratch[zeros + i] = 0
        scratch[ones + i] = 1
    zeros_address, ones_address = address(scratch, zeros), address(scratch, ones)
    far = a.shape[1] >= FAR and task_columns > width
    while True:
        task = take_ticket(scratch, 0)
        if task >= tasks:
            break
        i0, j0 = task // across * task_rows, task % across * task_columns
        i1, j1 = min(m, i0 + task_rows), min(n, j0 + task_columns)
        for k0 in range(0, max(k, 1), depth):
            length = min(depth, k - k0)
            last = k0 + length >= k
            low = c.dtype.type(0 if relu and last else -np.inf)
            for j in range(j0, j1, width):
                columns = min(width, j1 - j)
                panel = at + (j - j0) * (length + lane)
                _pack_b(b, b_transposed != 0, k0, length, j, columns, scratch, panel)
            for chunk in range(i0, i1, CHUNK):
                chunk_rows = min(CHUNK, i1 - chunk)
                a_stride = a.shape[1]
                a_start = address(a, k0 * m + chunk if a_transposed else chunk * k + k0)
                if far:
                    a_start = address(scratch, chunk_at)
                    if a_transposed:
                        a_stride = chunk_rows + lane
                        copy_block(a, k0 * m + chunk, m, length, chunk_rows, scratch, chunk_at, a_stride)
                    else:
                        a_stride = length + lane
                        copy_block(a, chunk * k + k0, k, chunk_rows, length, scratch, chunk_at, a_stride)
                row_step, k_step = (1, a_stride) if a_transposed else (a_stride, 1)
                for i in range(chunk, chunk + chunk_rows, ROWS):
                    rows = min(ROWS, i1 - i)
                    a_rows = a_start + (i - chunk) * row_step * c.itemsize
                    for j in range(j0, j1, width):
                        columns, place = min(width, j1 - j), i * n + j
                        panel = at + (j - j0) * (length + lane)
                        used = lane if columns <= lane else width
                        if columns <= lane:
                            _tile_1(a_rows, row_step, k_step, rows, scratch, panel, used, length, scratch, tile)
                        else:
                            _tile_n(a_rows, row_step, k_step, rows, scratch, panel, used, length, scratch, tile)
                        bias_address = address(bias, j) if last and bias.size else zeros_address
                        older, older_row = (address(c, place), n) if add or k0 else (zeros_address, 0)
                        gate_address, gate_row = ones_address, 0
                        if last and gate.size:
                            gate_address, gate_row = address(gate, place), n
                        finish_tile(
                            scratch, tile, used, older, older_row, bias_address, low,
                            gate_address, gate_row, rows, columns, c, place, n,
                        )  # fmt: skip


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
    size = _worker_size(m, n, k, VECTORS * lanes(c))
    scratch[0] = scratch[1] = 0
    if m * n * k <= SERIAL:
        _work(a, b, bias, gate, a_transposed, b_transposed, relu, add, scratch, np.int64(16), c)
    else:
        workers = min(thread_count(), (scratch.size - 16) // size)
        for worker in numba.prange(workers):
            at = 16 + np.int64(worker) * size
            _work(a, b, bias, gate, a_transposed, b_transposed, relu, add, scratch, at, c)
