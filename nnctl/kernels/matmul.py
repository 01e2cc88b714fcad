"""Matrix products C = op(A) op(B), any number in one call, with bias, relu and gate in their epilogue.

kernels/panels.py documents the order of accumulation. The work is cut by shape into tasks: rows x
columns of one product. Block of k by block of k, a task packs some of its columns of B at a time and runs
tiles of A's rows over them. Threads draw tasks from one counter, so a thread that is slowed down by another
process does fewer of them.

A is read in place. Its transpose, and rows so far apart that the cache would thrash, are copied to tiles
first: by all threads before the tasks, a block of k at a time, if there is one product; else by each task.
B is packed by each task, or before, once for many products (`pack_matrix`).
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.codes import PACKED
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.packed import pack, packed_block, packed_size
from nnctl.kernels.panels import (
    ROWS,
    VECTORS,
    block_depth,
    pack_b,
    panel_width,
    run_tiles,
)
from nnctl.kernels.product_tile import STEPS
from nnctl.kernels.simd import lanes, take_ticket, thread_count
from nnctl.kernels.tile import address, copy_block, make_tile_copy, prefetch_block

_copy_tiles = make_tile_copy(lambda _: ROWS)

BLOCK = 4096
"""Vectors of B that a task packs at a time: a quarter of a second-level cache, larger where vectors are."""

TASK_ROWS = 512
"""Rows of C in a task, at most: they pay for packing B."""

TASKS = 16
"""The work is cut into about this many tasks where its shape allows; many products are tasks themselves."""

STRIP = 64
"""Columns of a task, at least, where that leaves half of the tasks: shorter pieces are read slowly."""

FAR = 1024
"""Row stride from which rows of A are copied: closer rows are read in place."""

COPIED_ROWS = 4096
"""Rows of op(A) that are copied before the tasks, at most; with more of them tasks have many columns."""

AHEAD = 8
"""Rows of A transposed that are asked for before they are copied."""

SERIAL = 256 * 1024
"""Multiply-adds below which waking other threads costs more than it brings."""


@register_jitable
def _cut(products: int, m: int, n: int, k: int, width: int) -> tuple[int, int]:
    """Rows and columns of a task: whole tiles and panels, from the shape only."""
    tasks = 1 if products * m * n * k <= SERIAL else max(1, TASKS // max(1, products))
    panels = max(1, (n + width - 1) // width)
    row_blocks = max(1, (m + TASK_ROWS - 1) // TASK_ROWS)
    column_blocks = min(panels, (tasks + row_blocks - 1) // row_blocks)
    strips = max(1, (n + STRIP - 1) // STRIP)
    if row_blocks * strips >= tasks // 2:
        column_blocks = min(column_blocks, strips)
    group = (panels + column_blocks - 1) // column_blocks
    column_blocks = (panels + group - 1) // group
    if row_blocks * column_blocks < tasks // 2:
        row_blocks = (tasks // 2 + column_blocks - 1) // column_blocks
    rows = (m + row_blocks - 1) // row_blocks
    return max(2 * ROWS, (rows + ROWS - 1) // ROWS * ROWS), group * width


@register_jitable
def _packed_columns(columns: int, k: int, width: int) -> int:
    """Columns of B that a task packs at a time."""
    return min(columns, max(1, BLOCK // (block_depth(k) * VECTORS)) * width)


@register_jitable
def _copy_size(m: int, k: int, width: int) -> int:
    """Elements of a copy of a block of m rows of op(A)."""
    size = (m + ROWS - 1) // ROWS * ROWS * (block_depth(k) + width // VECTORS)
    return (size + 15) // 16 * 16


@register_jitable
def _begin(products: int, m: int, k: int, width: int) -> int:
    """Elements of scratch before the threads' own: the counter, and what is copied of A before the tasks."""
    return 16 + (_copy_size(m, k, width) if products == 1 and m <= COPIED_ROWS else 0)


@register_jitable
def _worker_size(products: int, m: int, n: int, k: int, width: int) -> int:
    """Elements of scratch a thread needs: panels of B and its task's rows of A."""
    rows, columns = _cut(products, m, n, k, width)
    panels = (block_depth(k) + width // VECTORS) * _packed_columns(columns, k, width)
    return panels + _copy_size(rows, k, width)


def scratch_size(products: int, m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` of C (products, m, n), inner size k, on up to `threads` threads."""
    width = panel_width(itemsize)
    return _begin(products, m, k, width) + threads * _worker_size(products, m, n, k, width)


@inline
def _copy_transposed(
    a: Any, k: int, depth: int, first: int, end: int, i: int, rows: int, out: Any, at: int
) -> None:
    """Copy A[k+first:k+end, i:i+rows], A transposed, to tiles: each k a row of ROWS elements.

    Tiles start `ROWS * depth + lanes` apart. Vectors are copied, which reach beyond a row where they are read
    and where they are written; so the last row, and those that would be read beyond A, go one by one.
    """
    stride, tile = a.shape[1], ROWS * depth + lanes(a)
    inside = (a.size - i - rows - ROWS - lanes(a)) // stride + 1 - k
    whole = max(first, min(end - 1, inside))
    for step in range(first, whole, AHEAD):
        source, steps = (k + step) * stride + i, min(AHEAD, whole - step)
        prefetch_block(a, source + AHEAD * stride, stride, AHEAD, rows)
        _copy_tiles(a, source, stride, steps, rows, out, at + step * ROWS, tile)
    for step in range(whole, end):
        for r in range(rows):
            out[at + r // ROWS * tile + step * ROWS + r % ROWS] = a[k + step, i + r]


@numba.njit(error_model="numpy", nogil=True)
def _copy(
    a: Any, transposed: bool, k: int, depth: int, i: int, rows: int, part: int, parts: int, out: Any, at: int
) -> None:
    """One of some parts of copying op(A)[i:i+rows, k:k+depth] to `at`: steps of k, or rows."""
    if transposed:
        each = (depth + parts * AHEAD - 1) // (parts * AHEAD) * AHEAD
        first, end = part * each, min(depth, part * each + each)
        if first < end:
            _copy_transposed(a, k, depth, first, end, i, rows, out, at)
    else:
        first, end = part * rows // parts, (part + 1) * rows // parts
        source, row = (i + first) * a.shape[1] + k, depth + lanes(a)
        copy_block(a, source, a.shape[1], end - first, depth, out, at + first * row, row)


@inline
def _steps(a: Any, transposed: bool, copied: bool, depth: int) -> tuple[int, int, int]:
    """Elements from row to row of op(A) or its copy, from k to k, and from tile to tile."""
    stride, lane = a.shape[1], lanes(a)
    if not copied:
        return stride, 1, ROWS * stride
    if transposed:
        return 1, ROWS, ROWS * depth + lane
    return depth + lane, 1, ROWS * (depth + lane)


@numba.njit(error_model="numpy", nogil=True)
def _block(
    start: int, row_step: int, k_step: int, tile_step: int, bias: Any, gate: Any, low: Any, older: bool,
    last: bool, depth: int, i0: int, i1: int, j0: int, j1: int, panels: Any, at: int, c: Any, ahead: int,
) -> None:  # fmt: skip
    """One block of k: tiles of A's rows from i0 on, which lie at `start`, over `panels` from `at` on.

    ahead: address of what is packed next, row by row as long as C's, or 0.
    """
    n, share = c.shape[1], (depth + STEPS - 1) // STEPS
    for i in range(i0, i1, ROWS):
        place, tile = i * n + j0, (i - i0) // ROWS
        a_at = start + tile * tile_step * c.itemsize
        # The first STEPS tiles ask for all of it.
        wanted = ahead != 0 and tile < STEPS
        run_tiles(
            a_at, row_step, k_step, min(ROWS, i1 - i), panels, at, depth, j1 - j0,
            address(c, place) if older else 0, n, address(bias, j0) if last and bias.size else 0, low,
            address(gate, place) if last and gate.size else 0, n, c, place, n,
            ahead + tile * share * n * c.itemsize if wanted else a_at, n if wanted else 0,
        )  # fmt: skip


@numba.njit(error_model="numpy", nogil=True)
def _work(
    a: Any, b: Any, bias: Any, gate: Any, a_of: Any, b_of: Any, a_transposed: int, b_transposed: int,
    relu: int, add: int, k0: int, k1: int, copied: int, scratch: Any, at: int, c: Any,
) -> None:  # fmt: skip
    """Draw tasks and do them, for k from k0 to k1, until none is left.

    Scratch for this thread starts at `at`. A is copied 0: not, 1: by the task, 2: before.
    """
    products, m, n = c.shape
    k = a.shape[1] if a_transposed else a.shape[2]
    width, depth = VECTORS * lanes(c), block_depth(k)
    task_rows, task_columns = _cut(products, m, n, k, width)
    across = (n + task_columns - 1) // task_columns
    each = across * ((m + task_rows - 1) // task_rows)
    packed = _packed_columns(task_columns, k, width)
    a_at = at + (depth + lanes(c)) * packed
    while True:
        task = take_ticket(scratch, 0)
        if task >= products * each:
            break
        product, part = task // each, task % each
        a_matrix, b_matrix, c_matrix = a[a_of[product]], b[b_of[product]], c[product]
        gate_matrix = gate[product if gate.size else 0]
        i0, j0 = part // across * task_rows, part % across * task_columns
        i1, j1 = min(m, i0 + task_rows), min(n, j0 + task_columns)
        for block in range(k0, max(k1, k0 + 1), depth):
            length = min(depth, k - block)
            last = block + length >= k
            low = c.dtype.type(0 if relu and last else -np.inf)
            row_step, k_step, tile_step = _steps(a_matrix, a_transposed != 0, copied != 0, length)
            if copied == 0:
                start = address(a_matrix, i0 * row_step + block)
            elif copied == 1:
                _copy(a_matrix, a_transposed != 0, block, length, i0, i1 - i0, 0, 1, scratch, a_at)
                start = address(scratch, a_at)
            else:
                start = address(scratch, 16 + i0 // ROWS * tile_step)
            for j in range(j0, j1, packed):
                end = min(j1, j + packed)
                panels, place, ahead = scratch, at, 0
                if b_transposed == PACKED:
                    panels, place = b_matrix[0], packed_block(k, n, width, block) + j * (length + lanes(c))
                else:
                    pack_b(b_matrix, b_transposed != 0, block, length, j, end, width, scratch, at)
                if b_transposed == 0 and end < j1:
                    ahead = address(b_matrix, block * n + end)
                elif b_transposed == 0 and block + length < k1:
                    ahead = address(b_matrix, (block + length) * n + j0)
                _block(
                    start, row_step, k_step, tile_step, bias, gate_matrix, low, add != 0 or block > 0, last,
                    length, i0, i1, j, end, panels, place, c_matrix, ahead,
                )  # fmt: skip


def panels_size(k: int, n: int, itemsize: int) -> int:
    """Elements of a matrix (k, n) that `pack_matrix` has packed."""
    return int(packed_size(k, n, panel_width(itemsize)))


@kernel
def pack_matrix(b: Any, transposed: int, k: int, n: int, out: Any) -> None:
    """op(B) to the panels that tasks read, for products with it later on.

    Shapes: B (K, N) or transposed (N, K), out (`panels_size`,).
    """
    pack(b, transposed != 0, 0, k, 0, n, out, 0)


@kernel(parallel=True)
def matmul(
    a: Any, b: Any, bias: Any, gate: Any, a_of: Any, b_of: Any, a_transposed: int, b_transposed: int,
    relu: int, add: int, scratch: Any, c: Any,
) -> None:  # fmt: skip
    """C[p] = gate[p](relu(C[p]*add + op(A[a_of[p]]) op(B[b_of[p]]) + bias)) for every p.

    Shapes: A (Q, M, K) or transposed (Q, K, M); B (R, K, N), transposed (R, N, K), or with b_transposed =
    PACKED one that `pack_matrix` made, (1, 1, `panels_size`); C (P, M, N);
    a_of, b_of (P,) int64: which matrix of A and of B makes which product; bias (N,) or empty; gate
    (P, M, N), or (1, 0, 0) for none: where it is not positive C becomes 0 (the gradient of relu, with
    relu's output as the gate); scratch (`scratch_size`,). relu, add: 0 or 1.
    """
    products, m, n = c.shape
    k = a.shape[1] if a_transposed else a.shape[2]
    width = VECTORS * lanes(c)
    begin, size = _begin(products, m, k, width), _worker_size(products, m, n, k, width)
    copied = 1 if a_transposed != 0 or (n > width and a.shape[2] >= FAR) else 0
    scratch[0] = scratch[1] = 0
    if products * m * n * k <= SERIAL:
        at = np.int64(begin)
        _work(
            a, b, bias, gate, a_of, b_of, a_transposed, b_transposed, relu, add, 0, k, copied, scratch, at, c
        )
    else:
        workers = min(thread_count(), (scratch.size - begin) // size)
        copied = 2 if copied and begin > 16 else copied
        stretch = block_depth(k) if copied == 2 else max(k, 1)
        for k0 in range(0, max(k, 1), stretch):
            k1 = min(k, k0 + stretch)
            if copied == 2:
                for part in numba.prange(TASKS):
                    first = a[a_of[0]]
                    _copy(first, a_transposed != 0, k0, k1 - k0, 0, m, np.int64(part), TASKS, scratch, 16)
            scratch[0] = scratch[1] = 0
            for worker in numba.prange(workers):
                at = begin + np.int64(worker) * size
                _work(
                    a, b, bias, gate, a_of, b_of, a_transposed, b_transposed, relu, add, k0, k1, copied,
                    scratch, at, c,
                )  # fmt: skip
