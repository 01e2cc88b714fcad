"""Panels of B and the tiles that run over them: what matrix products and recurrences share.

Order of accumulation, on every CPU and for any number of threads: k is cut into
`ceil(K / DEPTH)` blocks of nearly equal length that depend only on K; inside a block a chain of
fused multiply-adds ascends in k from zero; blocks are added to the result in order.
"""

from __future__ import annotations

from typing import Any

import numba
from numba.extending import register_jitable

from nnctl.kernels.jit import inline
from nnctl.kernels.simd import lanes, tile_shape
from nnctl.kernels.tile import address, copy_block, finish_tile, make_tile, prefetch_block, transpose_block

DEPTH = 512
"""Longest chain of multiply-adds between two additions. Part of the results: never by CPU."""

ROWS = tile_shape(4).rows
"""Rows of a tile on this CPU."""

VECTORS = tile_shape(4).vectors
"""Vectors across a panel on this CPU."""

_tile_1, _tile_n = make_tile(ROWS, 1), make_tile(ROWS, VECTORS)


def panel_width(itemsize: int) -> int:
    """Columns of a panel for elements of this size; in a kernel, `VECTORS * lanes(array)`."""
    return VECTORS * tile_shape(itemsize).lanes


@register_jitable
def block_depth(k: int) -> int:
    """Length of a block of k: blocks are nearly equal, a multiple of 8, the last is shorter."""
    blocks = max(1, (k + DEPTH - 1) // DEPTH)
    return max(8, ((k + blocks - 1) // blocks + 7) // 8 * 8)


@register_jitable
def tile_size(width: int) -> int:
    """Elements of a thread's tile, with a row of zeros and a row of ones behind it."""
    return (ROWS + 2) * width


@inline
def prepare_tile(scratch: Any, tile: int) -> None:
    """Fill the rows of zeros and ones behind the tile at `tile`."""
    width = VECTORS * lanes(scratch)
    for i in range(width):
        scratch[tile + ROWS * width + i] = 0
        scratch[tile + (ROWS + 1) * width + i] = 1


@inline
def zeros_of(scratch: Any, tile: int) -> int:
    """Address of the row of zeros: what is added where nothing is to be added."""
    return address(scratch, tile + ROWS * VECTORS * lanes(scratch))


@inline
def ones_of(scratch: Any, tile: int) -> int:
    """Address of the row of ones: the gate that is always open."""
    return address(scratch, tile + (ROWS + 1) * VECTORS * lanes(scratch))


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


@numba.njit(error_model="numpy", nogil=True)
def run_tile(
    a: int, a_row: int, a_k: int, rows: int, scratch: Any, panel: int, depth: int, columns: int, tile: int,
    older: int, older_row: int, bias: int, low: Any, gate: int, gate_row: int,
    out: Any, place: int, out_row: int,
) -> None:  # fmt: skip
    """One tile: `rows` rows of A, at address `a`, times the panel, finished into `out`.

    older, bias and gate are addresses as `tile.finish_tile` takes them.
    """
    lane = lanes(scratch)
    width = lane if columns <= lane else VECTORS * lane
    if columns <= lane:
        _tile_1(a, a_row, a_k, rows, scratch, panel, width, depth, scratch, tile)
    else:
        _tile_n(a, a_row, a_k, rows, scratch, panel, width, depth, scratch, tile)
    finish_tile(
        scratch, tile, width, older, older_row, bias, low, gate, gate_row, rows, columns, out, place, out_row
    )
