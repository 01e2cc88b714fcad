"""Constraints against their formulas in NumPy; axes; what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.constraints.base import ConstraintSpec, constraints
from nnctl.core.errors import ShapeError
from nnctl.ops.base import Graph
from nnctl.program.bind import bind, compile_graph, new_arena


def make(name: str, **fields: object) -> ConstraintSpec:
    cls = constraints.get(name)
    assert cls is not None
    return cls.model_validate(fields)


def applied(constraint: ConstraintSpec, weight: np.ndarray) -> np.ndarray:
    graph = Graph(weight.dtype.name)
    constraint.apply(graph.variable("w", weight.shape))
    compiled = compile_graph(graph, {})
    out = weight.copy()
    bind(compiled, new_arena(compiled.plan.size), {"w": out}).run()
    return out


def norms_of(weight: np.ndarray, axis: int | tuple[int, ...]) -> np.ndarray:
    return np.sqrt((weight**2).sum(axis=axis, keepdims=True))


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((5, 3), 0),
        ((5, 3), 1),
        ((5, 3), -1),
        ((2, 3, 4, 5), (0, 1, 2)),
        ((2, 3, 4), (1,)),
        ((7,), 0),
        ((2, 3), (0, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_norms(shape: tuple[int, ...], axis: int | tuple[int, ...], dtype: str) -> None:
    weight = (2 * np.random.default_rng(1).standard_normal(shape)).astype(dtype)
    norms = norms_of(weight, axis)
    small = 1e-7
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    wanted = {
        make("MaxNorm", max_value=1.5, axis=axis): np.clip(norms, 0, 1.5),
        make("UnitNorm", axis=axis): np.ones_like(norms),
        make("MinMaxNorm", min_value=1.0, max_value=1.2, rate=0.3, axis=axis): 0.3 * np.clip(norms, 1, 1.2)
        + 0.7 * norms,
    }
    for constraint, desired in wanted.items():
        np.testing.assert_allclose(
            applied(constraint, weight), weight * desired / (small + norms), rtol=tolerance
        )


def test_a_zero_vector_stays() -> None:
    assert (applied(make("UnitNorm"), np.zeros((3, 2))) == 0).all()


def test_non_neg() -> None:
    weight = np.array([[-1.0, 0.0, 2.0], [np.nan, -0.5, 3.0]])
    out = applied(make("non_neg"), weight)
    np.testing.assert_array_equal(out, [[0, 0, 2], [np.nan, 0, 3]])


@pytest.mark.parametrize(("shape", "axis"), [((3,), 1), ((3, 4, 5), (0, 2)), ((3, 4), -3), ((3, 4), ())])
def test_axes_that_do_not_fit(shape: tuple[int, ...], axis: int | tuple[int, ...]) -> None:
    with pytest.raises(ShapeError):
        applied(make("MaxNorm", axis=axis), np.ones(shape))


def test_bounds_that_no_norm_can_keep() -> None:
    with pytest.raises(ValidationError, match=r"no norm is at least 2\.0 and at most 1\.0"):
        make("MinMaxNorm", min_value=2.0, max_value=1.0)
    with pytest.raises(ValidationError, match=r"no norm is at least 1\.5 and at most 1\.0"):
        make("MinMaxNorm", min_value=1.5)
    assert make("MinMaxNorm", min_value=1.0, max_value=1.0)
