"""Softmax and the cross-entropies of logits against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import softmax, sparsemax

SHAPES = [(1, 1), (5, 3), (3, 16), (4, 37)]
DTYPES = [("float32", 3e-6), ("float64", 1e-13)]


def exact_softmax(x):
    e = np.exp(x.astype(float) - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def draw(shape, dtype, scale=4.0):
    rng = np.random.default_rng(sum(shape))
    return (rng.normal(size=(2, *shape)) * scale).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax(shape, dtype, tolerance):
    x, dy = draw(shape, dtype)
    y, parallel, dx = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    p = exact_softmax(x)
    softmax.softmax(x, y)
    softmax.softmax_parallel(x, parallel)
    np.testing.assert_allclose(y, p, rtol=tolerance, atol=1e-30)
    np.testing.assert_array_equal(y, parallel)
    softmax.softmax_grad(y, dy, dx)
    np.testing.assert_allclose(dx, p * (dy - (p * dy).sum(-1, keepdims=True)), atol=10 * tolerance)
    softmax.log_softmax(x, y)
    np.testing.assert_allclose(y, np.log(p), rtol=tolerance, atol=10 * tolerance)
    softmax.log_softmax_grad(y, dy, dx)
    np.testing.assert_allclose(dx, dy - p * dy.sum(-1, keepdims=True), atol=20 * tolerance)
    softmax.softmax(x, x)
    np.testing.assert_array_equal(x, parallel)


def test_softmax_of_extremes():
    x = np.array([[1e30, 0, -np.inf], [-np.inf, -1e30, -1e30], [np.nan, 0, 0]], np.float32)
    y = np.empty_like(x)
    softmax.softmax(x, y)
    np.testing.assert_allclose(y[:2], [[1, 0, 0], [0, 0.5, 0.5]])
    assert np.isnan(y[2]).all()


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sparse_softmax_loss(shape, dtype, tolerance):
    rows, columns = shape
    x = draw(shape, dtype)[0]
    labels = np.random.default_rng(1).integers(0, columns, rows)
    p, loss, dx = np.empty_like(x), np.empty(rows, dtype), np.empty_like(x)
    softmax.sparse_softmax_loss(x, labels, -100, p, loss)
    exact = exact_softmax(x)
    expected = -np.log(exact[np.arange(rows), labels])
    np.testing.assert_allclose(loss, expected, rtol=tolerance, atol=10 * tolerance)
    np.testing.assert_allclose(p, exact, rtol=tolerance, atol=1e-30)
    dloss = np.linspace(0.5, 2, rows).astype(dtype)
    softmax.sparse_softmax_loss_grad(p, labels, -100, dloss, dx)
    expected = dloss[:, None] * (exact - np.eye(columns)[labels])
    np.testing.assert_allclose(dx, expected, atol=2 * tolerance)


def test_sparse_labels_ignored_and_out_of_range():
    x = draw((4, 3), "float64")[0]
    labels = np.array([1, -1, 3, 2])
    p, loss, dx = np.empty_like(x), np.empty(4), np.empty_like(x)
    softmax.sparse_softmax_loss(x, labels, -1, p, loss)
    assert np.isfinite(loss[[0, 3]]).all()
    assert loss[1] == 0
    assert np.isnan(loss[2])
    softmax.sparse_softmax_loss_grad(p, labels, -1, np.ones(4), dx)
    assert (dx[1] == 0).all()


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_loss(shape, smoothing, dtype, tolerance):
    x = draw(shape, dtype)[0]
    target = np.random.default_rng(2).uniform(size=shape).astype(dtype)
    p, loss, dx = np.empty_like(x), np.empty(shape[0], dtype), np.empty_like(x)
    softmax.softmax_loss(x, target, smoothing, p, loss)
    goal, exact = target * (1 - smoothing) + smoothing / shape[1], exact_softmax(x)
    np.testing.assert_allclose(loss, -(goal * np.log(exact)).sum(-1), rtol=10 * tolerance, atol=tolerance)
    dloss = np.linspace(0.5, 2, shape[0]).astype(dtype)
    softmax.softmax_loss_grad(p, target, smoothing, dloss, dx)
    expected = dloss[:, None] * (goal.sum(-1, keepdims=True) * exact - goal)
    np.testing.assert_allclose(dx, expected, atol=30 * tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_sparsemax(shape, dtype, tolerance):
    """Positive where x lies above a threshold, by which it sums to 1; from far away as well."""
    x, dy = draw(shape, dtype, 0.7)
    y, moved, dx = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    sparsemax.sparsemax(x, y)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=5 * tolerance)
    threshold = (x - y)[y > 0]
    rows = np.nonzero(y)[0]
    np.testing.assert_allclose(
        threshold, np.array([threshold[rows == r][0] for r in rows]), atol=5 * tolerance
    )
    for r in range(len(x)):
        assert (x[r][y[r] == 0] <= (x[r] - y[r])[y[r] > 0].max(initial=-np.inf) + tolerance).all()
    sparsemax.sparsemax(x + x.dtype.type(1024), moved)
    np.testing.assert_allclose(moved, y, atol=1e-4 if dtype == "float32" else 1e-12)
    sparsemax.sparsemax_grad(y, dy, dx)
    on = y > 0
    mean = (dy * on).sum(-1, keepdims=True) / on.sum(-1, keepdims=True)
    np.testing.assert_allclose(dx, np.where(on, dy - mean, 0), atol=5 * tolerance)


def test_sparsemax_of_extremes():
    x = np.array([[1e30, 0, -np.inf], [2, 2, 2], [-np.inf, -3, -3], [np.nan, 0, 0]], np.float32)
    y = np.empty_like(x)
    sparsemax.sparsemax(x, y)
    np.testing.assert_allclose(y[:3], [[1, 0, 0], [1 / 3] * 3, [0, 0.5, 0.5]], rtol=1e-6)
    assert np.isnan(y[3]).all()
