"""Arithmetic, copying and padding kernels against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import codes, copy, elementwise

DTYPES = ["float32", "float64"]
BINARY = {
    "ADD": np.add,
    "SUBTRACT": np.subtract,
    "MULTIPLY": np.multiply,
    "DIVIDE": np.divide,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
}
UNARY = {
    "NEGATE": np.negative,
    "ABSOLUTE": np.abs,
    "SIGN": np.sign,
    "SQUARE": np.square,
    "SQRT": np.sqrt,
    "RSQRT": lambda x: 1 / np.sqrt(x),
    "RECIPROCAL": lambda x: 1 / x,
    "EXP": np.exp,
    "LOG": np.log,
    "LOG1P": np.log1p,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary(rng, name, dtype):
    code = getattr(codes, name)
    x1, x2 = rng.normal(size=(2, 20_011)).astype(dtype)
    x1[3], x2[5] = np.nan, np.nan
    y, parallel = np.empty_like(x1), np.empty_like(x1)
    elementwise.binary(x1, x2, code, y)
    elementwise.binary_parallel(x1, x2, code, parallel)
    np.testing.assert_array_equal(y, BINARY[name](x1, x2))
    np.testing.assert_array_equal(y, parallel)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_with_a_row(rng, name, dtype):
    code = getattr(codes, name)
    x, row = (rng.normal(size=s).astype(dtype) for s in [(7, 11), (11,)])
    y = np.empty_like(x)
    elementwise.binary_row(x, row, code, y)
    np.testing.assert_array_equal(y, BINARY[name](x, row))


def test_extremum_gradients_share_where_equal():
    x1, x2, dy = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]), np.array([10.0, 20.0, 30.0])
    dx1, dx2 = np.empty(3), np.empty(3)
    elementwise.extremum_grad(x1, x2, codes.MAXIMUM, dy, dx1, dx2)
    np.testing.assert_array_equal([dx1, dx2], [[0, 10, 30], [10, 10, 0]])
    elementwise.extremum_grad(x1, x2, codes.MINIMUM, dy, dx1, dx2)
    np.testing.assert_array_equal([dx1, dx2], [[10, 10, 0], [0, 10, 30]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary(rng, name, dtype):
    x = rng.normal(size=1003).astype(dtype)
    if name in ("SQRT", "RSQRT", "LOG", "LOG1P"):
        x = np.abs(x)
    y = np.empty_like(x)
    elementwise.unary(x, getattr(codes, name), y)
    np.testing.assert_allclose(y, UNARY[name](x.astype(float)), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_scalars(rng, dtype):
    x = rng.normal(size=1003).astype(dtype)
    y, parallel = np.empty_like(x), np.empty_like(x)
    a, b = x.dtype.type(0.1), x.dtype.type(-3)
    elementwise.affine(x, 0.1, -3.0, y)
    elementwise.affine_parallel(x, 0.1, -3.0, parallel)
    np.testing.assert_array_equal(y, x * a + b)
    np.testing.assert_array_equal(y, parallel)
    elementwise.accumulate(x, 0.1, y)
    np.testing.assert_array_equal(y, (x * a + b) + a * x)
    elementwise.scale_by(x, np.array([0.1], dtype), y)
    np.testing.assert_array_equal(y, x * a)
    elementwise.fill(0.1, y)
    assert (y == a).all()


@pytest.mark.parametrize("source", ["uint8", "bool", "int32", "int64", "float32", "float64"])
@pytest.mark.parametrize("target", ["float32", "float64", "int64", "bool"])
def test_cast(rng, source, target):
    x = rng.integers(0, 200, 37).astype(source)
    y = np.empty(37, target)
    elementwise.cast(x, y)
    np.testing.assert_array_equal(y, x.astype(target))


def test_masks(rng):
    ids = np.array([0, 3, 0, 7], np.int64)
    mask, other, both = np.empty(4, bool), np.array([True, True, False, False]), np.empty(4, bool)
    elementwise.not_equal(ids, 0, mask)
    np.testing.assert_array_equal(mask, ids != 0)
    elementwise.logical_and(mask, other, both)
    np.testing.assert_array_equal(both, mask & other)
    elementwise.logical_or(mask, other, both)
    np.testing.assert_array_equal(both, mask | other)
    x = rng.normal(size=(4, 5))
    y = np.empty_like(x)
    elementwise.select_rows(mask, x, -1.0, y)
    np.testing.assert_array_equal(y, np.where(mask[:, None], x, -1))
    x, wide = rng.normal(size=(4, 3, 5)), rng.random((4, 5)) < 0.5
    for select in (elementwise.select_middle, elementwise.select_middle_parallel):
        y = np.empty_like(x)
        select(wide, x, 0.5, y)
        np.testing.assert_array_equal(y, np.where(wide[:, None], x, 0.5))


@pytest.mark.parametrize("dtype", [*DTYPES, "int64", "bool"])
def test_moving_blocks(rng, dtype):
    x = rng.normal(scale=9, size=(3, 7, 5)).astype(dtype)
    flat, wide = np.empty(x.size, dtype), np.zeros((3, 10, 5), dtype)
    copy.copy(x.reshape(-1), flat)
    np.testing.assert_array_equal(flat, x.reshape(-1))
    copy.put_rows(x.reshape(3, 35), 10, wide.reshape(3, 50))
    np.testing.assert_array_equal(wide, np.pad(x, ((0, 0), (2, 1), (0, 0))))
    taken, spread = np.empty((3, 3, 5), dtype), np.empty_like(x)
    copy.take_runs(x.reshape(3, 35), 5, 10, 5, taken.reshape(3, 15))
    np.testing.assert_array_equal(taken, x[:, 1:7:2])
    copy.spread_runs(taken.reshape(3, 15), 5, 10, 5, spread.reshape(3, 35))
    expected = np.zeros_like(x)
    expected[:, 1:7:2] = taken
    np.testing.assert_array_equal(spread, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pad_and_crop(rng, dtype):
    x = rng.normal(size=(2, 3, 4, 5)).astype(dtype)
    padded, back = np.empty((2, 6, 9, 5), dtype), np.empty_like(x)
    copy.pad(x, 1, 3, 0.5, padded)
    expected = np.pad(x, ((0, 0), (1, 2), (3, 2), (0, 0)), constant_values=0.5)
    np.testing.assert_array_equal(padded, expected)
    copy.crop(padded, 1, 3, back)
    np.testing.assert_array_equal(back, x)
    swapped = np.empty((2, 4, 3, 5), dtype)
    copy.transpose_middle(x, swapped)
    np.testing.assert_array_equal(swapped, x.swapaxes(1, 2))
