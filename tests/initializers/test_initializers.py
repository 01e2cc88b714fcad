"""Initializers: distributions as Keras has them, the same numbers for the same key, fans by shape."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ShapeError
from nnctl.initializers.base import InitializerSpec, initializers
from nnctl.initializers.fans import fans

KEY = (0x12345678, 0x9ABCDEF0)
OTHER = (0x12345678, 0x9ABCDEF1)
SHAPE = (119, 201)


def make(name: str, **fields: object) -> InitializerSpec:
    cls = initializers.get(name)
    assert cls is not None
    return cls.model_validate(fields)


# (initializer, bound of magnitudes or None, standard deviation)
SPREADS = [
    (make("RandomNormal", stddev=0.3), None, 0.3),
    (make("TruncatedNormal", stddev=0.3), 0.6, 0.3 * 0.879626),
    (make("RandomUniform", minval=-0.2, maxval=0.2), 0.2, 0.4 / sqrt(12)),
    (make("glorot_uniform"), sqrt(6 / 320), sqrt(2 / 320)),
    (make("glorot_normal"), None, sqrt(2 / 320)),
    (make("he_uniform"), sqrt(6 / 119), sqrt(2 / 119)),
    (make("he_normal"), None, sqrt(2 / 119)),
    (make("lecun_uniform"), sqrt(3 / 119), sqrt(1 / 119)),
    (make("lecun_normal"), 2 * sqrt(1 / 119) / 0.879626, sqrt(1 / 119)),
    (
        make("VarianceScaling", scale=3.0, mode="fan_out", distribution="untruncated_normal"),
        None,
        sqrt(3 / 201),
    ),
]


@pytest.mark.parametrize(("initializer", "bound", "deviation"), SPREADS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_spread(initializer: InitializerSpec, bound: float | None, deviation: float, dtype: str) -> None:
    values = initializer.sample(SHAPE, dtype, KEY)
    assert values.shape == SHAPE
    assert values.dtype == dtype
    count = values.size
    assert abs(values.mean()) < 5 * deviation / sqrt(count)
    assert values.std() == pytest.approx(deviation, rel=0.02)
    if bound is not None:
        assert np.abs(values).max() <= bound * (1 + 1e-6)
        assert np.abs(values).max() > 0.99 * bound


RANDOM = [name for name in initializers.names() if "seed" in initializers.get(name).model_fields]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", RANDOM)
def test_key_and_seed(name: str) -> None:
    first = make(name).sample((7, 5), "float32", KEY)
    assert np.array_equal(first, make(name).sample((7, 5), "float32", KEY))
    assert not np.array_equal(first, make(name).sample((7, 5), "float32", OTHER))
    seeded = make(name, seed=3).sample((7, 5), "float32", KEY)
    assert np.array_equal(seeded, make(name, seed=3).sample((7, 5), "float32", OTHER))
    assert not np.array_equal(seeded, make(name, seed=4).sample((7, 5), "float32", KEY))


@pytest.mark.parametrize("name", RANDOM)
def test_float32_is_float64_rounded(name: str) -> None:
    double = make(name).sample((5, 3), "float64", KEY)
    assert np.array_equal(double.astype(np.float32), make(name).sample((5, 3), "float32", KEY))


def test_means() -> None:
    assert make("RandomNormal", mean=4.0).sample(SHAPE, "float64", KEY).mean() == pytest.approx(4, abs=0.01)
    assert make("TruncatedNormal", mean=-4.0).sample(SHAPE, "float64", KEY).mean() == pytest.approx(
        -4, abs=0.01
    )


def test_truncated_normal_is_truncated_not_clipped() -> None:
    values = make("TruncatedNormal", stddev=1.0).sample((200, 200), "float64", KEY)
    assert (np.abs(values) > 1.99).mean() < 0.002
    # A quarter of the mass lies within 0.3012 of the mean: P(|z| < q) = 0.25 P(|z| < 2).
    assert (np.abs(values) < 0.30335).mean() == pytest.approx(0.25, abs=0.01)


def test_constants() -> None:
    assert (make("zeros").sample((2, 3), "float32", KEY) == 0).all()
    assert (make("ones").sample((2, 3), "float32", KEY) == 1).all()
    assert (make("Constant", value=-1.5).sample((2, 3), "float64", KEY) == -1.5).all()
    assert np.array_equal(make("Identity", gain=2.0).sample((2, 3), "float64", KEY), 2 * np.eye(2, 3))
    with pytest.raises(ShapeError):
        make("identity").sample((2, 3, 4), "float64", KEY)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((), (1, 1)), ((6,), (6, 6)), ((2, 5), (2, 5)), ((3, 4, 5), (12, 15)), ((3, 2, 4, 5), (24, 30))],
)
def test_fans(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert fans(shape) == expected


def test_fans_of_named_axes() -> None:
    assert fans((2, 3, 5), input_axes=(0,), output_axes=(1, 2)) == (2, 15)
    assert fans((2, 3, 5), input_axes=(0,)) == (6, 10)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (2, 3, 5), (3, 2, 2, 4), (1, 1), (4, 1), (1, 4)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = make("Orthogonal", gain=2.0).sample(shape, "float64", KEY).reshape(-1, shape[-1]) / 2
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows < columns else matrix.T @ matrix
    assert np.allclose(product, np.eye(min(rows, columns)), atol=1e-12)


def test_orthogonal_is_spread_over_all_rotations() -> None:
    signs = [np.sign(make("Orthogonal").sample((3, 3), "float64", (1, i))) for i in range(200)]
    assert np.abs(np.mean(signs, axis=0)).max() < 0.25


def test_orthogonal_needs_a_matrix() -> None:
    with pytest.raises(ShapeError):
        make("Orthogonal").sample((4,), "float32", KEY)


def test_empty_weights() -> None:
    for name in set(initializers.names()) - {"STFT"}:
        assert make(name).sample((0, 3), "float32", KEY).shape == (0, 3)


def test_a_range_that_holds_no_number() -> None:
    with pytest.raises(ValidationError, match=r"no number is at least 1\.0 and below -1\.0"):
        make("RandomUniform", minval=1.0, maxval=-1.0)
