"""One of several values: what is chosen, that the others are not computed, and what may read them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import pytest

from nnctl.ops.base import Condition, Graph, Value
from nnctl.ops.choice import one_of
from nnctl.ops.elementwise import divide, scale
from nnctl.ops.linear import linear
from nnctl.program.autodiff import gradients
from nnctl.program.bind import Bound, bind, compile_graph, new_arena
from nnctl.program.listing import listing
from nnctl.program.passes import run_passes
from tests.ops.harness import activate
from tests.program.invariants import broken_invariants


def program() -> tuple[Bound, Any]:
    """x twice (or 0 / 0) in the first of four parts, relu of a product in the second, x in the others."""
    graph = Graph()
    x, w, number = graph.input("x", (2, 2)), graph.variable("w", (2, 2)), graph.input("number", (1, 1))
    zero = graph.constant(np.zeros((2, 2), np.float32))
    changes = [
        lambda: divide(x, x),
        lambda: activate(linear(x, w), "relu"),
        lambda: x,
    ]
    y = one_of(x, changes, number, 4)
    # A second choice, of the first's result, in the other order.
    y = one_of(y, [partial(scale, y, 3.0), partial(divide, y, zero)], number, 2)
    compiled = compile_graph(graph, {"y": y}, watch=lambda name, g: None)
    assert not broken_invariants(graph)
    arena = new_arena(compiled.plan.size)
    arena[...] = 0xFF
    return bind(compiled, arena, {"w": np.full((2, 2), -1, np.float32)}), compiled


@pytest.mark.parametrize(
    ("number", "ran", "chosen"),
    [
        (0.0, ["Binary", "Affine"], 3.0),
        (0.2499, ["Binary", "Affine"], 3.0),
        (0.25, ["MatMul", "Affine"], 0.0),
        (0.49999997, ["MatMul", "Affine"], 0.0),
        (0.5, ["Binary"], np.inf),
        (0.99999994, ["Binary"], np.inf),
    ],
)
def test_only_what_is_chosen_runs(number: float, ran: list[str], chosen: float) -> None:
    bound, _ = program()
    bound.inputs["x"][...] = 5
    bound.inputs["number"][...] = number
    with np.errstate(all="ignore"):
        timed = bound.run_timed(time.perf_counter)
    names = [type(node.op).__name__ for _, node, _, _ in timed]
    assert [name for name in names if name != "Choose"] == ran
    first = bound.outputs["y"].copy()
    assert (first == chosen).all()
    bound.run()
    np.testing.assert_array_equal(bound.outputs["y"], first)
    found = bound.first_non_finite()
    assert (found is None) == np.isfinite(chosen)


def test_a_listing_says_when() -> None:
    _, compiled = program()
    assert [line.op for line in listing(compiled) if "MatMul" in line.op] == [
        "MatMul(relu) if number falls into part 2 of 4"
    ]


def test_what_may_not_run_passes_no_gradient_and_is_read_by_nothing_else() -> None:
    graph = Graph()
    x, number = graph.variable("x", (3, 2)), graph.input("number", (1,))
    with graph.only(Condition(number, 0, 2)):
        y = linear(graph.input("one", (1, 3)), x)
    loss = activate(y, "relu")
    (fault,) = broken_invariants(graph)
    assert fault.startswith("what runs in some steps is read in those: Activation")
    run_passes(graph, [loss])
    assert len(graph.nodes) == 2, "not one op of both"
    with pytest.raises(ValueError, match="a gradient of MatMul, which does not run in every step"):
        gradients(loss, [x])


def test_what_a_condition_asks_stays_until_it_is_asked() -> None:
    """Nothing else reads the number, and its memory is not given to another value before."""
    graph = Graph()
    given, x = graph.input("given", (4,)), graph.input("x", (4,))
    number = scale(given, 0.5)
    others: list[Value] = [scale(x, float(n)) for n in range(2, 6)]
    with graph.only(Condition(number, 1, 2)):
        last = scale(others[-1], 2.0)
    outputs = {str(n): value for n, value in enumerate([*others[:-1], last])}
    compiled = compile_graph(graph, outputs)
    assert number in compiled.plan.offsets
    bound = bind(compiled, new_arena(compiled.plan.size), {})
    for value, ran in ((1.2, 6), (0.8, 5)):
        bound.inputs["x"][...] = 1
        bound.inputs["given"][...] = value
        assert len(bound.run_timed(time.perf_counter)) == ran
    assert (bound.outputs["2"] == 4).all()
