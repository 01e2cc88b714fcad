"""Classes, bins and known means: corners, other inputs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, ShapeError
from nnctl.kernels import categories
from nnctl.ops.categories import bins, count_rows, occur
from tests.layers.harness import case, make
from tests.ops.harness import check_gradients, evaluate

RNG = np.random.default_rng(0)


def test_counts_by_weights() -> None:
    """Values and both gradients; numbers outside are passed over."""
    inputs = {"n": RNG.integers(-1, 6, (3, 7)), "w": RNG.standard_normal((3, 7)).astype(np.float32)}
    found = evaluate(
        lambda n, w: [count_rows(n, 5, "float32", w), count_rows(n, 5, "float32"), occur(n, 5, "float32")],
        inputs,
    )
    hot = inputs["n"][:, :, None] == np.arange(5)
    weighed = (hot * inputs["w"][:, :, None]).sum(1)
    for got, expected in zip(found, (weighed, hot.sum(1), hot.any(1)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
    check_gradients(lambda n, w: count_rows(n, 5, "float64", w), inputs, wrt=["w"])
    picked = np.empty((3, 7), np.float32)
    x = RNG.standard_normal((3, 5)).astype(np.float32)
    categories.pick_rows(inputs["n"], x, picked)
    np.testing.assert_array_equal(picked, (hot * x[:, None, :]).sum(2).astype(np.float32))


def test_a_boundary_belongs_to_the_upper_bin() -> None:
    x = np.array([-np.inf, 0.0, 0.1, 0.5, 0.5 - 1e-7, 3.0, np.inf, np.nan], np.float32)
    (y,) = evaluate(lambda x: bins(x, x.graph.constant(np.array([0.0, 0.1, 0.5], x.dtype))), {"x": x})
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, np.digitize(x, np.array([0.0, 0.1, 0.5], np.float32)))


def test_a_mean_of_fewer_axes() -> None:
    made = case({"type": "Normalization", "axis": [1, 2], "mean": [1, 2, 3], "variance": [4, 4, 1]}, [(2, 3)])
    expected = (made.inputs[0] - [1, 2, 3]) / [2, 2, 1]
    np.testing.assert_allclose(made.run().outputs[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"type": "Normalization", "mean": 1}, "both 'mean' and 'variance', or neither"),
        ({"type": "TimeDistributed", "layer": "Normalization"}, "no layer can be around it"),
        ({"type": "Normalization", "mean": 1, "variance": [1, 2]}, "different shapes"),
        ({"type": "Normalization", "mean": 1, "variance": -1}, "below 0"),
        (
            {"type": "Normalization", "mean": [[1], [2, 3]], "variance": [[1], [2, 3]]},
            "lists of equal lengths",
        ),
        ({"type": "Normalization", "axis": None, "mean": [1], "variance": [1]}, "more axes than"),
        ("Discretization", "needs either 'bin_boundaries' or 'num_bins'"),
        ({"type": "Discretization", "num_bins": 20, "epsilon": 0.1}, "at most 1 / num_bins"),
        ({"type": "Discretization", "bin_boundaries": [1, 1]}, "must rise"),
        ("CategoryEncoding", "needs 'num_tokens'"),
    ],
)
def test_what_contradicts_itself(config: object, message: str) -> None:
    with pytest.raises((ValidationError, ConfigError), match=message):
        make(config)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "shapes", "message"),
    [
        ({"type": "Normalization", "mean": [1, 2], "variance": [1, 2]}, [(3,)], "has 2 means along an axis"),
        (
            {"type": "Normalization", "axis": [1, -1], "mean": [[1]], "variance": [[2]]},
            [(3,)],
            "names an axis of .* twice",
        ),
        ({"type": "CategoryEncoding", "num_tokens": 3}, [(3, 2)], "counts what is in one list per example"),
        ({"type": "CategoryEncoding", "num_tokens": 3}, [(3,), (3,)], "are for counts"),
        ({"type": "CategoryEncoding", "num_tokens": 3, "output_mode": "count"}, [(3,), (2,)], "do not fit"),
    ],
)
def test_what_does_not_fit(config: dict[str, object], shapes: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        make(config).compute_output_shape(*shapes)
