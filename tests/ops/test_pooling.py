"""Pooling and padding ops: values, finite differences, absorption of a relu's gradient."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.pooling import (
    MaxPoolGrad,
    average_pool,
    global_average_pool,
    global_max_pool,
    max_pool,
    zero_pad,
)
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.passes import run_passes
from tests.ops.harness import activate, check_gradients, evaluate

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
    check_gradients(lambda x: max_pool(x, *POOLS[name]), {"x": _x()})
    check_gradients(lambda x: average_pool(x, *POOLS[name]), {"x": _x()})


def test_same_average_does_not_count_the_outside() -> None:
    x = np.ones((1, 3, 5, 2))
    (y,) = evaluate(lambda x: average_pool(x, (2, 2), (2, 2), ((0, 1), (0, 1))), {"x": x})
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
    (y,) = evaluate(lambda x: zero_pad(x, around), {"x": _x()})
    np.testing.assert_array_equal(y, np.pad(_x(), ((0, 0), *around, (0, 0))))
    check_gradients(lambda x: zero_pad(x, around), {"x": _x()})


@pytest.mark.parametrize("name", POOLS)
def test_the_gradient_of_a_relu_before_is_absorbed(name: str) -> None:
    def build(x: Value) -> Value:
        return max_pool(activate(x, "relu"), *POOLS[name])

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


# (spatial lengths, size, strides, padding)
OTHER_RANKS = {
    "one axis": ((9,), (3,), (2,), ((1, 1),)),
    "one axis, gaps": ((11,), (2,), (4,), ((0, 0),)),
    "three axes": ((4, 5, 6), (2, 3, 2), (2, 1, 2), ((0, 0), (1, 1), (0, 0))),
    "three axes, hanging over": ((3, 4, 5), (2, 2, 3), (2, 3, 1), ((0, 1), (1, 1), (1, 1))),
}


@pytest.mark.parametrize("name", OTHER_RANKS)
def test_pooling_over_one_and_three_axes(name: str) -> None:
    """Against windows taken one by one, ties among them; what lies outside does not count."""
    lengths, size, strides, padding = OTHER_RANKS[name]
    x = np.random.default_rng(4).integers(-2, 3, (2, *lengths, 3)).astype(float)
    outs = [(n + sum(p) - k) // s + 1 for n, k, s, p in zip(lengths, size, strides, padding, strict=True)]
    largest, mean = (np.empty((2, *outs, 3)) for _ in range(2))
    share = np.zeros(x.shape)
    for place in np.ndindex(*outs):
        starts = [at * s - p[0] for at, s, p in zip(place, strides, padding, strict=True)]
        inside = tuple(slice(max(a, 0), a + k) for a, k in zip(starts, size, strict=True))
        window = x[:, *inside]
        flat = window.reshape(2, -1, 3)
        largest[:, *place], mean[:, *place] = flat.max(1), flat.mean(1)
        for b, c in np.ndindex(2, 3):
            first = np.unravel_index(flat[b, :, c].argmax(), window.shape[1:-1])
            share[b, *(part.start + at for part, at in zip(inside, first, strict=True)), c] += 1
    found = evaluate(
        lambda x: (max_pool(x, size, strides, padding), average_pool(x, size, strides, padding)), {"x": x}
    )
    np.testing.assert_array_equal(found[0], largest)
    np.testing.assert_allclose(found[1], mean, rtol=1e-12, atol=1e-12)
    graph = Graph("float64")
    value = graph.input("x", x.shape)
    (gradient,) = gradients(sum_all(max_pool(value, size, strides, padding)), [value])
    compiled = compile_graph(graph, {"dx": gradient})
    bound = bind(compiled, new_arena(compiled.plan.size), {})
    bound.inputs["x"][...] = x
    bound.run()
    np.testing.assert_array_equal(bound.outputs["dx"], share)
    check_gradients(lambda x: average_pool(x, size, strides, padding), {"x": x})


@pytest.mark.parametrize("lengths", [(7,), (3, 4, 5)])
def test_whole_images_of_one_and_three_axes(lengths: tuple[int, ...]) -> None:
    x = np.random.default_rng(5).permutation(2 * 3 * np.prod(lengths)).reshape(2, *lengths, 3) / 7.0
    axes = tuple(range(1, 1 + len(lengths)))
    largest, mean = evaluate(lambda x: (global_max_pool(x), global_average_pool(x)), {"x": x})
    np.testing.assert_array_equal(largest, x.max(axes))
    np.testing.assert_allclose(mean, x.mean(axes), rtol=1e-12)
    around = ((2, 1), (0, 3), (1, 0))[: len(lengths)]
    (padded,) = evaluate(lambda x: zero_pad(x, around), {"x": x})
    np.testing.assert_array_equal(padded, np.pad(x, ((0, 0), *around, (0, 0))))
    for op in (global_max_pool, global_average_pool, lambda x: zero_pad(x, around)):
        check_gradients(op, {"x": x})
