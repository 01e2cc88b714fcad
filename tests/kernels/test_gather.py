"""Rows by number, their gradient, one-hot rows and orthonormal columns against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import gather, qr


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
@pytest.mark.parametrize("numbers", ["int32", "int64"])
def test_rows(dtype, numbers):
    x = np.random.default_rng(0).uniform(0, 200, (7, 5)).astype(dtype)
    at = np.array([6, 0, 3, 3, 1, 6, 6, 2], numbers)
    y = np.empty((8, 5), dtype)
    gather.gather_rows(x, at, y)
    np.testing.assert_array_equal(y, x[at])


def test_rows_outside_the_table_are_nan():
    y = np.empty((3, 2), np.float32)
    gather.gather_rows(np.ones((4, 2), np.float32), np.array([-1, 3, 4]), y)
    np.testing.assert_array_equal(y, [[np.nan] * 2, [1, 1], [np.nan] * 2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 5, 16, 100])
@pytest.mark.parametrize(("columns", "places"), [(3, 1), (67, 1), (3, 4)])
def test_gradient_adds_in_order(columns, places, rows, dtype):
    rng = np.random.default_rng(1)
    at, dy = rng.integers(-1, rows + 1, (301, places)), rng.normal(size=(301, columns)).astype(dtype)
    expected = np.zeros((rows, columns), dtype)
    for n, numbers in enumerate(at):
        for v in numbers:
            if 0 <= v < rows:
                expected[v] += dy[n]
    for form in ("scatter_rows", "scatter_rows_parallel"):
        dx = np.full((rows, columns), np.nan, dtype)
        getattr(gather, form)(dy, at, dx)
        np.testing.assert_array_equal(dx, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 7, 5), (1, 200, 33), (4, 0, 2), (0, 3, 2)])
def test_means_of_rows_are_added_in_order(shape, dtype):
    rng = np.random.default_rng(2)
    count, places, columns = shape
    x, at = rng.normal(size=(9, columns)).astype(dtype), rng.integers(0, 9, (count, places))
    expected = np.zeros((count, columns), dtype)
    for t in range(places):
        expected += x[at[:, t]]
    with np.errstate(invalid="ignore"):
        expected /= x.dtype.type(places)
    for form in ("mean_rows", "mean_rows_parallel"):
        y = np.empty((count, columns), dtype)
        getattr(gather, form)(x, at, y)
        np.testing.assert_array_equal(y, expected)


def test_the_mean_with_a_row_outside_the_table_is_nan():
    y = np.empty((3, 2), np.float32)
    gather.mean_rows(np.ones((4, 2), np.float32), np.array([[0, -1], [3, 0], [4, 1]]), y)
    np.testing.assert_array_equal(y, [[np.nan] * 2, [1, 1], [np.nan] * 2])


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (37, 20), (9, 1)])
def test_orthonormal_columns(shape):
    a = np.random.default_rng(2).normal(size=shape)
    q = np.empty(shape)
    qr.orthonormal_columns(a.copy(), np.empty(2 * shape[1]), q)
    np.testing.assert_allclose(q.T @ q, np.eye(shape[1]), atol=1e-13)
    expected, r = np.linalg.qr(a)
    np.testing.assert_allclose(q, expected * np.sign(np.diag(r)), atol=1e-12)


def test_orthonormal_columns_of_a_singular_matrix():
    a, q = np.ones((4, 3)), np.empty((4, 3))
    qr.orthonormal_columns(a, np.empty(6), q)
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-13)
