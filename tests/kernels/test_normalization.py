"""Batch and layer normalisation against NumPy in float64; gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import batch_norm, layer_norm, normalization
from nnctl.ops.activation import one, rectified, rectified_slope, same

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
            arguments = (x, mean, variance, EPSILON, gamma, use_gamma, beta, use_beta, ())
            getattr(batch_norm, form)(same)(*arguments, np.empty_like(gamma), y)
            np.testing.assert_allclose(y, expected, atol=20 * tolerance)
            getattr(batch_norm, form)(rectified)(*arguments, np.empty_like(gamma), y)
            np.testing.assert_allclose(y, np.maximum(expected, 0), atol=20 * tolerance)


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


def twice(x: float, factor: float) -> float:
    """A slope with a number."""
    return factor * x


def sums_of(form, formulas, numbers, x, dy, statistics, gamma, use_gamma, beta, use_beta):
    """dgamma, dbeta by a kernel; scratch starts as NaN."""
    rows, columns = x.shape
    work, terms = scratch(rows, columns, x.dtype), np.full((2, columns), np.nan, x.dtype)
    work[:] = np.nan
    dgamma, dbeta = np.full((2, columns), np.nan, x.dtype)
    given = (*statistics, EPSILON, gamma, use_gamma, beta, use_beta, *numbers)
    getattr(batch_norm, form)(*formulas)(x, dy, *given, work, terms, dgamma, dbeta)
    return dgamma, dbeta


SLOPES = {
    "linear": ((one,), ((), ()), lambda n: np.ones_like(n)),
    "of the normalized": ((twice,), ((), (3.0,)), lambda n: 3 * n),
    "of the output": ((rectified, rectified_slope), ((), ()), lambda n: (n > 0) * 1.0),
    "of the output, with numbers": ((twice, twice), ((2.0,), (3.0,)), lambda n: 6 * n),
}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize(("use_gamma", "use_beta"), [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("rows", [1, 13, 300])
def test_batch_norm_gradient(rows, use_gamma, use_beta, slope):
    """Beside the gradient of what is normalized only, for which the activation's slope is applied before."""
    formulas, numbers, of_normal = SLOPES[slope]
    x, dy, gamma, beta = draw((rows, 5), "float64")
    everything, factor = np.ones(rows, bool), gamma if use_gamma else np.ones(5)
    mean, variance = np.empty((2, 5))
    normalization.batch_statistics(x, scratch(rows, 5, "float64"), mean, variance)
    normal = batch_norm_oracle(x, factor, everything) + (beta if use_beta else 0)
    dn = dy * of_normal(normal)
    xhat = batch_norm_oracle(x, 1, everything)
    parameters = (gamma, use_gamma, beta, use_beta)
    for form in ("", "_parallel"):
        made = sums_of(f"batch_norm_sums{form}", formulas, numbers, x, dy, (mean, variance), *parameters)
        np.testing.assert_allclose(made[0], (dn * xhat).sum(0), atol=1e-9)
        np.testing.assert_allclose(made[1], dn.sum(0), atol=1e-9)
        dx, terms = np.full_like(x, np.nan), np.full((5, 5), np.nan)
        given = (mean, variance, EPSILON, *parameters, *numbers, *made, terms[:2], terms[2:], dx)
        getattr(batch_norm, f"batch_norm_grad{form}")(*formulas)(x, dy, *given)
        centered = dn - dn.mean(0) - xhat * (dn * xhat).mean(0)
        np.testing.assert_allclose(dx, centered * factor / np.sqrt(variance + EPSILON), atol=1e-7)
    if rows == 13:
        expected = differences(lambda v: batch_norm_oracle(v, factor, everything), x, dn)
        np.testing.assert_allclose(dx, expected, atol=1e-7)


def test_frozen_batch_norm_gradient():
    _, dy, gamma, _ = draw((13, 5), "float64")
    variance, dx = np.linspace(0.1, 2, 5), np.empty_like(dy)
    for use_gamma in (0, 1):
        normalization.frozen_batch_norm_grad(dy, variance, EPSILON, gamma, use_gamma, np.empty(5), dx)
        np.testing.assert_allclose(dx, dy * (gamma if use_gamma else 1) / np.sqrt(variance + EPSILON))


def test_masked_batch_norm():
    x, dy, gamma, _ = draw((13, 5), "float64")
    mask = np.arange(13) % 3 > 0
    mean, variance = np.empty((2, 5))
    count, dx = np.empty(1), np.empty_like(x)
    normalization.masked_statistics(x, mask, count, mean, variance)
    np.testing.assert_allclose(mean, x[mask].mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, x[mask].var(0), rtol=1e-6)
    dgamma, dbeta = sums_of("batch_norm_sums", (one,), ((), ()), x, dy, (mean, variance), gamma, 1, gamma, 0)
    tail = (mean, variance, EPSILON, gamma, 1, dgamma, dbeta, np.empty((3, 5)), dx)
    normalization.masked_batch_norm_grad(x, dy, mask, count, *tail)
    expected = differences(lambda v: batch_norm_oracle(v, gamma, mask), x, dy)
    np.testing.assert_allclose(dx, expected, atol=1e-5)


@pytest.mark.parametrize("formulas", [(one,), (rectified, rectified_slope)])
def test_parallel_sums_have_the_same_bits(formulas):
    x, dy, gamma, beta = draw((1000, 7), "float32")
    results = []
    for form in ("batch_norm_sums", "batch_norm_sums_parallel"):
        made = sums_of(form, formulas, ((), ()), x, dy, (x.mean(0), x.var(0)), gamma, 1, beta, 1)
        results.append(np.concatenate(made))
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
