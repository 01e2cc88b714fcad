"""Moving axes against NumPy."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from nnctl.ops.base import Graph
from nnctl.ops.transpose import gather_axes, move_axis, permute, scatter_axes
from tests.ops.harness import check_gradients, evaluate


@pytest.mark.parametrize(
    ("shape", "source", "target"),
    [
        *[((2, 3), 0, 1), ((2, 3), 1, 0), ((2, 3, 4), 1, 2), ((2, 3, 4, 5), 1, 3), ((2, 3, 4, 5), 3, 1)],
        *[((2, 3, 4, 5), 0, 2), ((2, 3, 4, 5), 2, 0), ((1, 3, 4), 1, 1), ((2, 3, 4, 5), 1, 2)],
    ],
)
def test_move_axis(shape: tuple[int, ...], source: int, target: int) -> None:
    x = np.random.default_rng(0).standard_normal(shape)
    (y,) = evaluate(lambda x: move_axis(x, source, target), {"x": x})
    np.testing.assert_array_equal(y, np.moveaxis(x, source, target))
    check_gradients(lambda x: move_axis(x, source, target), {"x": x})


@pytest.mark.parametrize(
    ("axes", "last"),
    [((1,), 3), ((1, 2), 3), ((0, 2), 4), ((0, 1, 3), 3), ((2, 3), 3), ((3, 4), 4), ((1,), 1), ((0, 3), 3)],
)
def test_axes_side_by_side_and_back(axes: tuple[int, ...], last: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5, 2))
    others = [axis for axis in range(5) if axis not in axes]
    order = others[: last + 1 - len(axes)] + list(axes) + others[last + 1 - len(axes) :]
    (y, back) = evaluate(
        lambda x: [gather_axes(x, axes, last), scatter_axes(gather_axes(x, axes, last), axes, last)], {"x": x}
    )
    np.testing.assert_array_equal(y, x.transpose(order))
    np.testing.assert_array_equal(back, x)


def test_axes_that_stand_side_by_side_are_not_moved() -> None:
    graph = Graph()
    x = graph.input("x", (2, 3, 4))
    assert gather_axes(x, (1, 2), 2) is x
    assert scatter_axes(x, (1, 2), 2) is x


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_any_order_of_axes(order: tuple[int, ...]) -> None:
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    (y,) = evaluate(lambda x: permute(x, order), {"x": x})
    np.testing.assert_array_equal(y, x.transpose(order))
