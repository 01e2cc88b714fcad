"""Zeros around images, and their removal."""

from __future__ import annotations

from typing import Any

from nnctl.kernels.jit import kernel
from nnctl.kernels.padded_copy import copy_padded
from nnctl.kernels.tile import address


@kernel
def zero_pad(x: Any, top: int, left: int, y: Any) -> None:
    """y = x with `top` rows of zeros above, `left` columns before, and as many after as y has room for.

    Shapes: x (B, H, W, C), y (B, OH, OW, C).
    """
    batch, height, width, channels = x.shape
    rows, row = y.shape[1], y.shape[2] * channels
    for image in range(batch):
        copy_padded(
            y, address(x, image * height * width * channels), height, width * channels, -top, rows,
            left * channels, row, address(y, image * rows * row),
        )  # fmt: skip


@kernel
def crop(dy: Any, top: int, left: int, dx: Any) -> None:
    """dx = dy without its border: the gradient of `zero_pad`. Shapes: dy (B, OH, OW, C), dx (B, H, W, C)."""
    batch, height, width, channels = dx.shape
    for image in range(batch):
        for h in range(height):
            for w in range(width):
                for c in range(channels):
                    dx[image, h, w, c] = dy[image, top + h, left + w, c]
