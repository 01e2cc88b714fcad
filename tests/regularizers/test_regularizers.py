"""Regularizers against their formulas, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.errors import ShapeError
from nnctl.regularizers.base import regularizers
from tests.ops.harness import check_gradients, evaluate

CASES = [
    ("L1", {}, 0.01, 0.0),
    ("l1", {"l1": 0.3}, 0.3, 0.0),
    ("L2", {"l2": 0.2}, 0.0, 0.2),
    ("L1L2", {}, 0.0, 0.0),
    ("l1_l2", {"l1": 0.1}, 0.1, 0.0),
    ("L1L2", {"l1": 0.1, "l2": 0.4}, 0.1, 0.4),
]


@pytest.mark.parametrize(("name", "fields", "l1", "l2"), CASES)
@pytest.mark.parametrize("shape", [(1,), (5, 7), (2, 3, 4, 5)])
def test_penalty(name: str, fields: dict[str, float], l1: float, l2: float, shape: tuple[int, ...]) -> None:
    cls = regularizers.get(name)
    assert cls is not None
    regularizer = cls.model_validate(fields)
    x = np.random.default_rng(0).standard_normal(shape)
    (penalty,) = evaluate(lambda x: regularizer.penalty(x), {"x": x})
    assert penalty.shape == (1,)
    assert penalty[0] == pytest.approx(l1 * np.abs(x).sum() + l2 * (x**2).sum(), rel=1e-12)
    check_gradients(lambda x: regularizer.penalty(x), {"x": x})


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_angles(mode: str) -> None:
    cls = regularizers.get("OrthogonalRegularizer")
    assert cls is not None
    regularizer = cls.model_validate({"factor": 0.3, "mode": mode})
    x = np.random.default_rng(0).standard_normal((5, 3))
    check_gradients(lambda x: regularizer.penalty(x), {"x": x})
    # Rows of an orthogonal matrix cost nothing; two equal ones cost the whole factor.
    (nothing,) = evaluate(lambda x: regularizer.penalty(x), {"x": np.eye(4)})
    assert nothing[0] == 0
    (whole,) = evaluate(lambda x: regularizer.penalty(x), {"x": np.full((2, 2), 3.0)})
    assert whole[0] == pytest.approx(0.3, rel=1e-14)


@pytest.mark.parametrize(("shape", "mode"), [((3,), "rows"), ((1, 4), "rows"), ((4, 1), "columns")])
def test_what_has_no_angles(shape: tuple[int, ...], mode: str) -> None:
    cls = regularizers.get("OrthogonalRegularizer")
    assert cls is not None
    with pytest.raises(ShapeError, match="matrices of two"):
        cls.model_validate({"mode": mode}).check_shape(shape)
