"""Shares against a plain Marsaglia and Tsang and their distributions; orders against a plain shuffle."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.kernels import mixing
from tests.kernels.test_philox import KEY, block, step

COUNT = 9
STEP = (3 << 32) + COUNT


def words(number: int) -> list[int]:
    return [int(word) for word in block([number, 0, COUNT, 3])]


def log_gamma(number: int, alpha: float) -> float:
    d = (alpha if alpha >= 1 else alpha + 1) - 1 / 3
    for attempt in range(31):
        a, b, c = ((word + 0.5) / 2**32 for word in words(32 * number + attempt)[:3])
        x = math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)
        v = 1 + x / math.sqrt(9 * d)
        if v > 0 and math.log(c) < x * x / 2 + d - d * v**3 + d * math.log(v**3):
            break
    low, high, *_ = words(32 * number + 31)
    boost = ((high << 32 | low) >> 11) / 2**53 + 2**-54
    return math.log(d * v**3) + (0 if alpha >= 1 else math.log(boost) / alpha)


def drawn(alpha: float, rows: int, parts: int, dtype: str, number: int = STEP) -> Array:
    y = np.empty((rows, parts), dtype)
    mixing.dirichlet(*KEY, step(number), np.array([alpha], dtype), np.empty(parts), y)
    return y


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_shares_are_gammas_by_their_sum(alpha: float) -> None:
    logs = np.array([log_gamma(number, alpha) for number in range(60)]).reshape(20, 3)
    gammas = np.exp(logs)
    y = drawn(alpha, 20, 3, "float64")
    np.testing.assert_allclose(y, gammas / gammas.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(drawn(alpha, 7, 3, "float64"), y[:7])
    np.testing.assert_array_equal(drawn(alpha, 20, 3, "float32"), y.astype("float32"))


def beta_cdf(x: Array, a: float, b: float) -> Array:
    """I_x(a, b) for b >= 1 or x <= 1/2: the integral of t^(a - 1) (1 - t)^(b - 1), with t = u^(1 / a)."""
    whole = math.gamma(a) * math.gamma(b) / math.gamma(a + b)
    u = np.linspace(0, x**a, 2001)
    area: Array = np.trapezoid((1 - u ** (1 / a)) ** (b - 1), u, axis=0)
    return area / (a * whole)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.5])
def test_distribution(alpha: float) -> None:
    """At every tenth number in order, between which the distribution grows by 0.001."""
    n = 10_000
    grid, limit = ((np.arange(n) + 0.5) / n)[::10], 1.95 / np.sqrt(n)  # Kolmogorov-Smirnov, p = 0.001
    first, second = drawn(alpha, n, 2, "float64", 1).T
    x = np.sort(first)[::10]
    tail = beta_cdf(np.minimum(x, 1 - x), alpha, alpha)
    expected = np.where(x <= 0.5, tail, 1 - tail)
    assert np.abs(expected - grid).max() < limit
    np.testing.assert_allclose(first + second, 1, rtol=1e-15)
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.04
    if 2 * alpha >= 1:
        x = np.sort(drawn(alpha, n, 3, "float32", 2)[:, 2].astype(float))[::10]
        assert np.abs(beta_cdf(x, alpha, 2 * alpha) - grid).max() < limit


def test_shares_of_a_tiny_alpha_are_everything_or_nothing() -> None:
    y = drawn(1e-6, 2000, 2, "float32")
    assert set(np.unique(y)) == {0.0, 1.0}
    assert abs(y[:, 0].mean() - 0.5) < 0.05


def test_orders() -> None:
    y = np.empty(11, np.int64)
    mixing.permutation(*KEY, step(STEP), y)
    expected = list(range(11))
    for i in range(10, 0, -1):
        j = words(i)[0] * (i + 1) >> 32
        expected[i], expected[j] = expected[j], expected[i]
    np.testing.assert_array_equal(y, expected)
    counts = np.zeros((5, 5))
    for number in range(2000):
        mixing.permutation(*KEY, step(number), y[:5])
        counts[np.arange(5), y[:5]] += 1
    assert np.abs(counts - 400).max() < 5 * np.sqrt(400)
