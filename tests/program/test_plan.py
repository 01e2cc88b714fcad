"""The memory plan by hand: where each value lies, what may be written over, how large the arena is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from nnctl.ops import elementwise, shape
from nnctl.ops.base import Graph, KernelCall, Op, TensorType, Types, Value
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.plan import MemoryPlan, plan_memory
from tests.ops.harness import activate


@dataclass(frozen=True)
class Make(Op):
    """An output of `floats` float32 numbers from any inputs, with `bytes` of scratch."""

    floats: int
    bytes: int = 0

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((self.floats,), "float32"),)

    def scratch(self, inputs: object, outputs: object, threads: int) -> int:
        return self.bytes


@dataclass(frozen=True)
class Over(Make):
    """As Make, and its output may be written over its first input."""

    inplace: ClassVar[tuple[tuple[int, int], ...]] = ((0, 0),)


def make(graph: Graph, floats: int, *inputs: Value, scratch: int = 0) -> Value:
    return graph.add1(Make(floats, scratch), *inputs)


def planned(graph: Graph, *outputs: Value) -> MemoryPlan:
    return plan_memory(graph, outputs, {}, 1)


def test_values_that_never_live_together_share_a_place() -> None:
    graph = Graph()
    a = make(graph, 16, graph.input("x", (16,)))
    b = make(graph, 16, a)
    c = make(graph, 16, b)
    plan = planned(graph, c)
    assert [plan.offsets[v] for v in (graph.inputs["x"], a, b, c)] == [0, 64, 0, 64]
    assert plan.size == 128


def test_the_largest_lie_lowest_and_sizes_are_rounded_up() -> None:
    """17 numbers take 68 bytes, the next value begins at 128; the arena's own end is rounded too."""
    graph = Graph()
    a = make(graph, 3)
    b = make(graph, 17)
    plan = planned(graph, make(graph, 1, a, b))
    assert (plan.offsets[b], plan.offsets[a]) == (0, 128)
    assert plan.size == 256


def test_a_gap_that_is_just_large_enough_is_used() -> None:
    graph = Graph()
    low = make(graph, 64)
    gap = make(graph, 16, low)
    high = make(graph, 32, low, gap)
    late = make(graph, 16, high, low)
    plan = planned(graph, late, high, low)
    assert (plan.offsets[low], plan.offsets[high]) == (0, 256)
    assert plan.offsets[gap] == plan.offsets[late] == 384
    assert plan.size == 448


def test_what_an_output_of_the_program_holds_stays() -> None:
    graph = Graph()
    a = make(graph, 16)
    make(graph, 16, make(graph, 16, a))
    plan = planned(graph, a)
    assert all(plan.offsets[v] != plan.offsets[a] for v in plan.offsets if v is not a)


def test_what_nobody_reads_has_a_place_for_its_own_node() -> None:
    graph = Graph()
    a = make(graph, 16)
    unread = make(graph, 16)
    plan = planned(graph, a)
    assert plan.offsets[unread] != plan.offsets[a]


def test_scratch_lies_beside_what_its_node_reads_and_writes() -> None:
    graph = Graph()
    a = make(graph, 16, scratch=64)
    b = make(graph, 16, a, scratch=100)
    plan = planned(graph, b)
    first, second = graph.nodes
    assert plan.scratch == {first: (0, 64), second: (0, 100)}
    assert (plan.offsets[a], plan.offsets[b]) == (128, 192)
    assert plan.size == 256
    assert planned(Graph()).scratch == {}


def written_over(*, again: bool = False, larger: bool = False, output: bool = False) -> bool:
    """Whether the output of an op that may be is written over its input."""
    graph = Graph()
    a = make(graph, 16)
    b = graph.add1(Over(17 if larger else 16), *([a, a] if again else [a]))
    plan = planned(graph, b, *([a] if output else []))
    return plan.offsets[a] == plan.offsets[b]


def test_what_is_written_over_an_input() -> None:
    """An input that dies there, is of the same type, and is read once."""
    assert written_over()
    assert not written_over(again=True)
    assert not written_over(larger=True)
    assert not written_over(output=True)


def test_what_is_written_over_one_of_several_inputs() -> None:
    """One whose memory no other input has, seen from another side."""
    graph = Graph()
    a, other = make(graph, 16), make(graph, 16)
    b = graph.add1(Over(16), a, other)
    plan = planned(graph, b)
    assert plan.offsets[b] == plan.offsets[a] != plan.offsets[other]
    graph = Graph()
    a = make(graph, 16)
    b = graph.add1(Over(16), a, shape.reshape(a, (4, 4)))
    plan = planned(graph, b)
    assert plan.offsets[b] != plan.offsets[a]


def test_what_another_node_reads_later_is_not_written_over() -> None:
    graph = Graph()
    a = make(graph, 16)
    b = graph.add1(Over(16), a)
    plan = planned(graph, make(graph, 16, a, b))
    assert plan.offsets[a] != plan.offsets[b]


def test_a_view_keeps_its_base_alive_and_variables_are_never_written_over() -> None:
    graph = Graph()
    w = graph.variable("w", (16,))
    view = shape.reshape(w, (4, 4))
    over = graph.add1(Over(16), shape.reshape(view, (16,)))
    plan = planned(graph, over)
    assert {value for value in plan.external if value is not w} == {n.outputs[0] for n in graph.nodes[:2]}
    assert all(root is w for root in plan.external.values())
    assert list(plan.offsets) == [over]
    graph = Graph()
    a = make(graph, 16)
    flat = shape.reshape(a, (4, 4))
    between = make(graph, 16)
    plan = planned(graph, make(graph, 1, flat), between)
    assert plan.offsets[flat] == plan.offsets[a]
    assert plan.offsets[between] != plan.offsets[a]


def test_pinned_values_lie_outside() -> None:
    graph = Graph("float64")
    x = graph.input("x", (3,))
    y = elementwise.scale(x, 2.0)
    compiled = compile_graph(graph, {}, {y: "gradient"})
    assert compiled.plan.external == {y: y}
    memory = {"gradient": np.zeros(3)}
    bound = bind(compiled, new_arena(compiled.plan.size), memory)
    bound.inputs["x"][...] = [1, 2, 3]
    bound.run()
    assert memory["gradient"].tolist() == [2, 4, 6]


@pytest.mark.parametrize("nbytes", [1, 64, 1000])
def test_an_arena_is_aligned_and_of_its_size(nbytes: int) -> None:
    for _ in range(4):
        arena = new_arena(nbytes)
        assert arena.nbytes == nbytes
        assert arena.ctypes.data % 64 == 0
        assert not arena.any()


def test_memory_that_does_not_fit_is_refused() -> None:
    graph = Graph("float64")
    y = activate(elementwise.add(graph.input("x", (9,)), graph.variable("w", (9,))), "tanh")
    compiled = compile_graph(graph, {"y": y})
    size = compiled.plan.size
    fitting = {"w": np.zeros((3, 3))}
    bind(compiled, new_arena(size), fitting)
    with pytest.raises(ValueError, match=f"the arena has {size - 1} bytes, the plan needs {size}"):
        bind(compiled, new_arena(size - 1), fitting)
    for wrong in (np.zeros(8), np.zeros(9, np.float32)):
        with pytest.raises(ValueError, match=r"'w' is float.*, the program wants"):
            bind(compiled, new_arena(size), {"w": wrong})


def test_an_input_that_nobody_reads_has_a_place_until_the_first_node() -> None:
    """It is written before the program runs, and must not lie on another one."""
    graph = Graph()
    unread, x = graph.input("unread", (16,)), graph.input("x", (16,))
    a = make(graph, 16, x)
    plan = planned(graph, a)
    assert (plan.offsets[unread], plan.offsets[x], plan.offsets[a]) == (0, 64, 0)
    assert plan.size == 128


@dataclass(frozen=True)
class Two(Op):
    """Two outputs of 16 numbers, written over inputs as `over` says."""

    over: tuple[tuple[int, int], ...]

    @property
    def inplace(self) -> tuple[tuple[int, int], ...]:  # type: ignore[override]
        return self.over

    def infer(self, *inputs: TensorType) -> Types:
        return (TensorType((16,), "float32"),) * 2


@pytest.mark.parametrize(
    ("over", "taken"),
    [
        (((1, 0), (0, 2), (0, 1)), (1, 0)),  # by the output's own pairs, and only inputs that there are
        (((0, 0), (1, 0), (1, 1)), (0, 1)),  # what one output has taken no other one takes
        (((0, 0), (1, 0)), (0, None)),
        (((0, 1),), (1, None)),
    ],
)
def test_outputs_take_over_different_inputs(
    over: tuple[tuple[int, int], ...], taken: tuple[int | None, ...]
) -> None:
    graph = Graph()
    inputs = [make(graph, 16), make(graph, 16)]
    outputs = graph.add(Two(over), *inputs)
    plan = planned(graph, *outputs)
    places = [plan.offsets[v] for v in inputs]
    found = [places.index(plan.offsets[v]) if plan.offsets[v] in places else None for v in outputs]
    assert tuple(found) == taken


@dataclass(frozen=True)
class Shown(Make):
    """Shows what memory it is given."""

    seen: ClassVar[list[tuple[int, int]]] = []

    def calls(self, inputs: object, outputs: object, scratch: np.ndarray, threads: int) -> list[KernelCall]:  # type: ignore[type-arg,override]
        self.seen.append((scratch.nbytes, threads))
        return []


def test_scratch_is_given_to_those_that_need_some() -> None:
    graph = Graph()
    a = graph.add1(Shown(16, 40))
    b = graph.add1(Shown(16), a)
    compiled = compile_graph(graph, {"b": b})
    Shown.seen.clear()
    bind(compiled, new_arena(compiled.plan.size), {})
    assert Shown.seen == [(40, 1), (0, 1)]
    offset = compiled.plan.offsets[a] + 64
    assert [compiled.plan.scratch_of(node) for node in compiled.graph.nodes] == [(offset, 40), (0, 0)]


def test_a_program_of_nothing_needs_nothing() -> None:
    assert planned(Graph()).size == 0
