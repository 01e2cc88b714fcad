"""Regularizers against Keras's."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

from nnctl.regularizers.base import regularizers  # noqa: E402
from tests.ops.harness import evaluate  # noqa: E402

pytestmark = pytest.mark.keras

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.7, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "fields"), CASES, ids=str)
def test_penalty(name: str, fields: dict[str, Any]) -> None:
    cls = regularizers.get(name)
    assert cls is not None
    x = np.random.default_rng(0).standard_normal((13, 7)).astype(np.float32)
    (ours,) = evaluate(lambda x: cls.model_validate(fields).penalty(x), {"x": x})
    assert ours[0] == pytest.approx(
        float(getattr(keras.regularizers, name)(**fields)(keras.ops.convert_to_tensor(x))), rel=1e-5
    )
