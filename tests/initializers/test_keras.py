"""Initializers against Keras's: the values of fixed ones, the distribution of random ones."""

from __future__ import annotations

import os
from typing import Any, get_args

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

from nnctl.core.errors import ShapeError  # noqa: E402
from nnctl.initializers.base import initializers  # noqa: E402
from nnctl.initializers.stft import STFT, Window  # noqa: E402

pytestmark = pytest.mark.keras

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in initializers.names() if name not in ("Identity", "Orthogonal", "STFT")),
    ("Constant", {"value": 0.3}),
    ("RandomNormal", {"mean": 0.2, "stddev": 0.4}),
    ("TruncatedNormal", {"mean": 0.2, "stddev": 0.4}),
    ("RandomUniform", {"minval": -0.3, "maxval": 0.1}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "uniform"}),
    ("VarianceScaling", {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"}),
    ("GlorotUniform", {"input_axes": [0, 1], "output_axes": [2]}),
]
QUANTILES = np.array([0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0])


@pytest.mark.parametrize(("name", "fields"), CASES, ids=str)
def test_the_same_distribution(name: str, fields: dict[str, Any]) -> None:
    shape = (5, 31, 47)
    cls = initializers.get(name)
    assert cls is not None
    ours = cls.model_validate(fields).sample(shape, "float32", (3, 4))
    random = {"seed": 1} if "seed" in cls.model_fields else {}
    theirs = np.asarray(getattr(keras.initializers, name)(**fields, **random)(shape))
    spread = theirs.std()
    # 7285 numbers each: the middle quantiles stand within a few hundredths of the deviation.
    near = np.quantile(ours, QUANTILES[1:-1]) - np.quantile(theirs, QUANTILES[1:-1])
    assert np.abs(near).max() <= 0.12 * spread
    assert ours.std() == pytest.approx(spread, rel=0.04, abs=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (3, 5), (5, 3)])
def test_identity(rows: int, columns: int) -> None:
    cls = initializers.get("Identity")
    assert cls is not None
    ours = cls.model_validate({"gain": 2.0}).sample((rows, columns), "float32", (0, 0))
    assert np.array_equal(ours, np.asarray(keras.initializers.Identity(gain=2.0)((rows, columns))))


@pytest.mark.parametrize("shape", [(6, 6), (3, 5), (2, 4, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    cls = initializers.get("Orthogonal")
    assert cls is not None
    ours = cls.model_validate({"gain": 0.5}).sample(shape, "float32", (0, 0))
    theirs = np.asarray(keras.initializers.Orthogonal(gain=0.5, seed=1)(shape))
    for w in (ours.reshape(-1, shape[-1]), theirs.reshape(-1, shape[-1])):
        product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
        np.testing.assert_allclose(product, 0.25 * np.eye(len(product)), atol=1e-6)


@pytest.mark.parametrize("window", [None, *get_args(Window)])
@pytest.mark.parametrize(
    "fields",
    [{}, {"side": "imag", "scaling": "spectrum", "periodic": True}, {"scaling": None}],
    ids=str,
)
def test_stft(window: str | None, fields: dict[str, Any]) -> None:
    for shape in ((7, 1, 5), (1, 1, 2)):
        ours = STFT(window=window, **fields).sample(shape, "float32", (0, 0))
        theirs = np.asarray(keras.initializers.STFT(window=window, **fields)(shape))
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("shape", [(7, 5), (7, 2, 5), (7, 1, 1)])
def test_what_stft_cannot_fill(shape: tuple[int, ...]) -> None:
    """One frequency has no distance to the next: Keras divides by 0."""
    with pytest.raises(ShapeError, match="STFT fills weights"):
        STFT().check_shape(shape)
