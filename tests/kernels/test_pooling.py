"""Pooling and padding kernels against plain oracles."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest

from nnctl.kernels import pooling
from nnctl.kernels.axes import Axis
from nnctl.kernels.padding import crop, zero_pad
from nnctl.kernels.pooling_plan import SPARE_TAPS, Shares, Windows, index_dtype, table

CASES = {
    "overlapping, padded": Windows(2, 3, Axis(7, 6, 2, 1, before=0), Axis(9, 5, 3, 2, before=1)),
    "past two vectors of channels": Windows(2, 37, Axis(8, 4, 3, 2, before=0), Axis(9, 5, 3, 2, before=1)),
    "gaps between windows": Windows(3, 16, Axis(11, 4, 2, 3, before=0), Axis(9, 2, 2, 4, before=0)),
    "even": Windows(1, 32, Axis(6, 3, 2, 2, before=0), Axis(4, 2, 2, 2, before=0)),
    "along the width": Windows(2, 5, Axis(1, 1, 1, 1, before=0), Axis(13, 5, 3, 3, before=1)),
    "one channel, whole image": Windows(2, 1, Axis(5, 1, 5, 5, before=0), Axis(3, 1, 3, 3, before=0)),
    "over 256 taps": Windows(1, 2, Axis(18, 2, 17, 1, before=0), Axis(19, 2, 17, 2, before=0)),
    "shares": Windows(2, 3, Shares(7, 3), Shares(6, 4)),
    "shares of more windows than places": Windows(1, 18, Shares(2, 5), Shares(3, 2)),
    "shares, over 256 places": Windows(1, 2, Shares(23, 5), Shares(19, 7)),
    "over threads": Windows(8, 17, Axis(22, 11, 2, 2, before=0), Axis(24, 12, 2, 2, before=0)),
}


def _part(a: Axis | Shares, place: int) -> slice:
    """What a window holds of an axis."""
    if isinstance(a, Shares):
        return slice(floor(place * a.size / a.out), ceil((place + 1) * a.size / a.out))
    first = place * a.stride - a.before
    return slice(max(first, 0), min(first + a.kernel, a.size))


def _windows(w: Windows):
    """Every (output index, its slice of x)."""
    for b, p, q, c in np.ndindex(w.batch, w.rows.out, w.columns.out, w.channels):
        yield (b, p, q, c), (b, _part(w.rows, p), _part(w.columns, q), c)


def _arrays(w: Windows, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    x = random.integers(-3, 4, (w.batch, w.rows.size, w.columns.size, w.channels)).astype(dtype)  # many ties
    dy = random.standard_normal((w.batch, w.rows.out, w.columns.out, w.channels)).astype(dtype)
    return x, dy


def _max_pool(w: Windows, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    y = np.full((w.batch, w.rows.out, w.columns.out, w.channels), 7, x.dtype)
    chosen = np.full(y.size + SPARE_TAPS, 99, index_dtype(w))
    pooling.max_pool(x.ravel(), table(w), y.reshape(-1), chosen)
    return y, chosen


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_max(name: str, dtype: str) -> None:
    w = CASES[name]
    x, dy = _arrays(w, dtype)
    want, dwant = np.empty(dy.shape), np.zeros(x.shape)
    for out, inside in _windows(w):
        window = x[inside]
        want[out] = window.max()
        i, j = np.unravel_index(window.argmax(), window.shape)  # the first of equal values
        b, rows, columns, c = inside
        dwant[b, rows.start + i, columns.start + j, c] += dy[out]
    y, chosen = _max_pool(w, x)
    np.testing.assert_array_equal(y, want)
    dx = np.full(x.shape, np.nan, dtype)
    pooling.max_pool_gradient(dy.ravel(), dy.ravel(), 0, chosen, table(w), dx.reshape(-1))
    np.testing.assert_allclose(dx, dwant, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_max_gradient_through_relu(name: str) -> None:
    w = CASES[name]
    x, dy = _arrays(w, "float32")
    x = np.maximum(x, 0)
    y, chosen = _max_pool(w, x)
    plain, gated = (np.full(x.shape, np.nan, np.float32) for _ in range(2))
    pooling.max_pool_gradient(dy.ravel(), y.ravel(), 0, chosen, table(w), plain.reshape(-1))
    pooling.max_pool_gradient(dy.ravel(), y.ravel(), 1, chosen, table(w), gated.reshape(-1))
    np.testing.assert_array_equal(gated, np.where(x > 0, plain, 0))


def test_max_keeps_nan_and_infinities() -> None:
    w = Windows(1, 1, Axis(2, 1, 2, 2, before=0), Axis(6, 3, 2, 2, before=0))
    inf, nan = np.inf, np.nan
    x = np.array([[-inf, -inf, 1, nan, 5, 2], [-inf, -inf, 2, 3, inf, 9]], np.float32)
    y, chosen = _max_pool(w, x.reshape(1, 2, 6, 1))
    np.testing.assert_array_equal(y.ravel(), [-inf, nan, inf])
    np.testing.assert_array_equal(chosen[:3], [0, 1, 2])


def test_what_all_windows_reach() -> None:
    for w in CASES.values():
        assert w.reach == sum(
            (rows.stop - rows.start) * (columns.stop - columns.start)
            for _, (_, rows, columns, _) in _windows(w)
        )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_average(name: str, dtype: str) -> None:
    w = CASES[name]
    x, dy = _arrays(w, dtype)
    x = x + np.asarray(0.25, dtype)
    want, dwant = np.empty(dy.shape), np.zeros(x.shape)
    for out, inside in _windows(w):
        want[out] = x[inside].astype(float).mean()
        dwant[inside] += dy[out] / x[inside].size
    y, dx = np.full(dy.shape, np.nan, dtype), np.full(x.shape, np.nan, dtype)
    pooling.average_pool(x.ravel(), table(w), y.reshape(-1))
    pooling.average_pool_gradient(dy.ravel(), table(w), dx.reshape(-1))
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(y, want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(dx, dwant, rtol=tolerance, atol=tolerance)


def test_global_max_gradient_is_shared_by_equal_maxima() -> None:
    x, dy = np.array([[[1, 5], [4, 5], [4, 2]]], np.float32), np.array([[6, 3]], np.float32)
    dx = np.full(x.shape, np.nan, np.float32)
    pooling.global_max_gradient(dy, x, x.max(1), dx)
    np.testing.assert_array_equal(dx, [[[0, 1.5], [3, 1.5], [3, 0]]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("around", [((1, 2), (0, 3)), ((0, 0), (0, 0)), ((4, 0), (1, 1))])
def test_zero_pad_and_crop(dtype: str, around: tuple[tuple[int, int], tuple[int, int]]) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(dtype)
    want = np.pad(x, ((0, 0), *around, (0, 0)))
    y, dx = np.full(want.shape, np.nan, dtype), np.full(x.shape, np.nan, dtype)
    zero_pad(x, around[0][0], around[1][0], y)
    np.testing.assert_array_equal(y, want)
    crop(want, around[0][0], around[1][0], dx)
    np.testing.assert_array_equal(dx, x)
