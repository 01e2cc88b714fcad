"""Rows of losses against their formulas in Python and in NumPy, gradients against central differences."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import losses
from nnctl.ops.formula import Formula
from tests.kernels.formulas import of_losses

EPS = 1e-7
DTYPES = [("float32", 2e-6), ("float64", 1e-12)]


FORMULAS = of_losses()


def probabilities(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.05, 0.95, (2, *shape))


def rows(x, y, term, divisor=1.0):
    loss = np.empty(x.shape[0], x.dtype)
    work = np.empty_like(x)
    losses.term_rows(term.function)(x, y, term.typed(x.dtype), x.dtype.type(divisor), work, loss)
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
@pytest.mark.parametrize("name", FORMULAS)
def test_rows(name, shape, dtype, tolerance):
    term, _ = FORMULAS[name]
    x, y = probabilities(shape).astype(dtype)
    each = [[term.function(float(b), float(a), *term.numbers) for a, b in zip(*r, strict=True)]
            for r in zip(x, y, strict=True)]  # fmt: skip
    got = rows(x, y, term, shape[1])
    np.testing.assert_allclose(got, np.mean(each, -1), rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("name", FORMULAS)
def test_gradients(name):
    """Where probabilities are clipped, too; not where there is no loss."""
    term, slope = FORMULAS[name]
    x, y = probabilities((4, 7))
    x[0] += [-1, 0, 1, 0, -1, 1, 0]
    dloss, dx = np.linspace(0.5, 2, 4), np.empty_like(x)
    losses.term_rows_grad(slope.function)(x, y, slope.typed(x.dtype), 7.0, dloss, dx)
    expected = dloss[:, None] * slopes(lambda v: rows(v, y, term, 7.0), x)
    known = np.isfinite(expected)
    assert known.sum() > 6
    np.testing.assert_allclose(dx[known], expected[known], rtol=1e-6, atol=1e-7)


def test_clipped_probabilities_have_no_slope():
    x, y = np.array([[0.0, 1.0, 0.5]]), np.array([[1.0, 1.0, 1.0]])
    dx = np.empty_like(x)
    term, slope = FORMULAS["of_probability"]
    losses.term_rows_grad(slope.function)(x, y, (0.0,), 3.0, np.ones(1), dx)
    np.testing.assert_allclose(dx, [[0, 0, -2 / 3]])
    expected = -np.log([EPS, 1 - EPS, 0.5]).mean()
    np.testing.assert_allclose(rows(x, y, Formula(term.function, (0.0,)), 3.0), [expected])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 3e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_logits(smoothing, dtype, tolerance):
    """Against the cross-entropy of the sigmoid; far from 0 nothing overflows."""
    x = np.random.default_rng(2).normal(size=(5, 3), scale=3).astype(dtype)
    target = np.random.default_rng(2).integers(0, 2, (5, 3)).astype(dtype)
    p, goal = 1 / (1 + np.exp(-x.astype(float))), target * (1 - smoothing) + smoothing / 2
    expected = -(goal * np.log(p) + (1 - goal) * np.log1p(-p)).sum(-1)
    term = Formula(FORMULAS["of_logit"][0].function, (smoothing,))
    np.testing.assert_allclose(rows(x, target, term), expected, rtol=3 * tolerance, atol=1e-9)
    far = np.array([[1e4], [-1e4]], dtype)
    np.testing.assert_array_equal(rows(far, np.ones_like(far), Formula(term.function, (0.0,))), [0, 1e4])


@pytest.mark.parametrize(
    ("labels", "signed"),
    [([0, 1, 1, 0], [-1, 1, 1, -1]), ([-1, 1, -1], [-1, 1, -1]), ([1, 1], [1, 1]), ([0, 2], [0, 2]), ([], [])],
)  # fmt: skip
def test_signed_labels(labels, signed):
    out = np.empty(len(labels), np.float32)
    losses.signed_labels(np.array(labels, np.float32), out)
    assert out.tolist() == signed


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
