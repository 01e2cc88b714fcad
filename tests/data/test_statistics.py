"""Statistics: exact, however the rows are cut into blocks, lazily or not."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from nnctl.data.feeding.feeds import ScaledNumbers
from nnctl.data.fitting.statistics import extent, moments
from nnctl.data.preprocessing import NumberPrep
from nnctl.data.table import Origin

RANDOM = np.random.default_rng(5)


def feed(values: np.ndarray, **prep: object) -> ScaledNumbers:
    shape = values.shape[1:]
    return ScaledNumbers(values, NumberPrep.model_validate({"shape": shape, **prep}), "x", Origin("a.npy"))


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32", "float64"])
@pytest.mark.parametrize("shape", [(), (3,), (5, 2)])
def test_moments_are_correctly_rounded(dtype: str, shape: tuple[int, ...]) -> None:
    values = (RANDOM.normal(size=(57, *shape)) * 60 + 100).astype(dtype)
    rows = np.arange(3, 50)
    lanes = shape[-1] if shape else 1
    means, deviations = moments(feed(values), rows, lanes)
    lows, highs = extent(feed(values), rows, lanes)
    table = values[rows].reshape(-1, lanes).astype(np.float64)
    for lane in range(lanes):
        exact = [Fraction(v) for v in table[:, lane].tolist()]
        assert means[lane] == pytest.approx(float(sum(exact) / len(exact)), rel=3e-16, abs=0)
        np.testing.assert_allclose(deviations[lane], table[:, lane].std(), rtol=1e-13)
        assert (lows[lane], highs[lane]) == (table[:, lane].min(), table[:, lane].max())


def test_cancellation_does_not_hurt() -> None:
    values = np.array([1e16, 1.0, -1e16, 3.0])
    assert moments(feed(values), np.arange(4), 1)[0] == (1.0,)


@pytest.mark.parametrize("divide", [255.0, 3.0, 0.1, 1e-3])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_direct_division_gives_the_bits_of_float64(divide: float, dtype: str) -> None:
    values = np.arange(-300, 300).astype(dtype)
    column = feed(values, scale="divide", divide=(divide,))
    for out_type in (np.float32, np.float64):
        out = np.empty((600, 1), out_type)
        column.read(np.arange(600), out)
        exact = (values.astype(np.float64) / divide).astype(out_type)
        np.testing.assert_array_equal(out[:, 0], exact)
