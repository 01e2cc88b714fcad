"""The compiler: passes keep meaning, the plan never lets live buffers overlap, programs share one arena."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.ops import convolution, elementwise, linear, shape
from nnctl.ops.base import Graph
from nnctl.program.bind import Compiled, bind, compile_graph, new_arena
from nnctl.program.listing import listing
from nnctl.program.plan import ALIGNMENT
from nnctl.program.programs import EvaluationProgram, PredictionProgram, TrainingProgram
from nnctl.program.session import Session
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from nnctl.workflow.assemble import assemble
from tests.ops.harness import activate
from tests.program.invariants import broken_invariants

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def two_layers() -> tuple[Graph, dict[str, object]]:
    graph = Graph("float64")
    x = graph.input("x", (6, 5))
    w1, w2 = graph.variable("w1", (5, 7)), graph.variable("w2", (7, 3))
    hidden = activate(linear.linear(x, w1), "relu")
    dead = elementwise.scale(hidden, 3.0)
    y = linear.linear(elementwise.add(hidden, hidden), w2)
    return graph, {"y": y, "dead": dead}


def test_dead_code_goes_and_relu_is_fused() -> None:
    graph, made = two_layers()
    compiled = compile_graph(graph, {"y": made["y"]})  # type: ignore[dict-item]
    ops = [type(node.op).__name__ for node in compiled.graph.nodes]
    assert ops == ["MatMul", "Binary", "MatMul"]
    assert compiled.graph.nodes[0].op.relu  # type: ignore[attr-defined]
    rng = np.random.default_rng(0)
    memory = {"w1": rng.standard_normal((5, 7)), "w2": rng.standard_normal((7, 3))}
    bound = bind(compiled, new_arena(compiled.plan.size), memory)
    bound.inputs["x"][...] = rng.standard_normal((6, 5))
    x = bound.inputs["x"].copy()
    bound.run()
    want = 2 * np.maximum(x @ memory["w1"], 0) @ memory["w2"]
    np.testing.assert_allclose(bound.outputs["y"], want, rtol=1e-12)


def test_gradients_are_written_where_the_optimizer_reads_them() -> None:
    """Nothing is copied but what is a view, or the gradient of two weights at once."""
    assembled = assemble(CONFIGS / "digits_mlp.yaml")
    session = assembled.session(1)
    sizes = {name: (7, *p.shape) for name, p in assembled.data.train.inputs.items()}
    compiled = session.compiled(TrainingProgram(sizes))
    assert [node for node in compiled.graph.nodes if type(node.op).__name__ == "Copy"] == []
    wanted = {"loss", *(f"gradient:{name}" for name in session.weights.gradient_views)}
    assert {*compiled.pinned.values()} == wanted
    assert len(compiled.pinned) == len(wanted) == 7


def lifetimes(compiled: Compiled) -> list[tuple[int, int, int, int]]:
    """(first byte, last byte, first node, last node) of every value in the arena, computed anew."""
    nodes = compiled.graph.nodes
    first = dict.fromkeys(compiled.graph.inputs.values(), -1)
    last = dict(first)
    for at, node in enumerate(nodes):
        for value in node.outputs:
            first[value] = last[value] = at
        for value in node.inputs:
            last[value] = max(last.get(value, at), at)
    for value in compiled.outputs.values():
        last[value] = len(nodes)
    spans = []
    for value, offset in compiled.plan.offsets.items():
        spans.append((offset, offset + value.type.nbytes, first[value], last[value]))
    for node, (offset, size) in compiled.plan.scratch.items():
        spans.append((offset, offset + size, nodes.index(node), nodes.index(node)))
    return spans


@pytest.mark.parametrize("config", ["digits_cnn.yaml", "digits_halves.yaml", "penguins.yaml"])
def test_no_two_live_buffers_overlap(config: str) -> None:
    assembled = assemble(CONFIGS / config)
    session = assembled.session(2)
    sizes = {name: (7, *p.shape) for name, p in assembled.data.train.inputs.items()}
    compiled = session.compiled(TrainingProgram(sizes), watch=lambda _, graph: None)
    assert not broken_invariants(compiled.graph)
    spans = lifetimes(compiled)
    views = [n for n in compiled.graph.nodes if n.op.view or n.op.inplace]
    for i, (a0, a1, first_a, last_a) in enumerate(spans):
        assert a0 % ALIGNMENT == 0
        assert a1 <= compiled.plan.size
        for b0, b1, first_b, last_b in spans[i + 1 :]:
            overlap = a0 < b1 and b0 < a1
            # A value written over one that dies at the same node, and a view, share memory on purpose.
            alive = first_a < last_b and first_b < last_a
            if overlap and alive:
                assert views, (a0, b0)
                assert a0 == b0, "only a view may share live memory, and it starts where its base does"


@pytest.mark.parametrize("config", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_invariants_hold_between_passes(config: str) -> None:
    assembled = assemble(CONFIGS / config)
    session = assembled.session(2)
    sizes = {name: (3, *p.shape) for name, p in assembled.data.train.inputs.items()}
    seen: list[str] = []

    def watch(name: str, graph: Graph) -> None:
        seen.append(name)
        assert not broken_invariants(graph), name

    for kind in (TrainingProgram, EvaluationProgram, PredictionProgram):
        session.compiled(kind(sizes), watch)
    assert seen[:3] == ["dead-code", "share", "fuse"]


def model() -> LayerGraph:
    layers = [
        {"type": "Dense", "units": 6, "activation": "relu"},
        "BatchNormalization",
        {"type": "Dense", "units": 3, "activation": "softmax"},
    ]
    return build(ModelSpec.model_validate({"layers": layers}), {"x": InputInfo((5,), "float32")})


def session_of(graph: LayerGraph, threads: int = 2) -> Session:
    training = TrainingSpec.model_validate({"loss": "sparse_categorical_crossentropy", "optimizer": "adam"})
    objective = compile_objective(training, graph)
    session = Session(
        graph, dtype="float32", seed=3, threads=threads, objective=objective, optimizer=training.optimizer
    )
    session.initialize()
    return session


def test_programs_share_one_arena_of_exactly_the_planned_size() -> None:
    session = session_of(model())
    wanted = [
        TrainingProgram({"x": (32, 5)}),
        TrainingProgram({"x": (7, 5)}),
        EvaluationProgram({"x": (32, 5)}),
    ]
    bound = session.prepare(wanted)
    sizes = [session.compiled(program).plan.size for program in wanted]
    assert session._arena.nbytes == max(sizes)
    starts = {b.inputs["input:x"].ctypes.data - b.inputs["input:x"].ctypes.data % ALIGNMENT for b in bound}
    assert max(starts) - min(starts) < session._arena.nbytes


def test_a_larger_batch_than_any_before_rebinds() -> None:
    session = session_of(model())
    small = session.training({"x": (2, 5)})
    large = session.training({"x": (200, 5)})
    assert session._arena.nbytes == session.compiled(TrainingProgram({"x": (200, 5)})).plan.size
    again = session.training({"x": (2, 5)})
    assert again is not small
    for program in (large, again):
        program.inputs["input:x"][...] = 0.5
        program.inputs["target:dense_1"][...] = 1
        program.run()
        assert np.isfinite(program.outputs["loss"]).all()


def test_a_short_batch_gives_the_same_bits_in_any_arena() -> None:
    first, second = session_of(model()), session_of(model())
    first.prepare([TrainingProgram({"x": (64, 5)})])
    results = []
    for session in (first, second):
        program = session.training({"x": (5, 5)})
        program.inputs["input:x"][...] = np.linspace(-1, 1, 25).reshape(5, 5)
        program.inputs["target:dense_1"][...] = [0, 1, 2, 1, 0]
        program.run()
        results.append((program.outputs["loss"].tobytes(), session.weights.gradients.tobytes()))
    assert results[0] == results[1]


def test_the_first_non_finite_layer_is_named() -> None:
    session = session_of(model())
    session.weights.arrays["dense_1/kernel"][0, 0] = np.inf
    program = session.training({"x": (4, 5)})
    program.inputs["input:x"][...] = 0.25
    program.inputs["target:dense_1"][...] = 1
    node = program.first_non_finite()
    assert node is not None
    assert node.origin == "dense_1"


def test_gradients_are_views_of_one_flat_buffer() -> None:
    store = session_of(model()).weights
    for name, view in store.gradient_views.items():
        assert view.base is not None
        assert np.shares_memory(view, store.gradients)
        assert view.shape == store.arrays[name].shape
    assert not np.shares_memory(store.flat, store.gradients)


def test_a_listing_names_every_call() -> None:
    session = session_of(model())
    compiled = session.compiled(TrainingProgram({"x": (4, 5)}))
    lines = listing(compiled)
    assert any("MatMul(bias, relu)" in line.op for line in lines)
    assert {line.origin for line in lines} >= {"dense", "batch_normalization", "dense_1", "loss"}
    assert any("gradient:dense/kernel" in out for line in lines for out in line.outputs)


def test_shape_of_nothing() -> None:
    graph = Graph("float32")
    x = graph.input("x", (0, 5))
    y = shape.reshape(linear.linear(x, graph.variable("w", (5, 2))), (0, 2))
    compiled = compile_graph(graph, {"y": y})
    bound = bind(compiled, new_arena(compiled.plan.size), {"w": np.ones((5, 2), np.float32)})
    bound.run()
    assert bound.outputs["y"].shape == (0, 2)


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize(("value", "found"), [(1.0, None), (np.nan, "Convolution")])
def test_a_node_of_several_calls_is_looked_at_after_its_last(
    value: float, found: str | None, more: bool
) -> None:
    """Whatever is in its output before: a convolution packs its kernel first."""
    graph = Graph("float32")
    x, kernel = graph.input("x", (2, 5, 6, 3)), graph.variable("k", (2, 2, 3, 4))
    y = convolution.convolve(x, kernel, None, (1, 1), ((0, 0), (0, 0)))
    compiled = compile_graph(graph, {"y": elementwise.scale(y, 2.0) if more else y})
    arena = new_arena(compiled.plan.size)
    bound = bind(compiled, arena, {"k": np.ones((2, 2, 3, 4), np.float32)})
    assert len(bound.calls) == 2 + more
    arena.view(np.uint8)[...] = 0xFF
    bound.inputs["x"][...] = value
    node = bound.first_non_finite()
    assert (None if node is None else type(node.op).__name__) == found
