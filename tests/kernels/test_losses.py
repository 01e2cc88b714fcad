"""Losses against NumPy formulas (Keras's), gradients against central differences."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import codes, losses

EPS = 1e-7
DTYPES = [("float32", 2e-6), ("float64", 1e-12)]


def binary_crossentropy(x, y, a):
    p, goal = np.clip(x, EPS, 1 - EPS), y * (1 - a) + a / 2
    return -(goal * np.log(p) + (1 - goal) * np.log(1 - p))


def huber(x, y, a):
    d = abs(x - y)
    return np.where(d <= a, d * d / 2, a * d - a * a / 2)


def log_error(x, y, a):
    return (np.log(np.maximum(x, EPS) + 1) - np.log(np.maximum(y, EPS) + 1)) ** 2


def divergence(x, y, a):
    x, y = np.clip(x, EPS, 1), np.clip(y, EPS, 1)
    return y * np.log(y / x) * x.shape[1]


TERMS = {
    "SQUARED_ERROR": lambda x, y, a: (x - y) ** 2,
    "ABSOLUTE_ERROR": lambda x, y, a: abs(x - y),
    "ABSOLUTE_PERCENTAGE_ERROR": lambda x, y, a: 100 * abs((y - x) / np.maximum(abs(y), EPS)),
    "SQUARED_LOGARITHMIC_ERROR": log_error,
    "HUBER": huber,
    "HINGE": lambda x, y, a: np.maximum(1 - y * x, 0),
    "SQUARED_HINGE": lambda x, y, a: np.maximum(1 - y * x, 0) ** 2,
    "BINARY_CROSSENTROPY": binary_crossentropy,
    "KL_DIVERGENCE": divergence,
}


def probabilities(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, (2, *shape))


def rows(x, y, code, a=0.4, form=0):
    loss = np.empty(x.shape[0], x.dtype)
    losses.loss_rows(x, y, code, a, np.array([form]), np.empty_like(x), loss)
    return loss


def slopes(function, x, h=1e-6):
    """Central differences of a loss whose rows do not mix."""
    out = np.empty_like(x)
    for c in range(x.shape[1]):
        up, down = x.copy(), x.copy()
        up[:, c] += h
        down[:, c] -= h
        out[:, c] = (function(up) - function(down)) / (2 * h)
    return out


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 35)])
@pytest.mark.parametrize("name", TERMS)
def test_rows(name, shape, dtype, tolerance):
    x, y = probabilities(shape).astype(dtype)
    expected = TERMS[name](x.astype(float), y.astype(float), 0.4).mean(-1)
    got = rows(x, y, getattr(codes, name))
    np.testing.assert_allclose(got, expected, rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("form", [0, 1])
@pytest.mark.parametrize("name", TERMS)
def test_gradients(name, form):
    code = getattr(codes, name)
    x, y = probabilities((4, 7))
    dloss, dx = np.linspace(0.5, 2, 4), np.empty_like(x)
    losses.loss_rows_grad(x, y, code, 0.4, np.array([form]), dloss, dx)
    expected = dloss[:, None] * slopes(lambda v: rows(v, y, code, form=form), x)
    np.testing.assert_allclose(dx, expected, rtol=1e-6, atol=1e-7)


def test_clipped_probabilities_have_no_slope():
    x, y = np.array([[0.0, 1.0, 0.5]]), np.array([[1.0, 1.0, 1.0]])
    dx = np.empty_like(x)
    losses.loss_rows_grad(x, y, codes.BINARY_CROSSENTROPY, 0.0, np.zeros(1, int), np.ones(1), dx)
    np.testing.assert_allclose(dx, [[0, 0, -2 / 3]])
    expected = -np.log([EPS, 1 - EPS, 0.5]).mean()
    np.testing.assert_allclose(rows(x, y, codes.BINARY_CROSSENTROPY, 0.0), [expected])


@pytest.mark.parametrize(
    ("labels", "form"), [([0, 1, 1, 0], 1), ([-1, 1, 1, -1], 0), ([1, 1], 1), ([0, 2], 0)]
)
def test_hinge_form(labels, form):
    out = np.empty(1, np.int64)
    losses.hinge_form(np.array(labels, np.float32), out)
    assert out[0] == form


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_categorical_crossentropy(smoothing):
    x, y = probabilities((5, 6))

    def run(v):
        loss = np.empty(5)
        losses.categorical_crossentropy(v, y, smoothing, np.empty_like(v), loss)
        return loss

    goal = y * (1 - smoothing) + smoothing / 6
    np.testing.assert_allclose(run(x), -(goal * np.log(x / x.sum(-1, keepdims=True))).sum(-1))
    dloss, dx = np.linspace(0.5, 2, 5), np.empty_like(x)
    losses.categorical_crossentropy_grad(x, y, smoothing, dloss, dx)
    np.testing.assert_allclose(dx, dloss[:, None] * slopes(run, x), rtol=1e-6, atol=1e-7)


def test_sparse_crossentropy():
    x, labels = probabilities((5, 6))[0], np.array([0, 5, 2, -1, 3])

    def run(v):
        loss = np.empty(5)
        losses.sparse_crossentropy(v, labels, -1, loss)
        return loss

    expected = -np.log(x[np.arange(5), labels] / x.sum(-1)) * (labels >= 0)
    np.testing.assert_allclose(run(x), expected)
    dloss, dx = np.linspace(0.5, 2, 5), np.empty_like(x)
    losses.sparse_crossentropy_grad(x, labels, -1, dloss, dx)
    np.testing.assert_allclose(dx, dloss[:, None] * slopes(run, x), rtol=1e-6, atol=1e-7)
    losses.sparse_crossentropy(x, np.full(5, 6), -1, dloss)
    assert np.isnan(dloss).all()


def test_categorical_hinge():
    x, y = np.random.default_rng(3).normal(size=(5, 4)), np.eye(4)[[0, 3, 2, 1, 1]]

    def run(v):
        loss = np.empty(5)
        losses.categorical_hinge(v, y, np.empty_like(v), loss)
        return loss

    np.testing.assert_allclose(run(x), np.maximum(((1 - y) * x).max(-1) - (y * x).sum(-1) + 1, 0))
    dloss, dx = np.linspace(0.5, 2, 5), np.empty_like(x)
    losses.categorical_hinge_grad(x, y, dloss, dx)
    np.testing.assert_allclose(dx, dloss[:, None] * slopes(run, x), rtol=1e-6, atol=1e-7)
