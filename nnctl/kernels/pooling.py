"""Pooling over windows: maximum and average, forward and gradient.

Gradients are gathered: each input pixel adds up the windows over it in ascending order, so
overlapping windows need no shared sums. Of equal maxima the first in the window, row by row,
gets the gradient; a NaN is a maximum. Global maxima share it equally, as `reduce_max` does.
"""

from __future__ import annotations

from typing import Any

import numba

from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.pooling_plan import AT
from nnctl.kernels.pooling_rows import average_gradient_row, average_row, max_gradient_row, max_row
from nnctl.kernels.tile import address

PARALLEL_SIZE = 65536
"""Input elements from which waking other threads pays."""


@inline
def _max_row(x: Any, table: Any, task: int, y: Any, chosen: Any) -> None:
    height, width, channels = table[AT.height], table[AT.width], table[AT.channels]
    out_height, out_width = table[AT.out_height], table[AT.out_width]
    image, row = task // out_height, task % out_height
    record = table[AT.window_rows] + 3 * row
    at = task * out_width * channels
    max_row(
        x, chosen,
        (
            address(x, image * height * width * channels), width, channels, table[AT.size_across],
            table[record], table[record + 1], table[record + 2], address(table, table[AT.window_columns]),
            out_width, address(y, at), address(chosen, at),
        ),
    )  # fmt: skip


@kernel(parallel=True)
def max_pool(x: Any, table: Any, y: Any, chosen: Any) -> None:
    """y = the largest of each window, `chosen` = its tap (row * window width + column).

    Shapes, all flat: x (B*H*W*C,), table (`pooling_plan.table`), y and chosen (B*OH*OW*C,), chosen
    of `pooling_plan.index_dtype`.
    """
    if x.size < PARALLEL_SIZE:
        for task in range(table[AT.batch] * table[AT.out_height]):
            _max_row(x, table, task, y, chosen)
    else:
        for task in numba.prange(table[AT.batch] * table[AT.out_height]):
            _max_row(x, table, task, y, chosen)


@inline
def _max_gradient_row(dy: Any, y: Any, gated: int, chosen: Any, table: Any, task: int, dx: Any) -> None:
    height, width, channels = table[AT.height], table[AT.width], table[AT.channels]
    out_height, out_width = table[AT.out_height], table[AT.out_width]
    image, row = task // height, task % height
    record = table[AT.pixel_rows] + 3 * row
    at = image * out_height * out_width * channels
    max_gradient_row(
        dx, chosen,
        (
            address(dy, at), address(y, at), gated, address(chosen, at), out_width, channels,
            table[AT.size_across], table[AT.stride_down], table[AT.stride_across], table[record],
            table[record + 1], table[record + 2], address(table, table[AT.pixel_columns]), width,
            address(dx, task * width * channels),
        ),
    )  # fmt: skip


@kernel(parallel=True)
def max_pool_gradient(dy: Any, y: Any, gated: int, chosen: Any, table: Any, dx: Any) -> None:
    """Gradient of `max_pool`; with `gated` 1 also through a relu before it (only where y > 0).

    Shapes, all flat: dy, chosen (B*OH*OW*C,), y the same or any when `gated` is 0, dx (B*H*W*C,).
    """
    if dx.size < PARALLEL_SIZE:
        for task in range(table[AT.batch] * table[AT.height]):
            _max_gradient_row(dy, y, gated, chosen, table, task, dx)
    else:
        for task in numba.prange(table[AT.batch] * table[AT.height]):
            _max_gradient_row(dy, y, gated, chosen, table, task, dx)


@inline
def _average_row(x: Any, table: Any, task: int, y: Any) -> None:
    height, width, channels = table[AT.height], table[AT.width], table[AT.channels]
    out_height, out_width = table[AT.out_height], table[AT.out_width]
    image, row = task // out_height, task % out_height
    record = table[AT.window_rows] + 3 * row
    average_row(
        x, x,
        (
            address(x, image * height * width * channels), width, channels, table[record],
            table[record + 2], address(table, table[AT.window_columns]), out_width,
            address(y, task * out_width * channels),
        ),
    )  # fmt: skip


@kernel(parallel=True)
def average_pool(x: Any, table: Any, y: Any) -> None:
    """y = the mean of each window's pixels inside the image. Shapes, flat: x (B*H*W*C,), y (B*OH*OW*C,)."""
    if x.size < PARALLEL_SIZE:
        for task in range(table[AT.batch] * table[AT.out_height]):
            _average_row(x, table, task, y)
    else:
        for task in numba.prange(table[AT.batch] * table[AT.out_height]):
            _average_row(x, table, task, y)


@inline
def _average_gradient_row(dy: Any, table: Any, task: int, dx: Any) -> None:
    height, width, channels = table[AT.height], table[AT.width], table[AT.channels]
    out_height, out_width = table[AT.out_height], table[AT.out_width]
    image, row = task // height, task % height
    record = table[AT.pixel_rows] + 3 * row
    average_gradient_row(
        dx, dx,
        (
            address(dy, image * out_height * out_width * channels), out_width, channels, table[record],
            table[record + 2], address(table, table[AT.window_rows]),
            address(table, table[AT.window_columns]), address(table, table[AT.pixel_columns]), width,
            address(dx, task * width * channels),
        ),
    )  # fmt: skip


@kernel(parallel=True)
def average_pool_gradient(dy: Any, table: Any, dx: Any) -> None:
    """Gradient of `average_pool`. Shapes, flat: dy (B*OH*OW*C,), dx (B*H*W*C,)."""
    if dx.size < PARALLEL_SIZE:
        for task in range(table[AT.batch] * table[AT.height]):
            _average_gradient_row(dy, table, task, dx)
    else:
        for task in numba.prange(table[AT.batch] * table[AT.height]):
            _average_gradient_row(dy, table, task, dx)


@inline
def _share_maximum(dy: Any, x: Any, y: Any, image: int, dx: Any) -> None:
    """One image of `global_max_gradient`."""
    pixels, channels = x.shape[1], x.shape[2]
    one = dx.dtype.type(1)
    for c in range(channels):
        equal = dx.dtype.type(0)
        for p in range(pixels):
            if x[image, p, c] == y[image, c]:
                equal += one
        share = dy[image, c] / equal
        for p in range(pixels):
            dx[image, p, c] = share if x[image, p, c] == y[image, c] else dx.dtype.type(0)


@kernel
def global_max_gradient(dy: Any, x: Any, y: Any, dx: Any) -> None:
    """Gradient of the maximum over all pixels: equal maxima share it.

    Shapes: dy, y (B, C), x, dx (B, P, C).
    """
    for image in range(x.shape[0]):
        _share_maximum(dy, x, y, image, dx)
