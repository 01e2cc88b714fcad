"""Images blurred by bells whose widths are drawn."""

from __future__ import annotations

import numpy as np

from nnctl.ops.base import Value
from nnctl.ops.convolution import convolve
from nnctl.ops.elementwise import divide
from nnctl.ops.formula import Formula
from nnctl.ops.pixels import numbers
from nnctl.ops.shape import broadcast_to, reshape
from nnctl.ops.sums import sum_axes


def bell(draws: Value, size: int, height: Formula) -> Value:
    """Weights (1, size) with the sum 1: heights, of the distance from the middle and the draws (1, D)."""
    distances = (np.arange(size) - (size - 1) / 2).astype(draws.dtype).reshape(1, size)
    weights = numbers(draws.graph.constant(distances), draws, height)
    total = reshape(sum_axes(weights, (1,)), (1, 1))
    return divide(weights, broadcast_to(total, (1, size)))


def blurred(x: Value, across: Value, down: Value) -> Value:
    """x (B, H, W, C), zeros around it, with each pixel by its neighbours' weights (1, n), n odd."""
    channels = x.shape[3]
    for taps, weights in (((1, across.shape[1]), across), ((down.shape[1], 1), down)):
        kernel = broadcast_to(reshape(weights, (*taps, 1, 1)), (*taps, 1, channels))
        around = tuple((n // 2, n // 2) for n in taps)
        x = convolve(x, kernel, None, (1, 1), around, groups=channels)
    return x
