"""exp, log, tanh, erf ... against NumPy in a wider type, over every kind of float."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.kernels.angle import angles
from nnctl.kernels.jit import inline, kernel
from nnctl.kernels.mathfn import exp, exp_negative, expm1, log, log1p, power_int, sigmoid, softplus, tanh
from nnctl.kernels.special import erf, erfinv_central, power, sincos_turns

SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 88.8, -87.4, -103.9, 710.0, -745.1]


@inline
def sine(x):
    return sincos_turns(x)[0]


@inline
def cosine(x):
    return sincos_turns(x)[1]


def over_arrays(function):
    """A kernel that maps `function` over a flat array."""

    def loop(x, y):
        for i in range(x.shape[0]):
            y[i] = function(x[i])

    loop.__name__ = loop.__qualname__ = f"loop_{function.__name__}"
    return kernel(loop)


def stable_sigmoid(x):
    return np.where(x < 0, np.exp(-abs(x)), 1) / (1 + np.exp(-abs(x)))


def stable_softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))


FUNCTIONS = {
    "exp": (exp, np.exp),
    "expm1": (expm1, np.expm1),
    "log": (log, np.log),
    "log1p": (log1p, np.log1p),
    "tanh": (tanh, np.tanh),
    "sigmoid": (sigmoid, stable_sigmoid),
    "softplus": (softplus, stable_softplus),
    "erf": (erf, lambda x: np.array([math.nan if v != v else math.erf(v) for v in x])),
}


def ulps(y, reference):
    """The error of y in units of its last place, 0 where both are equal or NaN."""
    with np.errstate(all="ignore"):
        rounded = reference.astype(y.dtype)
        error = np.abs(y - reference) / np.spacing(np.abs(rounded))
        return np.where((y == rounded) | (np.isnan(y) & np.isnan(rounded)), 0, error)


def apply(function, x):
    y = np.empty_like(x)
    over_arrays(function)(x, y)
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_over_all_bit_patterns(name):
    function, oracle = FUNCTIONS[name]
    stride = 300_007 if name == "erf" else 9_973
    bits = np.arange(0, 2**32, stride, dtype=np.uint64).astype(np.uint32)
    x = np.concatenate([bits.view(np.float32), np.float32(SPECIAL)])
    with np.errstate(all="ignore"):
        reference = oracle(x.astype(np.float64))
    assert ulps(apply(function, x), reference).max() <= 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_over_all_exponents(name):
    function, oracle = FUNCTIONS[name]
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**64, 20_000, dtype=np.uint64)
    near = rng.normal(size=20_000) * 10.0 ** rng.uniform(-12, 3, 20_000)
    x = np.concatenate([bits.view(np.float64), near, SPECIAL, [5e-324, 1e-310, 1e308]])
    if name == "erf":
        x = x[::20]
        reference, allowed = oracle(x), 2.0
    else:
        with np.errstate(all="ignore"):
            reference, allowed = oracle(x.astype(np.longdouble)), 2.0
    error = ulps(apply(function, x), reference)
    assert error.max() <= allowed, x[error.argmax()]


@pytest.mark.parametrize(("dtype", "lowest"), [(np.float32, -110.0), (np.float64, -760.0)])
def test_exp_of_negative_numbers_has_the_bits_of_exp(dtype, lowest):
    """Through subnormal results to 0."""
    x = np.concatenate([np.linspace(lowest, 0, 400_003), [-np.inf, np.nan, -0.0, -1e-30, -1e30]]).astype(
        dtype
    )
    np.testing.assert_array_equal(apply(exp_negative, x), apply(exp, x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_turns(dtype):
    x = np.linspace(-2, 2, 30_011).astype(dtype)
    exact = 2 * np.arccos(np.longdouble(-1)) * x
    tolerance = 2 * np.finfo(dtype).eps
    np.testing.assert_allclose(apply(sine, x), np.sin(exact).astype(float), atol=tolerance, rtol=0)
    np.testing.assert_allclose(apply(cosine, x), np.cos(exact).astype(float), atol=tolerance, rtol=0)


def test_turns_are_exact_at_quarters():
    x = np.array([0, 0.25, 0.5, 0.75, 1, -0.25])
    np.testing.assert_array_equal(apply(sine, x), [0, 1, 0, -1, 0, -1])
    np.testing.assert_array_equal(apply(cosine, x), [1, 0, -1, 0, 1, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_erfinv_undoes_erf(dtype):
    z = np.linspace(-np.sqrt(2), np.sqrt(2), 2_001)
    x = np.array([math.erf(v) for v in z])
    rounding = np.finfo(dtype).eps * np.abs(x) * np.sqrt(np.pi) / 2 * np.exp(z * z)
    error = np.abs(apply(erfinv_central, x.astype(dtype)) - z)
    assert (error <= 2 * rounding + 2 * np.finfo(dtype).eps * np.abs(z)).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1.3e-7), ("float64", 3e-14)])
def test_powers(dtype, tolerance):
    @kernel
    def powers(x, y, z):
        for i in range(x.shape[0]):
            z[i] = power(x[i], y[i])

    rng = np.random.default_rng(0)
    special = [0.0, 1.0, 2.0, -2.0, -0.5, 0.5, np.inf, np.nan, 3.0, -3.0]
    x, y = np.array(np.meshgrid(special, special)).reshape(2, -1)
    x, y = np.append(x, 10 ** rng.uniform(-9, 9, 5000)), np.append(y, rng.uniform(-4, 4, 5000))
    x, y = x.astype(dtype), y.astype(dtype)
    z = np.empty_like(x)
    powers(x, y, z)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(z, np.power(x, y), rtol=tolerance)


def test_integer_powers():
    @kernel
    def powers(x, n, y):
        for i in range(x.shape[0]):
            y[i] = power_int(x[i], n[i])

    x, n = np.array([0.9, 0.999, 3.0, 0.5]), np.array([1, 1000, 0, 7])
    y = np.empty(4)
    powers(x, n, y)
    np.testing.assert_allclose(y, x**n, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_angles(dtype):
    """In all directions, and wherever either number is 0, infinite, tiny, huge or none."""
    rng = np.random.default_rng(0)
    corners = np.array([0.0, -0.0, 1, -1, 1e-45, -1e-40, 1e-310, np.inf, -np.inf, np.nan, 3e38, -1.7e308])
    with np.errstate(over="ignore"):
        pairs = np.array([(y, x) for y in corners for x in corners]).astype(dtype)
        drawn = (rng.standard_normal((60_000, 2)) * 10.0 ** rng.uniform(-3, 3, (60_000, 2))).astype(dtype)
    grid = np.array([(y, x) for y in range(-9, 10) for x in range(-9, 10)], dtype)
    y, x = np.ascontiguousarray(np.concatenate([pairs, drawn, grid]).T)
    found = np.empty_like(x)
    angles(y, x, found)
    wider = np.float64 if dtype == np.float32 else np.longdouble
    reference = np.arctan2(y.astype(wider), x.astype(wider))
    assert ulps(found, reference).max() <= 2
    np.testing.assert_array_equal(
        np.signbit(found)[~np.isnan(found)], np.signbit(reference)[~np.isnan(found)]
    )
