"""Attention as one op: the bits of the separate ops, finite differences, what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnctl.core.keys import Key
from nnctl.ops.attention import attention
from nnctl.ops.base import Graph, Value
from nnctl.ops.dropout import dropout
from nnctl.ops.elementwise import multiply
from nnctl.ops.linear import matmul
from nnctl.ops.masks import select
from nnctl.ops.reduce import sum_all
from nnctl.ops.shape import swap_axes
from nnctl.ops.softmax import softmax
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.ops.harness import check_gradients

KEY: Key = (3, 4)
Made = Callable[..., Value]


def separate(
    q: Value, k: Value, v: Value, mask: Value | None, causal: bool, zero: bool, rate: float, key: Key
) -> Value:
    """What `attention` does, by the ops that can show the softmax."""
    q, k, v = (swap_axes(x, 1) for x in (q, k, v))
    if causal:
        mask = q.graph.constant(np.tri(q.shape[2], k.shape[2], dtype=np.uint8)[None, None])
    match = matmul(q, k, transpose_b=True)
    weights = softmax(match) if mask is None else softmax(select(mask, match, -1e9))
    if zero and mask is not None:
        weights = select(mask, weights, 0.0)
    return swap_axes(matmul(dropout(weights, rate, key, q.graph.step()), v), 1)


def bits(made: Made, sizes: tuple[int, ...], shape: tuple[int, ...] | None, *how: object) -> list[np.ndarray]:
    """y, dq, dk and dv of random numbers."""
    batch, queries, keys, heads, size, value_size = sizes
    graph = Graph()
    q, k = graph.input("q", (batch, queries, heads, size)), graph.input("k", (batch, keys, heads, size))
    v = graph.input("v", (batch, keys, heads, value_size))
    mask = None if shape is None else graph.input("mask", shape, "uint8")
    y = made(q, k, v, mask, *how, KEY)
    grads = gradients(sum_all(multiply(y, graph.input("dy", y.shape))), [q, k, v])
    named = {"y": y} | {f"d{i}": g for i, g in enumerate(grads) if g is not None}
    compiled = compile_graph(graph, named, threads=2)
    program = bind(compiled, new_arena(compiled.plan.size), {})
    rng = np.random.default_rng(5)
    for name in ("q", "k", "v", "dy"):
        program.inputs[name][...] = rng.normal(size=program.inputs[name].shape)
    # Only one of the two may draw from a step.
    for name in ("mask", "step"):
        if name in program.inputs:
            program.inputs[name][...] = rng.integers(0, 2, program.inputs[name].shape)
    program.run()
    return list(program.outputs.values())


@pytest.mark.parametrize("sizes", [(2, 5, 7, 3, 4, 6), (1, 130, 70, 2, 16, 24), (1, 530, 520, 1, 4, 3)])
@pytest.mark.parametrize(
    ("shape", "how"),
    [
        ("", (False, False, 0.0)),
        ("", (True, True, 0.3)),
        ("ns", (False, False, 0.0)),
        ("nts", (False, True, 0.3)),
        ("hts", (False, False, 0.0)),
        ("nt", (False, True, 0.0)),
    ],
)
def test_the_bits_of_the_separate_ops(
    sizes: tuple[int, ...], shape: str, how: tuple[bool, bool, float]
) -> None:
    batch, queries, keys, heads, *_ = sizes
    lengths = {"n": batch, "h": heads, "t": queries, "s": keys}
    mask = tuple(lengths[axis] if axis in shape else 1 for axis in "nhts") if shape else None
    one, other = (bits(made, sizes, mask, *how) for made in (attention, separate))
    assert np.isfinite(one[1]).all()
    for fused, apart in zip(one, other, strict=True):
        np.testing.assert_array_equal(fused, apart)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_gradients(causal: bool, masked: bool, rate: float) -> None:
    rng = np.random.default_rng(6)
    inputs = {
        "q": rng.normal(size=(2, 3, 2, 4)),
        "k": rng.normal(size=(2, 5, 2, 4)),
        "v": rng.normal(size=(2, 5, 2, 3)),
        "mask": (rng.random((2, 1, 3, 5)) < 0.7).astype(np.uint8),
        "step": np.array([2], np.uint64),
    }
    if causal and masked:
        return

    def build(q: Value, k: Value, v: Value, mask: Value, step: Value) -> Value:
        return attention(q, k, v, mask if masked else None, causal, False, rate, KEY)

    check_gradients(build, inputs)


def test_what_does_not_fit() -> None:
    graph = Graph()
    q, k = graph.input("q", (2, 3, 2, 4)), graph.input("k", (2, 5, 2, 4))
    for wrong in ((2, 5, 1, 3), (2, 4, 2, 3), (1, 5, 2, 3)):
        with pytest.raises(ValueError, match="attention of"):
            attention(q, k, graph.input(str(wrong), wrong))
    with pytest.raises(ValueError, match="attention of"):
        attention(graph.input("short", (2, 3, 2, 3)), k, k)
    with pytest.raises(ValueError, match="a mask of"):
        attention(q, k, k, graph.input("mask", (2, 1, 2, 5), "uint8"))
