"""Matrix products C = op(A) op(B), any number in one call, with bias, relu and gate in their epilogue.

kernels/panels.py documents the order of accumulation. The work is cut by shape into tasks: rows x
columns of one product. A task packs its columns of B, block of k by block of k, and runs tiles of A's
rows over them. A is read in place, or copied a chunk of rows at a time where its rows lie so far
apart that the cache would thrash. Threads draw tasks from one counter, so a thread that is slowed
down by another process does fewer of them.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.panels import (
    DEPTH,
    ROWS,
    VECTORS,
    block_depth,
    pack_b,
    panel_width,
    run_tiles,
)
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address, copy_block, prefetch_block

BLOCK = 128 * 1024
"""Elements of B that a task packs at a time: half a second-level cache."""

TASK_ROWS = 512
"""Rows of C in a task, at most: they pay for packing B."""

TASKS = 16
"""The work is cut into about this many tasks where its shape allows; many products are tasks themselves."""

CHUNK = 8 * ROWS
"""Rows of op(A) copied at a time where they cannot be read in place well."""

FAR = 1024
"""Row stride from which rows of A are copied: closer rows are read in place."""

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""


@register_jitable
def _cut(products: int, m: int, n: int, k: int, width: int) -> tuple[int, int]:
    """Rows and columns of a task, from the shape only."""
    tasks = max(1, TASKS // max(1, products))
    panels = max(1, (n + width - 1) // width)
    row_blocks = max(1, (m + TASK_ROWS - 1) // TASK_ROWS)
    column_blocks = min(panels, (tasks + row_blocks - 1) // row_blocks)
    group = max(1, min((panels + column_blocks - 1) // column_blocks, BLOCK // (block_depth(k) * width)))
    column_blocks = (panels + group - 1) // group
    if row_blocks * column_blocks < tasks // 2:
        row_blocks = tasks // 2 // column_blocks
    rows = (m + row_blocks - 1) // row_blocks
    return max(2 * ROWS, (rows + ROWS - 1) // ROWS * ROWS), group * width


@register_jitable
def _worker_size(products: int, m: int, n: int, k: int, width: int) -> int:
    """Elements of scratch a thread needs: panels of B and a chunk of A."""
    _, columns = _cut(products, m, n, k, width)
    depth, lane = block_depth(k) + width // VECTORS, width // VECTORS
    size = depth * columns + max(CHUNK, depth) * lane + CHUNK * depth
    return (size + 15) // 16 * 16


def scratch_size(products: int, m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` of C (products, m, n), inner size k, on up to `threads` threads."""
    return 16 + threads * _worker_size(products, m, n, k, panel_width(itemsize))


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


@inline
def _place_a(
    a: Any, transposed: bool, i: int, rows: int, k: int, depth: int, far: bool, scratch: Any, at: int
) -> tuple[int, int, int, int]:
    """op(A)[i:i+rows, k:k+depth]: address, and strides of a row, of k and of a tile; a copy if `far`."""
    stride, lane = a.shape[1], lanes(a)
    if not far:
        if transposed:
            return address(a, k * stride + i), 1, stride, ROWS
        return address(a, i * stride + k), stride, 1, ROWS * stride
    if transposed:
        _pack_a(a, k, depth, i, rows, scratch, at)
        return address(scratch, at), 1, ROWS, ROWS * depth + lane
    copy_block(a, i * stride + k, stride, rows, depth, scratch, at, depth + lane)
    return address(scratch, at), depth + lane, 1, ROWS * (depth + lane)


@inline
def _prefetch_a(a: Any, transposed: bool, chunk: int, tile: int, k: int, depth: int) -> None:
    """Ask for one tile's share of the chunk of A after `chunk`."""
    stride = a.shape[1]
    if transposed:
        share = depth * ROWS // CHUNK
        prefetch_block(a, (k + tile * share) * stride + chunk + CHUNK, stride, share, CHUNK)
    else:
        prefetch_block(a, (chunk + CHUNK + tile * ROWS) * stride + k, stride, ROWS, depth)


@numba.njit(error_model="numpy", nogil=True)
def _block(
    a: Any, a_transposed: bool, bias: Any, gate: Any, low: Any, older: bool, last: bool, k: int, depth: int,
    i0: int, i1: int, j0: int, j1: int, far: bool, scratch: Any, at: int, chunk_at: int, c: Any,
) -> None:  # fmt: skip
    """One block of k of a task: all row tiles of A over the panels at `at`."""
    n = c.shape[1]
    for chunk in range(i0, i1, CHUNK):
        chunk_rows = min(CHUNK, i1 - chunk)
        start, row_step, k_step, tile_step = _place_a(
            a, a_transposed, chunk, chunk_rows, k, depth, far, scratch, chunk_at
        )
        for i in range(chunk, chunk + chunk_rows, ROWS):
            number, rows = (i - chunk) // ROWS, min(ROWS, i1 - i)
            if far:
                _prefetch_a(a, a_transposed, chunk, number, k, depth)
            place = i * n + j0
            run_tiles(
                start + number * tile_step * c.itemsize, row_step, k_step, rows, scratch, at, depth, j1 - j0,
                address(c, place) if older else 0, n, address(bias, j0) if last and bias.size else 0, low,
                address(gate, place) if last and gate.size else 0, n, c, place, n,
            )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _work(
    a: Any, b: Any, bias: Any, gate: Any, a_of: Any, b_of: Any, a_transposed: int, b_transposed: int,
    relu: int, add: int, scratch: Any, at: int, c: Any,
) -> None:  # fmt: skip
    """Draw tasks and do them until none is left. Scratch for this thread starts at `at`."""
    products, m, n = c.shape
    k = a.shape[1] if a_transposed else a.shape[2]
    width, depth = VECTORS * lanes(c), block_depth(k)
    task_rows, task_columns = _cut(products, m, n, k, width)
    across = (n + task_columns - 1) // task_columns
    each = across * ((m + task_rows - 1) // task_rows)
    chunk_at = at + (depth + lanes(c)) * task_columns
    far = task_columns > width and (a.shape[2] >= FAR or (a_transposed != 0 and depth > DEPTH // 2))
    while True:
        task = take_ticket(scratch, 0)
        if task >= products * each:
            break
        product, part = task // each, task % each
        a_matrix, b_matrix, c_matrix = a[a_of[product]], b[b_of[product]], c[product]
        gate_matrix = gate[product if gate.size else 0]
        i0, j0 = part // across * task_rows, part % across * task_columns
        i1, j1 = min(m, i0 + task_rows), min(n, j0 + task_columns)
        for k0 in range(0, max(k, 1), depth):
            length = min(depth, k - k0)
            last = k0 + length >= k
            low = c.dtype.type(0 if relu and last else -np.inf)
            pack_b(b_matrix, b_transposed != 0, k0, length, j0, j1, width, scratch, at)
            _block(
                a_matrix, a_transposed != 0, bias, gate_matrix, low, add != 0 or k0 > 0, last, k0, length,
                i0, i1, j0, j1, far, scratch, at, chunk_at, c_matrix,
            )  # fmt: skip


@kernel(parallel=True)
def matmul(
    a: Any, b: Any, bias: Any, gate: Any, a_of: Any, b_of: Any, a_transposed: int, b_transposed: int,
    relu: int, add: int, scratch: Any, c: Any,
) -> None:  # fmt: skip
    """C[p] = gate[p](relu(C[p]*add + op(A[a_of[p]]) op(B[b_of[p]]) + bias)) for every p.

    Shapes: A (Q, M, K) or transposed (Q, K, M); B (R, K, N) or transposed (R, N, K); C (P, M, N);
    a_of, b_of (P,) int64: which matrix of A and of B makes which product; bias (N,) or empty; gate
    (P, M, N), or (1, 0, 0) for none: where it is not positive C becomes 0 (the gradient of relu, with
    relu's output as the gate); scratch (`scratch_size`,). relu, add: 0 or 1.
    """
    products, m, n = c.shape
    k = a.shape[1] if a_transposed else a.shape[2]
    size = _worker_size(products, m, n, k, VECTORS * lanes(c))
    scratch[0] = scratch[1] = 0
    if products * m * n * k <= SERIAL:
        _work(
            a, b, bias, gate, a_of, b_of, a_transposed, b_transposed, relu, add, scratch, np.int64(16), c
        )  # fmt: skip
    else:
        workers = min(thread_count(), (scratch.size - 16) // size)
        for worker in numba.prange(workers):
            at = 16 + np.int64(worker) * size
            _work(a, b, bias, gate, a_of, b_of, a_transposed, b_transposed, relu, add, scratch, at, c)
