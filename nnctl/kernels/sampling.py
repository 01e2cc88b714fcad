"""Images read at places between their pixels, as in SciPy's map_coordinates, and the gradient.

x (B, H, W, C), places (B, I, J, 2) of (row, column), y (B, I, J, C). A place is read off the four pixels
around it, or off the nearest (halves are rounded away from zero). Beyond the edges an image goes on by
`fill`, a code of kernels/codes.py.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.codes import FILL_MIRROR, FILL_NEAREST, FILL_REFLECT, FILL_WRAP
from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.pixels import row_of

LINES = 8
"""Lines of an image that are one parallel iteration."""


@inline
def _within(index, size, fill):
    """The pixel that stands at `index` of an axis of `size`; -1 where that is the fill value."""
    if index >= 0 and index < size:
        return index
    if fill == FILL_NEAREST:
        return np.int64(0) if index < 0 else size - 1
    if fill == FILL_WRAP:
        return index % size
    if fill == FILL_REFLECT:
        index = index % (2 * size)
        return index if index < size else 2 * size - 1 - index
    if fill == FILL_MIRROR:
        last = max(size - 1, 1)
        index = index % (2 * last)
        return min(index if index < size else 2 * last - index, size - 1)
    return np.int64(-1)


@inline
def _rounded(place):
    """The nearest whole number, halves away from zero."""
    whole = np.trunc(place)
    return whole + np.copysign(type(place)(1.0 if abs(place - whole) >= 0.5 else 0.0), place)


@inline
def _around(place, size, linear, fill):
    """The pixels of an axis that a place is read off, and how far it lies from the first to the second."""
    first = np.floor(place) if linear != 0 else _rounded(place)
    beyond = place - first if linear != 0 else type(place)(0.0)
    index = np.int64(first)
    return _within(index, size, fill), _within(index + 1, size, fill), beyond


@inline
def _read(x, b, r, s, c, value):
    return value if r < 0 or s < 0 else x[b, r, s, c]


@inline
def _sample_line(x, places, b, i, linear, fill, value, y):
    one = x.dtype.type(1.0)
    for j in range(places.shape[2]):
        r0, r1, down = _around(places[b, i, j, 0], x.shape[1], linear, fill)
        s0, s1, right = _around(places[b, i, j, 1], x.shape[2], linear, fill)
        up, back = one - down, one - right
        for c in range(x.shape[3]):
            total = up * back * _read(x, b, r0, s0, c, value)
            if linear != 0:
                total = total + up * right * _read(x, b, r0, s1, c, value)
                total = total + down * back * _read(x, b, r1, s0, c, value)
                total = total + down * right * _read(x, b, r1, s1, c, value)
            y[b, i, j, c] = total


@kernel
def sample(x, places, linear, fill, value, y):
    """y = x at places: of four pixels if `linear`, else of the nearest."""
    edge = x.dtype.type(value)
    for b in range(x.shape[0]):
        for i in range(places.shape[1]):
            _sample_line(x, places, b, i, linear, fill, edge, y)


@kernel(parallel=True)
def sample_parallel(x, places, linear, fill, value, y):
    """`sample` on many threads."""
    edge = x.dtype.type(value)
    height = places.shape[1]
    lines = x.shape[0] * height
    for block in numba.prange((lines + LINES - 1) // LINES):
        for line in range(block * LINES, min(block * LINES + LINES, lines)):
            _sample_line(x, places, line // height, line % height, linear, fill, edge, y)


@inline
def _add(dx, b, r, s, c, share):
    if r >= 0 and s >= 0:
        dx[b, r, s, c] += share


@inline
def _scatter(dy, places, b, linear, fill, dx):
    """dx[b] from dy[b]: each number to the pixels that it was read off, line by line."""
    zero, one = dx.dtype.type(0.0), dx.dtype.type(1.0)
    height, width, channels = dx.shape[1], dx.shape[2], dx.shape[3]
    for r in range(height):
        for s in range(width):
            for c in range(channels):
                dx[b, r, s, c] = zero
    for i in range(places.shape[1]):
        for j in range(places.shape[2]):
            r0, r1, down = _around(places[b, i, j, 0], height, linear, fill)
            s0, s1, right = _around(places[b, i, j, 1], width, linear, fill)
            up, back = one - down, one - right
            for c in range(channels):
                _add(dx, b, r0, s0, c, up * back * dy[b, i, j, c])
                if linear != 0:
                    _add(dx, b, r0, s1, c, up * right * dy[b, i, j, c])
                    _add(dx, b, r1, s0, c, down * back * dy[b, i, j, c])
                    _add(dx, b, r1, s1, c, down * right * dy[b, i, j, c])


@kernel
def sample_grad(dy, places, linear, fill, dx):
    """The transpose of `sample`: dx (B, H, W, C) from dy (B, I, J, C)."""
    for b in range(dy.shape[0]):
        _scatter(dy, places, b, linear, fill, dx)


@kernel(parallel=True)
def sample_grad_parallel(dy, places, linear, fill, dx):
    """`sample_grad` on many threads: an image is one thread's."""
    for b in numba.prange(dy.shape[0]):
        _scatter(dy, places, b, linear, fill, dx)


@inline
def _bounded(place):
    """Where a projection leaves the plane: far away, but a place; NaN is, too."""
    far = type(place)(1e9)
    place = place if place > -far else -far
    return place if place < far else far


@functools.cache
def projected_places(formula: Callable[..., Any]) -> Any:
    """The kernel of places (B, I, J, 2): where each pixel comes from under a projection of the plane.

    formula(draws of b, numbers) gives (a0, a1, a2, b0, b1, b2, c0, c1). Pixel (i, j), row and column, comes
    from column (a0 j + a1 i + a2) / k and row (b0 j + b1 i + b2) / k with k = c0 j + c1 i + 1.
    """
    matrix = compiled(formula)

    @kernel
    @named("projected_places", formula)
    def projected_places(draws, like, numbers, places):
        t = places.dtype.type
        for b in range(places.shape[0]):
            a0, a1, a2, b0, b1, b2, c0, c1 = matrix(*(row_of(draws, b, like) + numbers))
            plane = c0 == t(0.0) and c1 == t(0.0)
            for i in range(places.shape[1]):
                for j in range(places.shape[2]):
                    row, column = t(i), t(j)
                    over = t(1.0) if plane else c0 * column + c1 * row + t(1.0)
                    places[b, i, j, 0] = _bounded((b0 * column + b1 * row + b2) / over)
                    places[b, i, j, 1] = _bounded((a0 * column + a1 * row + a2) / over)

    return projected_places
