"""Masks of any shape: where a tensor keeps its numbers, and how masks join."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.ops import masks
from nnctl.ops.base import Graph
from tests.ops.harness import check_gradients, evaluate

RNG = np.random.default_rng(4)


def drawn(*shape: int) -> Array:
    return (RNG.random(shape) < 0.6).astype(np.uint8)


def spread(mask: Array, shape: tuple[int, ...]) -> Array:
    """The mask for every number of `shape`."""
    return np.broadcast_to(mask.reshape(mask.shape + (1,) * (len(shape) - mask.ndim)), shape)


@pytest.mark.parametrize(
    "mask",
    [
        (3,), (3, 4), (3, 4, 2), (3, 4, 2, 5), (3, 1, 2, 5), (1, 4, 2, 5), (1, 1, 2, 5), (1, 1, 1, 1), (1,),
        (3, 1, 2), (1, 4, 1, 5), (3, 1, 2, 1), (3, 4, 1, 5), (1, 4), (1, 1, 2), (1, 4, 2), (3, 1, 1, 5),
    ],
)  # fmt: skip
def test_select(mask: tuple[int, ...]) -> None:
    x, m = RNG.standard_normal((3, 4, 2, 5)), drawn(*mask)
    build = lambda mask, x: masks.select(mask, x, -7.5)  # noqa: E731
    (got,) = evaluate(build, {"mask": m, "x": x})
    np.testing.assert_array_equal(got, np.where(spread(m, x.shape), x, -7.5))
    check_gradients(build, {"mask": m, "x": x}, wrt=["x"])


@pytest.mark.parametrize("shape", [(1, 4, 1, 6), (3, 1, 5, 1), (1, 1, 1), (0, 4), (3, 0, 2)])
def test_select_of_odd_lengths(shape: tuple[int, ...]) -> None:
    for axes in range(1, len(shape) + 1):
        x, m = RNG.standard_normal(shape), drawn(*shape[:axes])
        (got,) = evaluate(lambda mask, x: masks.select(mask, x, 2.0), {"mask": m, "x": x})
        np.testing.assert_array_equal(got, np.where(spread(m, shape), x, 2.0))


def test_select_on_several_threads() -> None:
    x, m = RNG.standard_normal((2, 33, 64, 65)).astype(np.float32), drawn(2, 1, 64, 65)
    for threads in (1, 2):
        build = lambda mask, x: masks.select(mask, x, -1.0)  # noqa: E731
        (got,) = evaluate(build, {"mask": m, "x": x}, threads=threads)
        np.testing.assert_array_equal(got, np.where(m, x, np.float32(-1)))


@pytest.mark.parametrize(
    ("first", "second"),
    [((3, 4), (3, 4)), ((3, 4), (3,)), ((3, 1), (3, 4)), ((3, 4, 1), (3, 1, 5)), ((1, 4, 5), (3,))],
)
def test_joined(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    m1, m2 = drawn(*first), drawn(*second)
    rank = max(m1.ndim, m2.ndim)
    shape = np.broadcast_shapes(*(m + (1,) * (rank - len(m)) for m in (first, second)))
    for join, wanted in ((masks.either, np.bitwise_or), (masks.both, np.bitwise_and)):
        (got,) = evaluate(lambda m1, m2, join=join: join(m1, m2), {"m1": m1, "m2": m2})
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, wanted(spread(m1, shape), spread(m2, shape)))


@pytest.mark.parametrize("mask", [(4,), (3, 2), (3, 4, 2)])
def test_a_mask_that_does_not_fit(mask: tuple[int, ...]) -> None:
    graph = Graph()
    x = graph.input("x", (3, 4))
    with pytest.raises(ValueError):
        graph.add1(masks.Select(0.0), graph.input("mask", mask, "uint8"), x)
    with pytest.raises(ValueError):
        graph.add1(masks.Select(0.0), x, x)
    for join in (masks.Either, masks.Both):
        with pytest.raises(ValueError):
            graph.add1(join(), x, x)
        with pytest.raises(ValueError):
            graph.add1(join(), *map(partial(graph.input, dtype="uint8"), ("m1", "m2"), ((3, 4), (3, 5))))


def test_a_mask_of_attention_is_not_repeated_for_each_head() -> None:
    graph = Graph()
    x = graph.input("x", (3, 4, 2, 5))
    for mask in ((3, 1, 2, 5), (1, 1, 2, 5), (3, 4), (3, 4, 2, 5)):
        masks.select(graph.input(f"{mask}", mask, "uint8"), x, 0.0)
    assert [type(node.op) for node in graph.nodes] == [masks.Select] * 4


@pytest.mark.parametrize(("before", "after"), [(None, 0), (1, 1), (2, None), (0, 3), (None, None)])
def test_keys_by_their_places(before: int | None, after: int | None) -> None:
    """The fourth query sees the fourth key, `before` of those in front of it and `after` behind."""
    graph = Graph()
    mask = masks.band(graph, 5, 7, before, after)
    low, high = -5 if before is None else -before, 7 if after is None else after
    expected = [[low <= key - query <= high for key in range(7)] for query in range(5)]
    np.testing.assert_array_equal(graph.constants[mask], np.array(expected, np.uint8))
    assert (mask.shape, mask.dtype) == ((5, 7), "uint8")
    assert graph.bands[mask] == masks.Band(before, after)
