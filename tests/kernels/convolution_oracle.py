"""Plain NumPy float64 convolution and its gradients, tap by tap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.convolution_plan import Geometry

Place = tuple[int, ...]


def _taps(g: Geometry) -> Iterator[tuple[Place, Place, Place, slice, slice]]:
    """Each place of y with each tap that reads inside x: (place of y, tap, place of x, channels, filters)."""
    channels, filters = g.channels // g.groups, g.filters // g.groups
    for out in np.ndindex(g.outs):
        for tap in np.ndindex(g.kernel):
            steps = zip(out, tap, g.axes, strict=True)
            place = tuple(o * a.stride - a.before + t * a.dilation for o, t, a in steps)
            if all(0 <= at < size for at, size in zip(place, g.sizes, strict=True)):
                for q in range(g.groups):
                    c = slice(q * channels, (q + 1) * channels)
                    yield out, tap, place, c, slice(q * filters, (q + 1) * filters)


def convolve(x: Array, kernel: Array, bias: Array, g: Geometry) -> Array:
    """y (B, *out, F) in float64."""
    y = np.zeros((g.batch, *g.outs, g.filters))
    for out, tap, place, c, f in _taps(g):
        y[:, *out, f] += x[:, *place, c].astype(float) @ kernel[tap][:, f].astype(float)
    return y + bias


def gradients(x: Array, kernel: Array, dy: Array, g: Geometry) -> tuple[Array, Array, Array]:
    """dx (B, *sizes, C), dkernel (*kernel, C/groups, F), dbias (F,) in float64."""
    dx, dkernel = np.zeros(x.shape), np.zeros(kernel.shape)
    dy = dy.astype(float)
    for out, tap, place, c, f in _taps(g):
        dx[:, *place, c] += dy[:, *out, f] @ kernel[tap][:, f].astype(float).T
        dkernel[tap][:, f] += x[:, *place, c].astype(float).T @ dy[:, *out, f]
    return dx, dkernel, dy.sum(tuple(range(dy.ndim - 1)))
