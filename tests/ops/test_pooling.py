"""Pooling and padding ops: values, finite differences, absorption of a relu's gradient."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.ops.activation import activation
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.pooling import (
    MaxPoolGrad,
    average_pool2d,
    global_average_pool,
    global_max_pool,
    max_pool2d,
    zero_pad2d,
)
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.passes import run_passes
from tests.ops.harness import check_gradients, evaluate

POOLS = {
    "overlapping": ((3, 2), (2, 1), ((0, 0), (0, 0))),
    "same": ((2, 3), (2, 2), ((0, 1), (1, 1))),
    "gaps": ((1, 2), (2, 3), ((0, 0), (0, 0))),
}


def _x() -> np.ndarray:
    # Distinct numbers: a maximum has no derivative where two are equal.
    return np.random.default_rng(2).permutation(2 * 5 * 6 * 3).reshape(2, 5, 6, 3) / 7.0 - 9.0


@pytest.mark.parametrize("name", POOLS)
def test_pool_gradients(name: str) -> None:
    check_gradients(lambda x: max_pool2d(x, *POOLS[name]), {"x": _x()})
    check_gradients(lambda x: average_pool2d(x, *POOLS[name]), {"x": _x()})


def test_same_average_does_not_count_the_outside() -> None:
    x = np.ones((1, 3, 5, 2))
    (y,) = evaluate(lambda x: average_pool2d(x, (2, 2), (2, 2), ((0, 1), (0, 1))), {"x": x})
    np.testing.assert_array_equal(y, np.ones((1, 2, 3, 2)))


def test_global_pools() -> None:
    x = _x()
    largest, mean = evaluate(lambda x: (global_max_pool(x), global_average_pool(x)), {"x": x})
    np.testing.assert_array_equal(largest, x.max((1, 2)))
    np.testing.assert_allclose(mean, x.mean((1, 2)), rtol=1e-12)
    check_gradients(global_max_pool, {"x": x})
    check_gradients(global_average_pool, {"x": x})


def test_zero_padding() -> None:
    around = ((1, 0), (2, 3))
    (y,) = evaluate(lambda x: zero_pad2d(x, around), {"x": _x()})
    np.testing.assert_array_equal(y, np.pad(_x(), ((0, 0), *around, (0, 0))))
    check_gradients(lambda x: zero_pad2d(x, around), {"x": _x()})


@pytest.mark.parametrize("name", POOLS)
def test_the_gradient_of_a_relu_before_is_absorbed(name: str) -> None:
    def build(x: Value) -> Value:
        return max_pool2d(activation(x, "relu"), *POOLS[name])

    check_gradients(build, {"x": _x()})
    graph = Graph("float64")
    x = graph.input("x", (2, 5, 6, 3))
    y = build(x)
    (dx,) = gradients(sum_all(multiply(y, y)), [x])
    assert dx is not None
    run_passes(graph, [dx])
    ops = [node.op for node in graph.nodes]
    assert any(isinstance(op, MaxPoolGrad) and op.gated for op in ops)
    assert not [op for op in ops if type(op).__name__ == "ActivationGrad"]
