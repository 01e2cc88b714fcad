"""Panels of B and the tiles that run over them: what matrix products and recurrences share.

Order of accumulation, on every CPU and for any number of threads: k is cut into
`ceil(K / DEPTH)` blocks of nearly equal length that depend only on K; inside a block a chain of
fused multiply-adds ascends in k from zero; blocks are added to the result in order.
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from nnctl.kernels.jit import inline, named
from nnctl.kernels.product_tile import make_row
from nnctl.kernels.simd import lanes, tile_shape
from nnctl.kernels.tile import copy_block, make_tile_copy, prefetch_block, transpose_block

DEPTH = 512
"""Longest chain of multiply-adds between two additions. Part of the results: never by CPU."""

ROWS = tile_shape(4).rows
"""Rows of a tile on this CPU."""

SHORT = max(1, ROWS - 1)
"""Rows of the shorter tile, so that rows that are not a multiple of ROWS need few tiles that are not full."""

VECTORS = tile_shape(4).vectors
"""Vectors across a panel on this CPU."""

_copy_panels = make_tile_copy(lambda lanes: VECTORS * lanes)


def panel_width(itemsize: int) -> int:
    """Columns of a panel for elements of this size; in a kernel, `VECTORS * lanes(array)`."""
    return VECTORS * tile_shape(itemsize).lanes


@register_jitable
def block_depth(k: int) -> int:
    """Length of a block of k: blocks are nearly equal, a multiple of 8, the last is shorter."""
    blocks = max(1, (k + DEPTH - 1) // DEPTH)
    return max(8, ((k + blocks - 1) // blocks + 7) // 8 * 8)


@inline
def pack_b(
    b: Any, transposed: bool, k: int, depth: int, j0: int, j1: int, width: int, out: Any, at: int
) -> None:
    """Copy op(B)[k:k+depth, j0:j1] to panels: each k a row of the panel's width, whole vectors.

    The last panel is one vector wide if that is enough. Panels start `depth + lanes` rows apart.
    """
    stride, lane = b.shape[1], lanes(b)
    if transposed:
        for v in range(j0, j1, lane):
            # Along k, so that the processor sees what comes next of these few rows.
            j = j0 + (v - j0) // width * width
            used = lane if j1 - j <= lane else width
            panel = at + (j - j0) * (depth + lane) + v - j
            for step in range(0, depth, lane):
                source, steps = v * stride + k + step, min(lane, depth - step)
                transpose_block(b, source, stride, j1 - v, steps, out, panel + step * used, used)
        return
    whole = (j1 - j0) // width * width
    for step in range(0, depth, lane):
        steps, source = min(lane, depth - step), (k + step) * stride + j0
        prefetch_block(b, source + lane * stride, stride, lane, j1 - j0)
        _copy_panels(b, source, stride, steps, whole, out, at + step * width, width * (depth + lane))
        columns = j1 - j0 - whole
        if columns:
            used = lane if columns <= lane else width
            panel = at + whole * (depth + lane) + step * used
            copy_block(b, source + whole, stride, steps, columns, out, panel, used)


def _runner(height: int) -> Any:
    """Runs tiles of `height` rows over panels."""
    row_1, row_n = make_row(height, 1), make_row(height, VECTORS)

    @inline
    @named(f"run_tiles_{height}")
    def run_tiles(
        a: int, a_row: int, a_k: int, rows: int, packed: Any, panel: int, depth: int, columns: int,
        older: int, older_row: int, bias: int, low: Any, gate: int, gate_row: int,
        out: Any, place: int, out_row: int, ahead: int, ahead_row: int,
    ) -> None:  # fmt: skip
        """Up to `height` rows of A, at address `a`, times panels of `columns`, finished into `out`.

        Arguments are those of `product_tile.make_row`. Where nothing is asked for, `ahead` is a, 0 apart.
        """
        lane, size = lanes(packed), packed.itemsize
        narrow = columns % (VECTORS * lane)
        narrow = narrow if narrow <= lane else 0
        wide = columns - narrow
        if wide:
            row_n(
                a, a_row, a_k, rows, packed, panel, depth, wide,
                older, older_row, bias, low, gate, gate_row, out, place, out_row,
                ahead, ahead_row,
            )  # fmt: skip
        if narrow:
            row_1(
                a, a_row, a_k, rows, packed, panel + wide * (depth + lane), depth, narrow,
                older + wide * size if older else 0, older_row, bias + wide * size if bias else 0, low,
                gate + wide * size if gate else 0, gate_row, out, place + wide, out_row,
                ahead + wide * size, ahead_row,
            )  # fmt: skip

    return run_tiles


run_tiles, run_short_tiles = _runner(ROWS), _runner(SHORT)
