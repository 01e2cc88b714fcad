"""Philox against Random123's published known answers; draws against their distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.kernels import draws, dropout
from nnctl.kernels.jit import kernel
from nnctl.kernels.philox import philox

KEY = (0x1234, 0xABCD)

# Random123, tests/kat_vectors: philox4x32 10 rounds: counter, key, result
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@kernel
def one_block(counter, key, words):
    a, b, c, d = philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1])
    words[0], words[1], words[2], words[3] = a, b, c, d


def words_of(text):
    return np.array([int(word, 16) for word in text.split()], np.uint32)


def block(counter, key=KEY):
    out = np.empty(4, np.uint32)
    one_block(np.array(counter, np.uint32), np.array(key, np.uint32), out)
    return out


def step(number):
    return np.array([number], np.uint64)


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
def test_known_answers(counter, key, words):
    np.testing.assert_array_equal(block(words_of(counter), words_of(key)), words_of(words))


def test_numbers_are_the_documented_words():
    single, double = np.empty(7, np.float32), np.empty(5, np.float64)
    number = (3 << 32) + 9
    draws.uniform(*KEY, step(number), 0.0, 1.0, single)
    draws.uniform(*KEY, step(number), 0.0, 1.0, double)
    blocks = np.concatenate([block([j, 0, 9, 3]) for j in range(3)])
    np.testing.assert_array_equal(single, (blocks[:7] >> 8) * np.float32(2**-24))
    pairs = blocks.astype(np.uint64).reshape(-1, 2)
    whole = (pairs[:, 1] << np.uint64(32) | pairs[:, 0]) >> np.uint64(11)
    np.testing.assert_array_equal(double, whole[:5] * 2.0**-53)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["uniform", "normal", "truncated_normal"])
def test_a_number_does_not_depend_on_how_many_are_drawn(kind, dtype):
    long = np.empty(1000, dtype)
    getattr(draws, kind)(*KEY, step(5), -1.0, 2.0, long)
    for size in (1, 2, 3, 37, 38, 39):
        short = np.empty(size, dtype)
        getattr(draws, kind)(*KEY, step(5), -1.0, 2.0, short)
        np.testing.assert_array_equal(short, long[:size])
    other = np.empty(1000, dtype)
    getattr(draws, kind)(*KEY, step(6), -1.0, 2.0, other)
    assert not np.isin(other, long).any()


def normal_cdf(z):
    return np.array([0.5 * (1 + math.erf(v / math.sqrt(2))) for v in z])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype):
    n = 40_000
    y = np.empty(n, dtype)
    grid, limit = (np.arange(n) + 0.5) / n, 1.95 / np.sqrt(n)  # Kolmogorov-Smirnov, p = 0.001

    draws.uniform(*KEY, step(0), -2.0, 3.0, y)
    assert y.min() >= -2
    assert y.max() < 3
    assert np.abs((np.sort(y) + 2) / 5 - grid).max() < limit

    draws.normal(*KEY, step(1), 1.0, 2.0, y)
    assert np.abs(normal_cdf((np.sort(y) - 1) / 2) - grid).max() < limit
    assert abs(np.corrcoef(y[::2], y[1::2])[0, 1]) < 0.03

    draws.truncated_normal(*KEY, step(2), 1.0, 2.0, y)
    z = (np.sort(y) - 1) / 2
    assert np.abs(z).max() <= 2.000001
    low = normal_cdf([-2.0])[0]
    assert np.abs((normal_cdf(z) - low) / (1 - 2 * low) - grid).max() < limit


def test_integers():
    y = np.empty(30_000, np.int64)
    draws.integers(*KEY, step(3), -2, 5, y)
    counts = np.bincount(y + 2, minlength=7)
    assert counts.size == 7
    assert (np.abs(counts - 30_000 / 7) < 5 * np.sqrt(30_000 / 7)).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("size", [1, 3, 40_003])
def test_dropout(size, rate, dtype):
    x = np.random.default_rng(0).normal(size=size).astype(dtype)
    mask, y, y2 = np.empty(size, np.uint8), np.empty_like(x), np.empty_like(x)
    dropout.dropout(x, *KEY, step(7), rate, mask, y)
    words = np.concatenate([block([j, 0, 7, 0]) for j in range(min(-(-size // 4), 50))])[:size]
    np.testing.assert_array_equal(mask[: words.size], words >= rate * 2**32)
    scale = x.dtype.type(1 / (1 - rate) if rate < 1 else 0)
    np.testing.assert_array_equal(y, np.where(mask, x * scale, 0))
    assert abs(mask.mean() - (1 - rate)) < (1 if size < 9 else 0.01)
    dropout.dropout_parallel(x, *KEY, step(7), rate, np.empty_like(mask), y2)
    np.testing.assert_array_equal(y, y2)
    dropout.dropout_grad(x, mask, rate, y2)
    np.testing.assert_array_equal(y, y2)
    dropout.dropout_factor(*KEY, step(7), rate, np.empty_like(mask), y2)
    np.testing.assert_array_equal(y2, mask * scale)
