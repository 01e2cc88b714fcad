"""Shapes of sample weights held against outputs: what is wrong, and the way out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from nnctl.core.shapes import Shape
from nnctl.graph.weighing import weight_problems, with_weight_axes
from tests.graph.test_targets import both, dense


@pytest.mark.parametrize(
    ("input_", "units", "loss", "weights", "message", "expected"),
    [
        ((6, 2), 3, "mse", (6,), None, None),
        ((6, 2), 3, "mse", (None,), None, None),
        ((None, 2), 3, "mse", (6,), None, None),
        ((4, 6, 2), 3, "mse", (4, 6), None, None),
        ((4, 6, 2), 3, "mse", (4,), None, None),
        ((6, 2), 3, "mse", (), None, None),
        ((6, 2), 3, "mse", (5,), "is (6, 3), but", "weights of (6), or one per example"),
        ((2,), 1, "mse", (6,), "makes one loss per example, but", "one weight per example"),
        (
            (2,), 6, "mse", (6,), "makes one loss per example, but",
            "one weight per example; or an output of shape (6, 1), which has a loss at each place",
        ),
        (
            (4, 6, 2), 3, "mse", (4, 6, 3), "makes a loss at each of (4, 6), but",
            "weights of (4, 6), or one per example; or an output of shape (4, 6, 3, 1), which has a loss at "
            "each place",
        ),
        ((6, 2), 3, "ctc", (6,), "makes one loss per example, but", "one weight per example"),
        ((6, 2), 3, {"type": "Dice", "axis": 1}, (6,), "makes one loss", "one weight per example"),
    ],
)  # fmt: skip
def test_shapes(
    input_: Shape, units: int, loss: Any, weights: Shape, message: str | None, expected: str | None
) -> None:
    layer = dense(units)
    objective, _ = both([layer], input_, loss=loss)
    found = weight_problems(objective, {"out": weights})
    if message is None:
        assert found == []
        return
    (problem,) = found
    assert message in problem.message
    assert problem.expected == expected
    assert problem.path == ("data", "sample_weight", "out")


def test_axes_of_weights() -> None:
    """As many as the data's have, or the classes that count."""
    objective, _ = both([dense(3)], (4, 6, 2), loss="sparse_categorical_crossentropy")
    for given, by_class, axes in (
        ({}, None, 0),
        ({"out": 1}, None, 1),
        ({}, {"0": 2.0}, 2),
        ({"out": 1}, {"0": 2.0}, 2),
        ({"out": 1}, {"out": "balanced"}, 2),
    ):
        (output,) = with_weight_axes(objective, Counter(given).__getitem__, by_class).outputs  # type: ignore[arg-type]
        assert output.weight_axes == axes
