"""Shades by how frequent they are: histograms of whole numbers, and tables made of them."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel

SHADES = 256
"""What `equalize_tiles` tells apart."""


@inline
def _bin(place, last):
    """The bin from 0 to `last` that a place lies in; of NaN, the first."""
    place = place if place > type(place)(0.0) else type(place)(0.0)
    return np.int64(place if place < last else last)


@inline
def _equalized(counts, table):
    """table[i], from 0 to 255, of the shades in bin i; -1 in its first place where all lie in one bin."""
    t = table.dtype.type
    total, first, used = np.int64(0), np.int64(0), 0
    for i in range(counts.shape[0]):
        total += counts[i]
        if counts[i] > 0:
            first = counts[i] if used == 0 else first
            used += 1
    rest = total - first if total > first else np.int64(1)
    running = np.int64(0)
    for i in range(counts.shape[0]):
        running += counts[i]
        shade = np.rint(np.float64((running - first) * 255) / np.float64(rest))
        table[i] = t(min(max(shade, 0.0), 255.0))
    if used <= 1:
        table[0] = t(-1.0)


@kernel
def equalize(x, low, high, counts, table, y):
    """y = the shades of x (N, C) by how frequent lesser ones are in their channel; counts, table (bins,)."""
    t, bins = x.dtype.type, counts.shape[0]
    there, back = t(255.0 / (high - low)), t((high - low) / 255.0)
    start, shift = t(low), t(0.0 - low * (255.0 / (high - low)))
    last, whole = t(bins - 1), t(255.0)
    for c in range(x.shape[1]):
        for i in range(bins):
            counts[i] = 0
        for n in range(x.shape[0]):
            shade = x[n, c] * there + shift
            counts[_bin(shade * last / whole, last)] += 1
        _equalized(counts, table)
        for n in range(x.shape[0]):
            shade = x[n, c] * there + shift
            at = _bin(shade / whole * last, last)
            y[n, c] = (shade if table[0] < t(0.0) else table[at]) * back + start


@inline
def _mirrored(index, size):
    index = index % (2 * size)
    return index if index < size else 2 * size - 1 - index


@inline
def _shade(x, low, high):
    """x as a number from 0 to 255."""
    t = type(x)
    return x if low == t(0.0) and high == t(255.0) else (x - low) / (high - low) * t(255.0)


@inline
def _tile_table(x, b, c, first_row, first_column, size, low, high, limit, table):
    """table (256,) of one tile: how frequent lesser shades are, none counted more often than `limit`."""
    t = table.dtype.type
    for i in range(SHADES):
        table[i] = t(0.0)
    for i in range(size[0]):
        row = _mirrored(first_row + i, x.shape[1])
        for j in range(size[1]):
            column = _mirrored(first_column + j, x.shape[2])
            table[_bin(_shade(x[b, row, column, c], low, high), t(255.0))] += t(1.0)
    if limit > t(0.0):
        excess = t(0.0)
        for i in range(SHADES):
            excess += max(table[i] - limit, t(0.0))
        for i in range(SHADES):
            table[i] = min(table[i], limit) + excess / t(SHADES)
    for i in range(1, SHADES):
        table[i] += table[i - 1]
    least = table[0]
    rest = t(size[0] * size[1]) - least
    rest = rest if rest != t(0.0) else t(1.0)
    for i in range(SHADES):
        table[i] = min(max((table[i] - least) * t(255.0) / rest, t(0.0)), t(255.0))


@inline
def _between(place, size, count):
    """The tiles on both sides of a pixel of an axis, and how far it lies from the first to the second."""
    t = type(size)
    at = (t(place) - size / t(2.0)) / size + t(1.0)
    low = np.floor(at)
    first = np.int64(low) - 1
    last = np.int64(count - 1)
    return max(min(first, last), np.int64(0)), max(min(first + 1, last), np.int64(0)), at - low


@kernel
def equalize_tiles(x, low, high, limit, tables, y):
    """y = the shades of x by how frequent lesser ones are in the tiles around; x, y (B, H, W, C).

    tables (down, across, 256) is scratch. An image goes on mirrored where tiles hang over its edges.
    """
    t = x.dtype.type
    bottom, top = t(low), t(high)
    height, width = x.shape[1], x.shape[2]
    down, across = tables.shape[0], tables.shape[1]
    size = ((height + down - 1) // down, (width + across - 1) // across)
    most = t(limit * (size[0] * size[1]) / 256.0)
    for b in range(x.shape[0]):
        for c in range(x.shape[3]):
            for i in range(down):
                for j in range(across):
                    _tile_table(x, b, c, i * size[0], j * size[1], size, bottom, top, most, tables[i, j])
            for i in range(height):
                r0, r1, lower = _between(i, t(size[0]), down)
                for j in range(width):
                    s0, s1, right = _between(j, t(size[1]), across)
                    k = _bin(_shade(x[b, i, j, c], bottom, top), t(255.0))
                    above = tables[r0, s0, k] * (t(1.0) - right) + tables[r0, s1, k] * right
                    below = tables[r1, s0, k] * (t(1.0) - right) + tables[r1, s1, k] * right
                    shade = above * (t(1.0) - lower) + below * lower
                    same = bottom == t(0.0) and top == t(255.0)
                    y[b, i, j, c] = shade if same else shade / t(255.0) * (top - bottom) + bottom
