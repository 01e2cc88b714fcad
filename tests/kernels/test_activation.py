"""Activation kernels against NumPy formulas; gradients against central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.kernels import activation, codes

erf = np.vectorize(math.erf, otypes=[float])
ALPHA, SCALE = codes.SELU_ALPHA, codes.SELU_SCALE
ORACLES = {
    "linear": lambda x, a: x,
    "relu": lambda x, a: np.maximum(x, 0),
    "sigmoid": lambda x, a: 1 / (1 + np.exp(-x)),
    "tanh": lambda x, a: np.tanh(x),
    "leaky_relu": lambda x, a: np.where(x > 0, x, a * x),
    "elu": lambda x, a: np.where(x > 0, x, a * np.expm1(x)),
    "selu": lambda x, a: SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)),
    "hard_sigmoid": lambda x, a: np.clip(x / 6 + 0.5, 0, 1),
    "softplus": lambda x, a: np.log1p(np.exp(x)),
    "softsign": lambda x, a: x / (1 + abs(x)),
    "silu": lambda x, a: x / (1 + np.exp(-x)),
    "gelu": lambda x, a: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "gelu_tanh": lambda x, a: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "exponential": lambda x, a: np.exp(x),
}


def parameters(name):
    return (0.0, np.inf, 0.0) if name == "relu" else (0.3, np.inf, 0.0)


def forward(name, x, form="activation"):
    y = np.empty_like(x)
    getattr(activation, form)(x, codes.ACTIVATION_CODES[name], *parameters(name), y)
    return y


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("name", codes.ACTIVATION_CODES)
def test_forward(name, dtype, tolerance):
    x = np.random.default_rng(1).normal(scale=3, size=1003).astype(dtype)
    expected = ORACLES[name](x.astype(float), 0.3)
    np.testing.assert_allclose(forward(name, x), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", codes.ACTIVATION_CODES)
def test_gradient_from_input_or_output(name):
    rng = np.random.default_rng(2)
    x, dy = rng.normal(scale=2, size=(2, 507))
    code, h = codes.ACTIVATION_CODES[name], 1e-6
    v = x if code in codes.NEEDS_INPUT else forward(name, x)
    dx = np.empty_like(x)
    activation.activation_grad(v, dy, code, *parameters(name), dx)
    slope = (ORACLES[name](x + h, 0.3) - ORACLES[name](x - h, 0.3)) / (2 * h)
    np.testing.assert_allclose(dx, dy * slope, rtol=1e-7, atol=1e-8)


def test_relu_with_everything():
    x = np.array([-3.0, 0.5, 1.0, 1.5, 5.9, 6.0, 7.0, np.nan])
    y, dx = np.empty(8), np.empty(8)
    activation.activation(x, codes.RELU, 0.1, 6.0, 1.0, y)
    np.testing.assert_allclose(y, [-0.4, -0.05, 0, 1.5, 5.9, 6, 6, np.nan])
    activation.activation_grad(x, np.ones(8), codes.RELU, 0.1, 6.0, 1.0, dx)
    np.testing.assert_allclose(dx[:7], [0.1, 0.1, 0.1, 1, 1, 0, 0])


@pytest.mark.parametrize("name", codes.ACTIVATION_CODES)
@pytest.mark.parametrize("size", [0, 1, 16384, 40001])
def test_parallel_and_in_place_give_the_same_bits(name, size):
    x = np.random.default_rng(3).normal(size=size).astype(np.float32)
    plain = forward(name, x)
    np.testing.assert_array_equal(forward(name, x, "activation_parallel"), plain)
    activation.activation(x, codes.ACTIVATION_CODES[name], *parameters(name), x)
    np.testing.assert_array_equal(x, plain)
    dx, dx_parallel = np.empty_like(x), np.empty_like(x)
    arguments = (plain, x, codes.ACTIVATION_CODES[name], *parameters(name))
    activation.activation_grad(*arguments, dx)
    activation.activation_grad_parallel(*arguments, dx_parallel)
    np.testing.assert_array_equal(dx, dx_parallel)
