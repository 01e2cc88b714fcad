"""Batch and layer normalisation against NumPy in float64; gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import layer_norm, normalization

EPSILON = 1e-3
SHAPES = [(1, 3), (5, 1), (7, 37), (256, 4), (600, 5)]


def draw(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape, loc=100.0).astype(dtype)
    dy = rng.normal(size=shape).astype(dtype)
    gamma, beta = rng.uniform(0.5, 2, (2, shape[1])).astype(dtype)
    return x, dy, gamma, beta


def scratch(rows, columns, dtype):
    return np.empty((normalization.statistics_scratch(rows, columns) // columns, columns), dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("float64", 1e-11)])
@pytest.mark.parametrize("shape", SHAPES)
def test_batch_norm_forward(shape, dtype, tolerance):
    x, _, gamma, beta = draw(shape, dtype)
    exact = x.astype(float)
    mean, variance, work = np.empty_like(gamma), np.empty_like(gamma), scratch(*shape, dtype)
    for form in ("batch_statistics", "batch_statistics_parallel"):
        getattr(normalization, form)(x, work, mean, variance)
        np.testing.assert_allclose(mean, exact.mean(0), rtol=tolerance)
        np.testing.assert_allclose(variance, exact.var(0), rtol=tolerance, atol=tolerance)
    normal = (exact - exact.mean(0)) / np.sqrt(exact.var(0) + EPSILON)
    for use_gamma, use_beta in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        expected = normal * (gamma if use_gamma else 1) + (beta if use_beta else 0)
        for form in ("batch_norm", "batch_norm_parallel"):
            y = np.empty_like(x)
            arguments = (x, mean, variance, EPSILON, gamma, use_gamma, beta, use_beta)
            getattr(normalization, form)(*arguments, np.empty_like(gamma), y)
            np.testing.assert_allclose(y, expected, atol=20 * tolerance)


def batch_norm_oracle(x, gamma, mask):
    chosen = x[mask]
    mean, variance = chosen.mean(0), chosen.var(0)
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma


def differences(function, x, dy, h=1e-5):
    out = np.empty_like(x)
    for at in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[at] += h
        down[at] -= h
        out[at] = ((function(up) - function(down)) * dy).sum() / (2 * h)
    return out


@pytest.mark.parametrize("use_gamma", [0, 1])
def test_batch_norm_gradient(use_gamma):
    x, dy, gamma, _ = draw((13, 5), "float64")
    everything, factor = np.ones(13, bool), gamma if use_gamma else np.ones(5)
    mean, variance, dgamma, dbeta = np.empty((4, 5))
    work, dx = scratch(13, 5, "float64"), np.empty_like(x)
    normalization.batch_statistics(x, work, mean, variance)
    normalization.batch_norm_sums(x, dy, mean, variance, EPSILON, work, dgamma, dbeta)
    np.testing.assert_allclose(dbeta, dy.sum(0))
    np.testing.assert_allclose(dgamma, (dy * batch_norm_oracle(x, 1, everything)).sum(0), atol=1e-9)
    expected = differences(lambda v: batch_norm_oracle(v, factor, everything), x, dy)
    tail = (mean, variance, EPSILON, gamma, use_gamma, dgamma, dbeta, np.empty((3, 5)), dx)
    normalization.batch_norm_grad(x, dy, *tail)
    np.testing.assert_allclose(dx, expected, atol=1e-7)
    normalization.batch_norm_grad_parallel(x, dy, *tail)
    np.testing.assert_allclose(dx, expected, atol=1e-7)
    normalization.frozen_batch_norm_grad(dy, variance, EPSILON, gamma, use_gamma, np.empty(5), dx)
    np.testing.assert_allclose(dx, dy * factor / np.sqrt(variance + EPSILON))


def test_masked_batch_norm():
    x, dy, gamma, _ = draw((13, 5), "float64")
    mask = np.arange(13) % 3 > 0
    mean, variance, dgamma, dbeta = np.empty((4, 5))
    count, dx = np.empty(1), np.empty_like(x)
    normalization.masked_statistics(x, mask, count, mean, variance)
    np.testing.assert_allclose(mean, x[mask].mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, x[mask].var(0), rtol=1e-6)
    work = scratch(13, 5, "float64")
    normalization.batch_norm_sums(x, dy, mean, variance, EPSILON, work, dgamma, dbeta)
    tail = (mean, variance, EPSILON, gamma, 1, dgamma, dbeta, np.empty((3, 5)), dx)
    normalization.masked_batch_norm_grad(x, dy, mask, count, *tail)
    expected = differences(lambda v: batch_norm_oracle(v, gamma, mask), x, dy)
    np.testing.assert_allclose(dx, expected, atol=1e-5)


def test_parallel_sums_have_the_same_bits():
    x, dy, _gamma, _ = draw((1000, 7), "float32")
    mean, variance, work = x.mean(0), x.var(0), scratch(1000, 7, "float32")
    results = []
    for form in ("batch_norm_sums", "batch_norm_sums_parallel"):
        dgamma, dbeta = np.empty((2, 7), np.float32)
        getattr(normalization, form)(x, dy, mean, variance, EPSILON, work, dgamma, dbeta)
        results.append(np.concatenate([dgamma, dbeta]))
    np.testing.assert_array_equal(*results)


def test_moving_statistics():
    moving, batch = np.array([1.0, 2.0], np.float32), np.array([3.0, -1.0], np.float32)
    normalization.update_moving(batch, 0.99, moving)
    np.testing.assert_allclose(moving, [1.02, 1.97], rtol=1e-6)


def layer_norm_oracle(x, gamma, beta):
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-4), ("float64", 1e-11)])
@pytest.mark.parametrize(("use_gamma", "use_beta"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("shape", SHAPES)
def test_layer_norm_forward(shape, use_gamma, use_beta, dtype, tolerance):
    x, _, gamma, beta = draw(shape, dtype)
    exact = layer_norm_oracle(x.astype(float), gamma if use_gamma else 1, beta if use_beta else 0)
    for form in ("layer_norm", "layer_norm_parallel"):
        mean, inverse, y = np.empty(shape[0], dtype), np.empty(shape[0], dtype), np.empty_like(x)
        getattr(layer_norm, form)(x, EPSILON, gamma, use_gamma, beta, use_beta, mean, inverse, y)
        np.testing.assert_allclose(y, exact, atol=tolerance)


@pytest.mark.parametrize("use_gamma", [0, 1])
@pytest.mark.parametrize("shape", [(3, 5), (4, 35)])
def test_layer_norm_gradient(shape, use_gamma):
    x, dy, gamma, beta = draw(shape, "float64")
    mean, inverse, y, dx = np.empty(shape[0]), np.empty(shape[0]), np.empty_like(x), np.empty_like(x)
    layer_norm.layer_norm(x, EPSILON, gamma, use_gamma, beta, 1, mean, inverse, y)
    factor = gamma if use_gamma else 1
    expected = differences(lambda v: layer_norm_oracle(v, factor, 0), x, dy)
    for form in ("layer_norm_grad", "layer_norm_grad_parallel"):
        getattr(layer_norm, form)(x, dy, mean, inverse, gamma, use_gamma, dx)
        np.testing.assert_allclose(dx, expected, atol=1e-7)
    dgamma, dbeta = np.empty((2, shape[1]))
    for form in ("layer_norm_sums", "layer_norm_sums_parallel"):
        getattr(layer_norm, form)(x, dy, mean, inverse, scratch(*shape, "float64"), dgamma, dbeta)
        np.testing.assert_allclose(dbeta, dy.sum(0))
        np.testing.assert_allclose(dgamma, (dy * layer_norm_oracle(x, 1, 0)).sum(0), atol=1e-9)
