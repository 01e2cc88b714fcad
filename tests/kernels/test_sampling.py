"""Images read between their pixels, numbers and colours by formula: against plain loops over pixels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from nnctl.kernels import pixels, sampling
from nnctl.kernels.codes import FILL_CODES

MODES = list(FILL_CODES)


def beyond(line, at, mode):
    """The pixel of `line` that stands at `at`, counted on beyond its ends; None for the fill value."""
    n = len(line)
    if mode == "constant" and not 0 <= at < n:
        return None
    ways = {
        "constant": lambda: at,
        "nearest": lambda: min(max(at, 0), n - 1),
        "wrap": lambda: at % n,
        "mirror": lambda: [*range(n), *range(n - 2, 0, -1)][at % max(2 * n - 2, 1)],
        "reflect": lambda: (list(range(n)) + list(range(n))[::-1])[at % (2 * n)],
    }
    return ways[mode]()


def parts(place, linear):
    """The pixels that a place is read off, with their shares."""
    if not linear:
        whole = math.floor(abs(place) + 0.5)
        return [(whole if place >= 0 else -whole, 1.0)]
    low = math.floor(place)
    return [(low, 1 - (place - low)), (low + 1, place - low)]


def shares(height, width, row, column, linear, mode):
    for (r, a), (s, b) in itertools.product(parts(row, linear), parts(column, linear)):
        r, s = beyond(range(height), r, mode), beyond(range(width), s, mode)
        yield (None if r is None or s is None else (r, s)), a * b


def places(shape, dtype):
    """Inside, far outside, on pixels and halfway between them."""
    rng = np.random.default_rng(0)
    found = rng.uniform(-14, 19, shape)
    found[:, 0] = rng.integers(-14, 19, found[:, 0].shape)
    found[:, 1] = rng.integers(-14, 19, found[:, 1].shape) + 0.5
    return found.astype(dtype)


@pytest.mark.parametrize("linear", [0, 1])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("height", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sample_and_its_transpose(linear, mode, height, dtype):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, height, 5, 3)).astype(dtype)
    at = places((2, 9, 7, 2), dtype)
    dy = rng.normal(size=(2, 9, 7, 3)).astype(dtype)
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for b, i, j in np.ndindex(2, 9, 7):
        for pixel, share in shares(height, 5, *map(float, at[b, i, j]), linear, mode):
            y[b, i, j] += share * (x[(b, *pixel)] if pixel else np.full(3, 0.75))
            if pixel:
                dx[(b, *pixel)] += share * dy[b, i, j]
    tolerance = 1e-5 if dtype == "float32" else 1e-13
    for form in ("", "_parallel"):
        got, back = np.full_like(dy, np.nan), np.full_like(x, np.nan)
        getattr(sampling, f"sample{form}")(x, at, linear, FILL_CODES[mode], 0.75, got)
        getattr(sampling, f"sample_grad{form}")(dy, at, linear, FILL_CODES[mode], back)
        np.testing.assert_allclose(got, y, atol=tolerance)
        np.testing.assert_allclose(back, dx, atol=10 * tolerance)


def bent(u, v, three):
    """A projection with draws and a number in it."""
    return u, 0.5, v, -u, three, 1, 0.25 * u, 0.125


def test_projected_places():
    rng = np.random.default_rng(2)
    draws = rng.uniform(size=(3, 2))
    got = np.empty((3, 4, 5, 2))
    sampling.projected_places(bent)(draws, (0.0, 0.0), (3.0,), got)
    for b, i, j in np.ndindex(3, 4, 5):
        a0, a1, a2, b0, b1, b2, c0, c1 = bent(*draws[b], 3.0)
        k = c0 * j + c1 * i + 1
        np.testing.assert_allclose(
            got[b, i, j], [(b0 * j + b1 * i + b2) / k, (a0 * j + a1 * i + a2) / k], rtol=1e-12
        )


def weighed(x, u, v, two):
    return (u * x if x > 0 else v) + two


def swapped(r, g, b, u, v, two):
    return b * u, r + v, two * g


def test_formulas_see_the_draws_of_their_image():
    rng = np.random.default_rng(3)
    x, draws = rng.normal(size=(3, 6, 3)), rng.uniform(size=(3, 2))
    flat = x.reshape(3, -1)
    expected = np.array([[weighed(n, *draws[b], 2.0) for n in flat[b]] for b in range(3)])
    coloured = np.array([[swapped(*pixel, *draws[b], 2.0) for pixel in x[b]] for b in range(3)])
    for form in ("", "_parallel"):
        y, z = np.empty_like(flat), np.empty_like(x)
        getattr(pixels, f"numbers_of_images{form}")(weighed)(flat, draws, (0.0, 0.0), (2.0,), y)
        np.testing.assert_array_equal(y, expected)
        getattr(pixels, f"colours_of_images{form}")(swapped)(x, draws, (0.0, 0.0), (2.0,), z)
        np.testing.assert_array_equal(z, coloured)
    dy, dx = rng.normal(size=flat.shape), np.empty_like(flat)
    pixels.numbers_of_images_grad(weighed)(flat, dy, draws, (0.0, 0.0), (2.0,), dx)
    np.testing.assert_array_equal(dx, dy * expected)
