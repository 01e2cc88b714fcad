"""Shades made equally frequent, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import histograms


def equalized(x, low, high, bins):
    y = np.empty_like(x)
    histograms.equalize(x, low, high, np.empty(bins, np.int64), np.empty(bins, x.dtype), y)
    return y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equalize(dtype):
    x = np.random.default_rng(0).integers(0, 256, (40, 3)).astype(dtype)
    x[:, 1] = 7  # one shade only stays
    y = equalized(x, 0.0, 255.0, 256)
    for c in (0, 2):
        counts = np.bincount(x[:, c].astype(int), minlength=256).cumsum()
        first = counts[counts > 0][0]
        table = np.rint((counts - first) * 255 / (40 - first))
        np.testing.assert_array_equal(y[:, c], table[x[:, c].astype(int)])
    np.testing.assert_array_equal(y[:, 1], x[:, 1])


def test_a_channel_in_a_range_of_its_own_stays_in_it():
    x = np.linspace(-1, 1, 31).reshape(31, 1)
    y = equalized(x, -1.0, 1.0, 16)
    assert (y.min(), y.max()) == (-1, 1)
    np.testing.assert_array_equal(equalized(np.full((5, 1), 0.25), -1.0, 1.0, 16), np.full((5, 1), 0.25))


@pytest.mark.parametrize(("number", "like"), [(1e30, 255), (np.inf, 255), (-1e30, 0), (np.nan, 0)])
def test_numbers_beyond_the_range_are_counted_at_its_ends(number, like):
    x = np.random.default_rng(2).integers(0, 256, (1, 6, 6, 1)).astype(np.float32)
    x = np.stack([x, x])
    x[:, 0, 2, 3, 0] = number, like
    given, expected = (equalized(images.reshape(36, 1), 0.0, 255.0, 16) for images in x)
    np.testing.assert_array_equal(given, expected)
    given, expected = np.empty_like(x)
    for images, y in zip(x, (given, expected), strict=True):
        histograms.equalize_tiles(images, 0.0, 255.0, 4.0, np.empty((2, 2, 256), np.float32), y)
    np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("limit", [0.0, 40.0])
def test_one_tile_is_the_whole_image(limit):
    """Then a shade depends on nothing but how often lesser ones are there, cut to the limit."""
    x = np.random.default_rng(1).integers(0, 256, (2, 5, 7, 2)).astype(np.float64)
    y = np.empty_like(x)
    histograms.equalize_tiles(x, 0.0, 255.0, limit, np.empty((1, 1, 256)), y)
    for b, c in np.ndindex(2, 2):
        shades = x[b, :, :, c].astype(int)
        counts = np.bincount(shades.reshape(-1), minlength=256).astype(float)
        most = limit * 35 / 256
        if limit:
            counts = np.minimum(counts, most) + np.maximum(counts - most, 0).sum() / 256
        total = counts.cumsum()
        table = np.clip((total - total[0]) * 255 / (35 - total[0]), 0, 255)
        np.testing.assert_allclose(y[b, :, :, c], table[shades], atol=1e-10)
