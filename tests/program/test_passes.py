"""Each rewrite on small graphs, and what the invariants between rewrites notice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from nnctl.ops import elementwise, linear
from nnctl.ops.base import Graph, Node, Op, TensorType, Types, Value
from nnctl.ops.metrics import accumulate_mean
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.passes import dead_code, fuse, run_passes, share
from tests.ops.harness import activate
from tests.program.invariants import broken_invariants


def ops(graph: Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph.nodes]


def product(graph: Graph) -> Value:
    return linear.linear(graph.input("x", (4, 3)), graph.variable("w", (3, 2)))


def test_what_writes_a_variable_is_never_dead() -> None:
    graph = Graph()
    y = product(graph)
    elementwise.scale(y, 2.0)
    accumulate_mean(graph.variable("mean", (2,), "float64"), sum_all(y), 4)
    kept = ops(graph)
    dead_code(graph, [])
    assert ops(graph) == [op for op in kept if op != "Affine"]


@pytest.mark.parametrize("kept", ["product", "activation", "both"])
def test_a_product_takes_its_activation_in_where_nobody_else_reads_it(kept: str) -> None:
    graph = Graph()
    y = product(graph)
    z = activate(y, "relu")
    fuse(graph, {"product": [y], "activation": [z], "both": [y, z]}[kept])
    assert ops(graph) == (["MatMul"] if kept == "activation" else ["MatMul", "Activation"])
    assert not broken_invariants(graph)


def test_a_product_that_two_read_stays_as_it_is() -> None:
    graph = Graph()
    y = product(graph)
    z = activate(y, "relu")
    fuse(graph, [elementwise.add(y, z)])
    assert len(graph.nodes) == 3


def test_what_is_fused_belongs_to_the_producer_s_layer() -> None:
    graph = Graph()
    graph.origin = "dense"
    y = product(graph)
    graph.origin = "relu"
    run_passes(graph, [activate(y, "relu")])
    assert [node.origin for node in graph.nodes] == ["dense"]


def test_a_pass_is_seen_by_name() -> None:
    seen: list[str] = []
    graph = Graph()
    run_passes(graph, [product(graph)], lambda name, g: seen.append(name))
    assert seen == ["dead-code", "share", "fuse"]


@pytest.mark.parametrize("kept", [False, True])
def test_a_slope_is_made_with_the_value_and_kept_in_place_of_what_it_is_of(kept: bool) -> None:
    graph = Graph()
    y = product(graph)
    z = activate(y, "gelu")
    loss = sum_all(z)
    (dw,) = gradients(loss, [graph.variables["w"]])
    assert dw is not None
    before = ops(graph)
    share(graph, [loss, dw, *([y] if kept else [])])
    assert not broken_invariants(graph)
    assert ("ValueAndSlope" in ops(graph)) == (not kept)
    assert len(graph.nodes) == len(before)
    if not kept:
        assert y not in {value for node in graph.nodes[3:] for value in node.reads}


def two() -> Graph:
    graph = Graph()
    y = elementwise.scale(product(graph), 2.0)
    accumulate_mean(graph.variable("mean", (2,), "float64"), sum_all(y), 4)
    assert broken_invariants(graph) == []
    return graph


def test_an_order_that_cannot_be_is_noticed() -> None:
    graph = two()
    graph.nodes[0], graph.nodes[1] = graph.nodes[1], graph.nodes[0]
    (fault,) = broken_invariants(graph)
    assert fault.startswith("every value is made before it is read: ")
    graph = two()
    graph.inputs.clear()
    assert broken_invariants(graph)
    graph = two()
    graph.nodes[1].inputs = (graph.constant(np.zeros((4, 2), "float32")),)
    assert broken_invariants(graph) == []


def test_an_output_of_another_node_is_noticed() -> None:
    graph = two()
    graph.nodes[0].outputs[0].node = None
    (fault,) = broken_invariants(graph)
    assert fault.startswith("every output points back at its node: output 0 of MatMul")
    graph = two()
    graph.nodes[0].outputs[0].index = 1
    assert len(broken_invariants(graph)) == 1


def test_a_type_that_does_not_follow_is_noticed() -> None:
    graph = two()
    graph.nodes[1].outputs[0].type = TensorType((2, 4), "float32")
    assert any(fault.startswith("types follow from the ops: ") for fault in broken_invariants(graph))


def test_a_write_to_what_is_no_variable_is_noticed() -> None:
    graph = two()
    del graph.variables["mean"]
    assert any(fault.startswith("only variables are written: ") for fault in broken_invariants(graph))


def test_gradients_are_ops_of_the_layer_whose_they_are() -> None:
    graph = Graph("float64")
    graph.origin = "dense"
    y = product(graph)
    graph.origin = "loss"
    loss = sum_all(y)
    graph.origin = "outside"
    before = len(graph.nodes)
    w, unread = graph.variables["w"], graph.variable("unread", (3,))
    dw, nothing = gradients(loss, [w, unread])
    assert dw is not None
    assert dw.type == w.type
    assert nothing is None
    assert graph.origin == "outside"
    assert graph.nodes[before].origin == "outside"
    assert {n.origin for n in graph.nodes[before + 1 :]} == {"loss", "dense"}


def test_nothing_is_computed_for_what_no_gradient_is_wanted_of() -> None:
    graph = Graph("float64")
    x = graph.input("x", (4, 3))
    w = graph.variable("w", (3, 2))
    loss = sum_all(linear.linear(elementwise.scale(x, 2.0), w))
    before = len(graph.nodes)
    gradients(loss, [w])
    assert "Affine" not in ops(graph)[before:]
    between = len(graph.nodes)
    (dx,) = gradients(loss, [x])
    assert dx is not None
    assert "Affine" in ops(graph)[between:]


def test_contributions_are_added() -> None:
    graph = Graph("float64")
    w = graph.variable("w", (3,))
    (dw,) = gradients(sum_all(elementwise.add(elementwise.scale(w, 2.0), w)), [w])
    assert dw is not None
    assert dw.node is not None
    assert type(dw.node.op).__name__ == "Binary"


def test_a_gradient_of_another_shape_is_a_fault_of_the_op(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph("float64")
    w = graph.variable("w", (3,))
    y = elementwise.scale(w, 2.0)
    assert y.node is not None

    def grad(self: Any, node: Node, *dys: Value | None) -> list[Value | None]:
        return [graph.constant(np.zeros(4))]

    monkeypatch.setattr(type(y.node.op), "grad", grad)
    with pytest.raises(ValueError, match=r"Affine\.grad gives"):
        gradients(sum_all(y), [w])
    monkeypatch.setattr(type(y.node.op), "grad", lambda self, node, dy: [None, dy])
    with pytest.raises(ValueError, match="argument"):
        gradients(sum_all(y), [w])


@dataclass(frozen=True)
class Greedy(Op):
    """Takes in whatever it may; of so many outputs."""

    outputs: int = 1
    looks: bool = False
    writes: bool = False
    takes: bool = True

    @property
    def view(self) -> bool:  # type: ignore[override]
        return self.looks

    @property
    def mutates(self) -> tuple[int, ...]:  # type: ignore[override]
        return (0,) if self.writes else ()

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((4, 3), "float32"),) * self.outputs

    def absorb(self, node: Node, consumer: Node) -> Op | None:
        return replace(self, outputs=len(consumer.outputs)) if self.takes else None


TAKEN = Greedy()


@pytest.mark.parametrize(
    ("producer", "consumer", "fused"),
    [
        (TAKEN, TAKEN, True),
        (Greedy(outputs=2), TAKEN, True),
        (Greedy(takes=False), TAKEN, False),
        (Greedy(looks=True), TAKEN, False),
        (Greedy(writes=True), TAKEN, False),
        (TAKEN, Greedy(writes=True), False),
        (TAKEN, Greedy(outputs=2), False),
    ],
)
def test_what_takes_another_op_in(producer: Op, consumer: Op, fused: bool) -> None:
    """What is a view, writes a variable or gives several values stays a node of its own."""
    graph = Graph()
    made = graph.add(producer, graph.variable("w", (4, 3)))
    fuse(graph, [*graph.add(consumer, made[0])])
    assert len(graph.nodes) == (1 if fused else 2)


def test_a_second_output_that_is_read_keeps_its_node() -> None:
    for kept in (True, False):
        graph = Graph()
        first, second = graph.add(Greedy(outputs=2), graph.variable("w", (4, 3)))
        (y,) = graph.add(TAKEN, first)
        fuse(graph, [y, second] if kept else [y])
        assert len(graph.nodes) == (2 if kept else 1)


@pytest.mark.parametrize("before", ["leaf", "read twice", "two outputs", "takes nothing in"])
def test_a_later_input_s_producer_takes_in_what_an_earlier_one_s_does_not(before: str) -> None:
    """Its inputs come first then, and the others of the consumer after."""
    graph = Graph()
    w, v = graph.variable("w", (4, 3)), graph.variable("v", (4, 3))
    keep = []
    if before == "leaf":
        first = graph.input("x", (4, 3))
    elif before == "two outputs":
        first, other = graph.add(Greedy(outputs=2), v)
        keep = [other]
    else:
        (first,) = graph.add(Greedy(takes=before == "read twice"), v)
        keep = [first] if before == "read twice" else []
    (second,) = graph.add(TAKEN, w)
    (y,) = graph.add(TAKEN, first, second)
    count = len(graph.nodes)
    fuse(graph, [y, *keep])
    assert len(graph.nodes) == count - 1
    assert y.node is not None
    assert y.node.inputs == (w, first)
