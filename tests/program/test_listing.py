"""A program as text, line by line."""

from __future__ import annotations

import numpy as np

from nnctl.core.keys import key
from nnctl.ops import dropout, elementwise, linear, shape
from nnctl.ops.base import Graph
from nnctl.ops.metrics import accumulate_mean
from nnctl.ops.reduce import sum_all
from nnctl.program.bind import compile_graph
from nnctl.program.listing import Line, listing, value_names
from tests.ops.harness import activate


def test_lines() -> None:
    """Views are left out; what lies outside the arena has no offset; only what is no default is shown."""
    graph = Graph("float32")
    graph.origin = "dense"
    x = graph.input("x", (4, 3))
    flat = shape.reshape(linear.linear(x, graph.variable("w", (3, 2))), (8,))
    graph.origin = "leak"
    y = activate(flat, "leaky_relu", negative_slope=0.25)
    z = elementwise.add(y, graph.constant(np.zeros(8, np.float32)))
    compiled = compile_graph(graph, {"y": y}, {z: "gradient:w"})
    product, leak, add = listing(compiled)
    assert product == Line(
        op="MatMul",
        inputs=("x f32[4,3]", "w f32[3,2]"),
        outputs=("%0 f32[4,2]",),
        origin="dense",
        flops=2 * 4 * 3 * 2,
        offset=compiled.plan.offsets[flat],
        scratch=compiled.plan.scratch.get(compiled.graph.nodes[0], (0, 0))[1],
    )
    assert leak.op == "Activation(value=leaky_relu.value(0.25), slope=leaky_relu.slope(0.25), from_output)"
    assert (leak.inputs, leak.outputs, leak.origin) == (("%1 f32[8]",), ("%2 f32[8]",), "leak")
    assert add.inputs == ("%2 f32[8]", "constant f32[8]")
    assert add.outputs == ("gradient:w f32[8]",)
    assert add.offset is None


def test_names_of_values() -> None:
    """Leaves by their own, with short types; others are numbered, pinned ones take no number."""
    graph = Graph("float64")
    x = graph.input("x", (2, 3))
    step = graph.step()
    labels = graph.input("labels", (2,), "int32")
    first, second = (elementwise.scale(x, n) for n in (2.0, 3.0))
    third = elementwise.add(first, second)
    names = value_names(graph, {first: "out"})
    assert [names[v] for v in (x, step, labels, first, second, third)] == [
        "x f64[2,3]", "step u64[1]", "labels i32[2]", "out f64[2,3]", "%0 f64[2,3]", "%1 f64[2,3]",
    ]  # fmt: skip


def test_keys_of_random_streams_are_not_shown() -> None:
    graph = Graph("float32")
    y = dropout.dropout(graph.input("x", (4,)), 0.5, key(1, "a"), graph.step())
    (line,) = listing(compile_graph(graph, {"y": y}))
    assert line.op == "Dropout(rate=0.5)"
    assert len(line.outputs) == 2


def test_scratch_is_told() -> None:
    graph = Graph("float32")
    x = graph.input("x", (64, 40))
    y = dropout.dropout(x, 0.5, key(1, "a"), graph.step(), (1, 40))
    compiled = compile_graph(graph, {"y": y})
    found = {line.op.partition("(")[0]: line.scratch for line in listing(compiled)}
    assert found["DropoutFactor"] == 40


def test_where_the_first_output_lies() -> None:
    """Of a node of two outputs; a node of none lies nowhere."""
    graph = Graph("float32")
    x = graph.input("x", (64, 40))
    y = dropout.dropout(x, 0.5, key(1, "a"), graph.step())
    accumulate_mean(graph.variable("mean", (2,), "float64"), sum_all(y), 64)
    compiled = compile_graph(graph, {"y": y})
    lines = listing(compiled)
    offsets = [[compiled.plan.offsets[v] for v in node.outputs] for node in compiled.graph.nodes]
    assert offsets[0][0] != offsets[0][1]
    assert [line.offset for line in lines] == [found[0] if found else None for found in offsets]
    assert lines[-1].offset is None
