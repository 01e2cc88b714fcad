"""Sums and maxima against NumPy in float64, over sizes around the blocks' edges."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import codes, reduce

SHAPES = [(1, 1, 1), (1, 5, 3), (3, 7, 1), (2, 256, 10), (1, 257, 33), (3, 1030, 2), (4, 0, 3)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_middle(shape, dtype):
    outer, rows, columns = shape
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    blocks = reduce.column_blocks(rows)
    scratch = np.empty((outer * blocks, columns), dtype)
    y, parallel = np.empty((outer, columns), dtype), np.empty((outer, columns), dtype)
    reduce.sum_middle(x, 0.5, scratch[:blocks], y)
    reduce.sum_middle_parallel(x, 0.5, scratch, parallel)
    np.testing.assert_allclose(y, 0.5 * x.astype(float).sum(1), rtol=0, atol=1e-4)
    np.testing.assert_array_equal(y, parallel)
    for broadcast in (reduce.broadcast_middle, reduce.broadcast_middle_parallel):
        back = np.empty_like(x)
        broadcast(y, 2.0, back)
        np.testing.assert_array_equal(back, np.broadcast_to(2 * y[:, None], shape))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_means_are_added_in_order(shape, dtype):
    x = np.random.default_rng(0).normal(size=shape).astype(dtype)
    expected = np.zeros((shape[0], shape[2]), dtype)
    for r in range(shape[1]):
        expected += x[:, r]
    with np.errstate(invalid="ignore"):
        expected /= x.dtype.type(shape[1])
    for mean in (reduce.mean_middle, reduce.mean_middle_parallel):
        y = np.empty_like(expected)
        mean(x, y)
        np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-14)])
@pytest.mark.parametrize("columns", [1, 15, 16, 17, 100, 5003])
def test_rows(columns, dtype, tolerance):
    x = np.random.default_rng(1).uniform(size=(3, columns)).astype(dtype)
    y = np.empty(3, dtype)
    reduce.sum_rows(x, 2.0, y)
    np.testing.assert_allclose(y, 2 * x.astype(float).sum(1), rtol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("size", [0, 1, 31, 8192, 8193, 40_001])
def test_everything(size, dtype, tolerance):
    x = (np.random.default_rng(2).uniform(size=size) - 0.1).astype(dtype)
    scratch = np.empty(reduce.whole_sum_scratch(size), dtype)
    exact = x.astype(float)
    for code, expected in [
        (codes.SUM, exact.sum()),
        (codes.SUM_OF_SQUARES, (exact**2).sum()),
        (codes.SUM_OF_ABSOLUTES, abs(exact).sum()),
    ]:
        y, parallel = np.empty(1, dtype), np.empty(1, dtype)
        reduce.sum_all(x, code, 3.0, scratch, y)
        reduce.sum_all_parallel(x, code, 3.0, scratch, parallel)
        np.testing.assert_allclose(y[0], 3 * expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(y, parallel)
