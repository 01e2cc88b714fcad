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
from nnctl.kernels.tile import address, copy_block, finish_tile, make_tile, prefetch_block, transpose_block

DEPTH = 512
"""Longest chain of multiply-adds between two additions to C. Part of the results: never by CPU."""

ROWS = tile_shape(4).rows
VECTORS = tile_shape(4).vectors
VECTOR_BYTES = tile_shape(4).lanes * 4

BLOCK = 128 * 1024
"""Elements of B that a task packs at a time: half a second-level cache."""

TASK_ROWS = 512
"""Rows of C in a task, at most: they pay for packing B."""

TASKS = 16
"""A product is cut into about this many tasks where its shape allows."""

CHUNK = 8 * ROWS
"""Rows of op(A) copied at a time where they cannot be read in place well."""

FAR = 1024
"""Row stride from which rows of A are copied: closer rows are read in place."""

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
def pack_b(
    b: Any, transposed: bool, k: int, depth: int, j0: int, j1: int, width: int, out: Any, at: int
) -> None:
    """Copy op(B)[k:k+depth, j0:j1] to panels: each k a row of the panel's width, whole vectors.

    The last panel is one vector wide if that is enough. Panels start `depth + lanes` rows apart.
    """
    stride, lane = b.shape[1], lanes(b)
    for step in range(0, depth, lane):
        steps = min(lane, depth - step)
        if not transposed:
            prefetch_block(b, (k + step + lane) * stride + j0, stride, lane, j1 - j0)
        for j in range(j0, j1, width):
            columns = min(width, j1 - j)
            used = lane if columns <= lane else width
            panel = at + (j - j0) * (depth + lane) + step * used
            if transposed:
                for v in range(0, columns, lane):
                    source = (j + v) * stride + k + step
                    transpose_block(b, source, stride, columns - v, steps, out, panel + v, used)
            else:
                copy_block(b, (k + step) * stride + j, stride, steps, columns, out, panel, used)


@inline
def _pack_a(a: Any, k: int, depth: int, i: int, rows: int, out: Any, at: int) -> None:
    """Copy A[k:k+depth, i:i+rows], A transposed, to tiles: each k a row of ROWS elements.

    Tiles start `ROWS * depth + lanes` apart, as the last row's vector reaches beyond it.
    """
    stride, lane = a.shape[1], lanes(a)
    for step in range(0, depth, lane):
        for r in range(0, rows, ROWS):
            place = at + r // ROWS * (ROWS * depth + lane) + step * ROWS
            source = (k + step) * stride + i + r
            copy_block(a, source, stride, min(lane, depth - step), min(ROWS, rows - r), out, place, ROWS)


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
    far = task_columns > width and (a.shape[1] >= FAR or (a_transposed != 0 and depth > DEPTH // 2))
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
            pack_b(b, b_transposed != 0, k0, length, j0, j1, width, scratch, at)
            for chunk in range(i0, i1, CHUNK):
                chunk_rows = min(CHUNK, i1 - chunk)
                a_stride = a.shape[1]
                tile_step = ROWS if a_transposed else ROWS * a_stride
                a_start = address(a, k0 * m + chunk if a_transposed else chunk * k + k0)
                if far:
                    a_start = address(scratch, chunk_at)
                    if a_transposed:
                        a_stride, tile_step = ROWS, ROWS * length + lane
                        _pack_a(a, k0, length, chunk, chunk_rows, scratch, chunk_at)
                    else:
                        a_stride, tile_step = length + lane, ROWS * (length + lane)
                        copy_block(a, chunk * k + k0, k, chunk_rows, length, scratch, chunk_at, a_stride)
                row_step, k_step = (1, a_stride) if a_transposed else (a_stride, 1)
                for i in range(chunk, chunk + chunk_rows, ROWS):
                    rows = min(ROWS, i1 - i)
                    if far:
                        # The next chunk arrives while this one is multiplied.
                        ahead, tile_steps = i + CHUNK, length * ROWS // CHUNK
                        if a_transposed:
                            step = k0 + (i - chunk) // ROWS * tile_steps
                            prefetch_block(a, step * m + chunk + CHUNK, m, tile_steps, CHUNK)
                        else:
                            prefetch_block(a, ahead * k + k0, k, ROWS, length)
                    a_rows = a_start + (i - chunk) // ROWS * tile_step * c.itemsize
                    for j in range(j0, j1, width):
                        columns, place = min(width, j1 - j), i * n + j
                        panel = at + (j - j0) * (length + lane)
                        used = lane if columns <= lane else width
                        if columns <= lane:
                            _tile_1(
                                a_rows, row_step, k_step, rows, scratch, panel, used, length, scratch, tile
                            )
                        else:
                            _tile_n(
                                a_rows, row_step, k_step, rows, scratch, panel, used, length, scratch, tile
                            )
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
