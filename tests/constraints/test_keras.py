"""Constraints against Keras's."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

from tests.constraints.test_constraints import applied, make  # noqa: E402

pytestmark = pytest.mark.keras

CASES: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("MaxNorm", {}, (7, 5)),
    ("MaxNorm", {"max_value": 0.8, "axis": 1}, (7, 5)),
    ("MaxNorm", {"max_value": 1.5, "axis": [0, 1, 2]}, (3, 2, 4, 5)),
    ("UnitNorm", {}, (7, 5)),
    ("UnitNorm", {"axis": -1}, (4, 7, 5)),
    ("MinMaxNorm", {}, (7, 5)),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 2.0, "rate": 0.25}, (7, 5)),
    ("NonNeg", {}, (7, 5)),
]


@pytest.mark.parametrize(("name", "fields", "shape"), CASES, ids=str)
def test_constraint(name: str, fields: dict[str, Any], shape: tuple[int, ...]) -> None:
    weight = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    theirs = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    expected = np.asarray(getattr(keras.constraints, name)(**theirs)(weight))
    np.testing.assert_allclose(applied(make(name, **fields), weight), expected, rtol=1e-5, atol=1e-7)
