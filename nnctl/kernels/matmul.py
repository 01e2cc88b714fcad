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

from nnctl.kernels import vectors
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.simd import make_tile, take_ticket, tile_shape, transpose_block

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


@inline
def depth_blocks(k: int) -> int:
    """Number of blocks that k multiply-adds are cut into; at least one."""
    return max(1, (k + DEPTH - 1) // DEPTH)


@inline
def _depth(k: int) -> int:
    """Length of a block of k: a multiple of 8, the last one is shorter."""
    blocks = depth_blocks(k)
    return max(8, ((k + blocks - 1) // blocks + 7) // 8 * 8)


@inline
def _cut(m: int, n: int, k: int, width: int) -> tuple[int, int]:
    """Rows and columns of a task, from the shape alone."""
    panels = max(1, (n + width - 1) // width)
    depth = _depth(k)
    row_blocks = max(1, (m * depth + BLOCK - 1) // BLOCK)
    group = 1
    if m * k > 2 * BLOCK:
        group = min(8, max(1, panels * row_blocks // 16))
    tasks = row_blocks * ((panels + group - 1) // group)
    if tasks < 8:
        row_blocks *= (8 + tasks - 1) // tasks
    rows = (m + row_blocks - 1) // row_blocks
    rows = max(2 * ROWS, (rows + ROWS - 1) // ROWS * ROWS)
    return rows, group * width


@inline
def _worker_size(m: int, n: int, k: int, width: int) -> int:
    """Elements of scratch that one thread needs: a panel of B, a tile, perhaps a block of A."""
    rows, columns = _cut(m, n, k, width)
    depth = _depth(k)
    size = depth * width + ROWS * width
    if columns > width:
        size += rows * (depth + 16)
    return (size + 15) // 16 * 16


def scratch_size(m: int, n: int, k: int, itemsize: int, threads: int) -> int:
    """Elements of scratch for `matmul` with C (m, n) and inner size k on up to `threads` threads."""
    width = VECTORS * VECTOR_BYTES // itemsize
    py = _worker_size.py_func
    return 16 + threads * int(py(m, n, k, width))
