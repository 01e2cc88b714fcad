"""Activations as configs say them, and against their formulas in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.activations.base import activations
from nnctl.layers.dense import Dense
from tests.ops.harness import check_gradients, evaluate

Array = np.ndarray[Any, Any]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


FORMULAS: list[tuple[str, dict[str, Any], Callable[[Array], Array]]] = [
    ("linear", {}, lambda x: x),
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu", {"negative_slope": 0.2}, lambda x: np.where(x > 0, x, 0.2 * x)),
    (
        "relu",
        {"negative_slope": 0.2, "threshold": 0.5, "max_value": 1.0},
        lambda x: np.where(x >= 0.5, np.minimum(x, 1), 0.2 * (x - 0.5)),
    ),
    ("leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("elu", {"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("sigmoid", {}, sigmoid),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("tanh", {}, np.tanh),
    ("softplus", {}, lambda x: np.log1p(np.exp(x))),
    ("softsign", {}, lambda x: x / (1 + np.abs(x))),
    ("silu", {}, lambda x: x * sigmoid(x)),
    ("exponential", {}, np.exp),
    ("softmax", {}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
]


@pytest.mark.parametrize(("name", "fields", "formula"), FORMULAS, ids=lambda v: str(v)[:20])
def test_formula(name: str, fields: dict[str, Any], formula: Callable[[Array], Array]) -> None:
    cls = activations.get(name)
    assert cls is not None
    function = cls.model_validate(fields)
    x = 2 * np.random.default_rng(0).standard_normal((3, 5))
    (y,) = evaluate(lambda x: function.apply(x), {"x": x})
    np.testing.assert_allclose(y, formula(x), rtol=1e-13, atol=1e-15)
    check_gradients(lambda x: function.apply(x), {"x": x})


def test_as_a_field() -> None:
    assert Dense(units=1, activation=None).activation == Dense(units=1).activation
    assert Dense(units=1, activation="swish") == Dense(units=1, activation={"type": "silu"})
    dumped = Dense(units=1, activation={"type": "elu", "alpha": 0.5}).config()["activation"]
    assert dumped == {"type": "elu", "alpha": 0.5}


def test_unknown_names_and_parameters() -> None:
    for wrong in ("rellu", {"type": "relu", "alpha": 1.0}, {"alpha": 1.0}, 3):
        with pytest.raises(ValidationError):
            Dense(units=1, activation=wrong)
