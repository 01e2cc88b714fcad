"""Products of a few rows with a matrix that was packed before: what recurrences and attention share.

Each product accumulates in the order that kernels/panels.py documents.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from nnctl.kernels.panels import ROWS, SHORT, VECTORS, block_depth, pack_b, run_short_tiles, run_tiles
from nnctl.kernels.ranges import share
from nnctl.kernels.simd import lanes
from nnctl.kernels.tile import address


@register_jitable
def packed_size(k: int, n: int, width: int) -> int:
    """Elements of a packed (k, n) matrix; `width` is a panel's."""
    blocks = max(1, (k + block_depth(k) - 1) // block_depth(k))
    panels = max(1, (n + width - 1) // width)
    return blocks * panels * (block_depth(k) + width // VECTORS) * width


@register_jitable
def packed_block(k: int, n: int, width: int, block: int) -> int:
    """Where the rows from `block` on, a block of k, begin in a packed (k, n) matrix."""
    depth = block_depth(k)
    return block // depth * ((n + width - 1) // width) * (depth + width // VECTORS) * width


@numba.njit(error_model="numpy", nogil=True)
def pack(b: Any, transposed: bool, k0: int, k: int, n0: int, n: int, out: Any, at: int) -> None:
    """Pack op(B)[k0:k0+k, n0:n0+n] for `product`."""
    width = VECTORS * lanes(b)
    depth = block_depth(k)
    for block in range(0, k, depth):
        place = at + packed_block(k, n, width, block)
        pack_b(b, transposed, k0 + block, min(depth, k - block), n0, n0 + n, width, out, place)


@numba.njit(error_model="numpy", nogil=True)
def product(
    a: int, a_row: int, a_k: int, rows: int, k: int, first: int, last: int, n: int, packed: int, across: int,
    older: int, older_row: int, bias: int, scratch: Any, out: Any, out_at: int, out_row: int,
) -> None:  # fmt: skip
    """out = older + A B + bias for a few rows, summed over first <= k < last only.

    `a` (rows `a_row` apart, steps along k `a_k`), `older` and `bias` are addresses, 0 where absent; B is
    packed at `packed` in scratch, all k rows and `across` columns of it, of which the first n are taken: all,
    or whole panels.
    """
    lane, depth, size = lanes(scratch), block_depth(k), scratch.itemsize
    width = VECTORS * lane
    low = scratch.dtype.type(-np.inf)
    for block in range(0, max(k, 1), depth):
        length = min(depth, k - block)
        lo = min(max(first - block, 0), length)
        hi = max(lo, min(last - block, length))
        place = packed + packed_block(k, across, width, block)
        bias_at = bias if block + length >= k else 0
        # Panels stand as far apart as they are long: where only a part is taken, one by one.
        together = max(n, 1) if hi - lo == length else width
        tiles = (rows + ROWS - 1) // ROWS
        for tile in range(tiles):
            i, height = share(rows, tiles, tile)
            for j in range(0, n, together):
                columns, to = min(together, n - j), out_at + i * out_row + j
                older_at, step = (address(out, to), out_row) if block else (older, older_row)
                if older_at and not block:
                    older_at += (i * older_row + j) * size
                a_at = a + (i * a_row + (block + lo) * a_k) * size
                panel = place + j * (length + lane) + lo * (lane if columns <= lane else width)
                bias_here = bias_at + j * size if bias_at else 0
                if height > SHORT:
                    run_tiles(
                        a_at, a_row, a_k, height, scratch, panel, hi - lo, columns,
                        older_at, step, bias_here, low, 0, 0, out, to, out_row, a_at, 0,
                    )  # fmt: skip
                else:
                    run_short_tiles(
                        a_at, a_row, a_k, height, scratch, panel, hi - lo, columns,
                        older_at, step, bias_here, low, 0, 0, out, to, out_row, a_at, 0,
                    )  # fmt: skip
