"""From the sizes of a pooling to the table its kernels walk: which pixels a window holds, and the reverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Where the header of the table holds what; the last four say where the records begin.
(
    BATCH, HEIGHT, WIDTH, CHANNELS, OUT_HEIGHT, OUT_WIDTH, SIZE_DOWN, SIZE_ACROSS,
    STRIDE_DOWN, STRIDE_ACROSS, WINDOW_ROWS, WINDOW_COLUMNS, PIXEL_ROWS, PIXEL_COLUMNS,
) = range(14)  # fmt: skip
HEADER = 16


@dataclass(frozen=True)
class Windows:
    """The sizes of a 2-D pooling: x (B, H, W, C), y (B, OH, OW, C).

    `top` and `left` say how far the first window reaches out of the image. What lies outside
    belongs to no window: it is no candidate for a maximum and not counted in an average.
    """

    batch: int
    height: int
    width: int
    channels: int
    size: tuple[int, int]
    stride: tuple[int, int]
    top: int
    left: int
    out_height: int
    out_width: int


def _inside(outputs: int, inputs: int, size: int, stride: int, before: int) -> NDArray[np.int64]:
    """For each window along an axis: its first pixel, that pixel's tap, how many pixels it has."""
    first = np.arange(outputs) * stride - before
    begin, end = np.maximum(first, 0), np.minimum(first + size, inputs)
    return np.stack([begin, begin - first, np.maximum(end - begin, 0)], 1)


def _over(outputs: int, inputs: int, size: int, stride: int, before: int) -> NDArray[np.int64]:
    """For each pixel along an axis: the first window over it, its tap there, how many windows."""
    place = np.arange(inputs) + before
    low = np.maximum(-(-(place - size + 1) // stride), 0)
    high = np.minimum(place // stride, outputs - 1)
    return np.stack([low, place - low * stride, np.maximum(high - low + 1, 0)], 1)


def table(w: Windows) -> NDArray[np.int64]:
    """Header, then records of three: windows by row and column, pixels by row and column."""
    axes = [
        (w.out_height, w.height, w.size[0], w.stride[0], w.top),
        (w.out_width, w.width, w.size[1], w.stride[1], w.left),
    ]
    parts = [_inside(*axis) for axis in axes] + [_over(*axis) for axis in axes]
    places = HEADER + np.cumsum([0, *(part.size for part in parts)])
    header = [
        w.batch, w.height, w.width, w.channels, w.out_height, w.out_width, *w.size, *w.stride,
        *places[:4], 0, 0,
    ]  # fmt: skip
    return np.concatenate([np.array(header, np.int64), *(part.ravel() for part in parts)])


SPARE_TAPS = 64
"""Elements past the last that `chosen` must have: it is read in whole vectors."""


def index_dtype(w: Windows) -> str:
    """The type that holds the number of a window's tap."""
    return "uint8" if w.size[0] * w.size[1] <= 256 else "int32"
