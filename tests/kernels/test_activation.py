"""Kernels made of every activation's formulas: against the formula in Python, and the same bits in any form."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from nnctl.kernels import activation
from nnctl.kernels.jit import kernel
from nnctl.kernels.ranges import even_count, even_range
from nnctl.ops.activation import RELU, Activation
from nnctl.ops.formula import Formula
from tests.kernels.formulas import of_activations

FORMULAS = of_activations()


def value(formula: Formula, x, form="activation"):
    y = np.empty_like(x)
    getattr(activation, form)(formula.function)(x, formula.typed(x.dtype), y)
    return y


def slope(formula: Formula, v, dy, form="activation_grad"):
    dx = np.empty_like(v)
    getattr(activation, form)(formula.function)(v, dy, formula.typed(v.dtype), dx)
    return dx


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-14)])
@pytest.mark.parametrize("name", FORMULAS)
def test_as_in_python(name, dtype, tolerance):
    formula = FORMULAS[name]
    x = np.random.default_rng(1).normal(scale=3, size=1003).astype(dtype)
    want = [formula.function(float(v), *formula.numbers) for v in x]
    if "slope" in name:
        dy = np.linspace(-2, 2, 1003).astype(dtype)
        np.testing.assert_allclose(slope(formula, x, dy), want * dy, rtol=tolerance, atol=9 * tolerance)
    else:
        np.testing.assert_allclose(value(formula, x), want, rtol=tolerance, atol=3 * tolerance)


@pytest.mark.parametrize("name", ["silu.value", "leaky_relu.slope", "rectified"])
@pytest.mark.parametrize("size", [0, 1, 16384, 40001])
def test_parallel_and_in_place_give_the_same_bits(name, size):
    formula = FORMULAS[name]
    x, dy = np.random.default_rng(3).normal(size=(2, size)).astype(np.float32)
    plain, gradient = value(formula, x), slope(formula, x, dy)
    assert value(formula, x, "activation_parallel").tobytes() == plain.tobytes()
    assert slope(formula, x, dy, "activation_grad_parallel").tobytes() == gradient.tobytes()
    activation.activation_grad(formula.function)(x, dy, formula.typed(x.dtype), dy)
    assert dy.tobytes() == gradient.tobytes()
    activation.activation(formula.function)(x, formula.typed(x.dtype), x)
    assert x.tobytes() == plain.tobytes()


@kernel
def list_parts(n, parts):
    for part in range(even_count(n)):
        lo, hi = even_range(n, part)
        parts[part, 0], parts[part, 1] = lo, hi


@pytest.mark.parametrize("n", [0, 1, 64, 4096, 4097, 19712, 40001])
def test_parts_are_nearly_equal(n):
    parts = np.full((n + 1, 2), -1, np.int64)
    list_parts(n, parts)
    parts = [(lo, hi) for lo, hi in parts if lo >= 0]
    assert len(parts) == -(-n // 4096)
    assert [i for lo, hi in parts for i in range(lo, hi)] == list(range(n))
    assert all(lo % 64 == 0 for lo, _ in parts)
    lengths = [int(hi - lo) for lo, hi in parts]
    assert max(lengths, default=0) <= 4096
    assert max(lengths, default=0) - min(lengths, default=0) <= 2 * 64


def test_what_calls_functions_is_shared_out_early():
    x = Formula(FORMULAS["tanh"].function)
    assert x.calls
    assert not RELU.value.calls
    arrays = [np.zeros(1 << 13, "float32")] * 2
    assert Activation(x, x).calls(arrays[:1], arrays[1:], arrays[0], 2)[0].kernel.endswith("_parallel")
    assert not RELU.calls(arrays[:1], arrays[1:], arrays[0], 2)[0].kernel.endswith("_parallel")


@pytest.mark.parametrize("form", ["value_and_slope", "value_and_slope_parallel"])
@pytest.mark.parametrize("size", [0, 1, 40001])
def test_value_and_slope_together_have_the_bits_of_each(form, size):
    f, g = FORMULAS["by_erf"], FORMULAS["by_erf_slope"]
    x = np.random.default_rng(4).normal(scale=2, size=size).astype(np.float32)
    want_y, want_s = value(f, x), slope(g, x, np.ones_like(x))
    y, both = np.empty_like(x), getattr(activation, form)(f.function, g.function)
    both(x, f.typed(x.dtype), g.typed(x.dtype), y, x)
    assert y.tobytes() == want_y.tobytes()
    assert x.tobytes() == want_s.tobytes()


def test_relu_at_the_ends():
    x = np.array([-inf, -3.0, -0.0, 0.0, 2.0, inf, np.nan])
    np.testing.assert_array_equal(value(RELU.value, x), [0, 0, 0, 0, 2, inf, np.nan])
