"""Plain NumPy float64 convolution and its gradients, tap by tap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.convolution_plan import Geometry


def _taps(g: Geometry) -> Iterator[tuple[int, int, int, int, int, int, slice, slice]]:
    channels, filters = g.channels // g.groups, g.filters // g.groups
    for oh, ow, i, j in np.ndindex(g.out_height, g.out_width, *g.kernel):
        h = oh * g.stride[0] - g.top + i * g.dilation[0]
        w = ow * g.stride[1] - g.left + j * g.dilation[1]
        if 0 <= h < g.height and 0 <= w < g.width:
            for q in range(g.groups):
                c = slice(q * channels, (q + 1) * channels)
                yield oh, ow, i, j, h, w, c, slice(q * filters, (q + 1) * filters)


def convolve(x: Array, kernel: Array, bias: Array, g: Geometry) -> Array:
    """y (B, OH, OW, F) in float64."""
    y = np.zeros((g.batch, g.out_height, g.out_width, g.filters))
    for oh, ow, i, j, h, w, c, f in _taps(g):
        y[:, oh, ow, f] += x[:, h, w, c].astype(float) @ kernel[i, j][:, f].astype(float)
    return y + bias


def gradients(x: Array, kernel: Array, dy: Array, g: Geometry) -> tuple[Array, Array, Array]:
    """dx (B, H, W, C), dkernel (KH, KW, C/groups, F), dbias (F,) in float64."""
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    dy = dy.astype(float)
    for oh, ow, i, j, h, w, c, f in _taps(g):
        dx[:, h, w, c] += dy[:, oh, ow, f] @ kernel[i, j][:, f].astype(float).T
        dkernel[i, j][:, f] += x[:, h, w, c].astype(float).T @ dy[:, oh, ow, f]
    return dx, dkernel, dy.sum((0, 1, 2))
