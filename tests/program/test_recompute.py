"""What gradients read is made again: the same bits wherever segments are cut, in less memory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from nnctl.graph.model import LayerGraph
from nnctl.ops import elementwise, linear
from nnctl.ops.activation import sigmoid
from nnctl.ops.base import Condition, Graph
from nnctl.ops.normalization import update_moving
from nnctl.ops.reduce import sum_all
from nnctl.program import recompute as subject
from nnctl.program.autodiff import gradients
from nnctl.program.programs import TrainingProgram
from nnctl.program.recompute import recompute
from nnctl.workflow.train import start
from tests.cli.command import nnctl
from tests.program.invariants import broken_invariants
from tests.workflow.test_going_on import train

from .random_graphs import (
    IMAGES,
    INPUTS,
    compiled_program,
    fill_inputs,
    random_images,
    random_model,
    session_of,
)

EVERY = {"every node": 1, "every third": 3, "every eighth": 8, "as is best": 0}


def trained(model: LayerGraph, again: bool, sizes: dict[str, tuple[int, ...]]) -> tuple[bytes, bytes, bytes]:
    """Gradients, states and weights after two runs of a training program."""
    session = session_of(model)
    session.recompute = again
    program = compiled_program(session, TrainingProgram(sizes))
    for _ in range(2):
        fill_inputs(program, 3)
        program.run()
    states = b"".join(state.tobytes() for state in session.states.values())
    return (session.weights.gradients + 0.0).tobytes(), states, session.weights.flat.tobytes()


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("seed", range(12))
def test_the_bits_do_not_hang_on_where_segments_are_cut(
    seed: int, every: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = EVERY[every]
    if step:
        monkeypatch.setattr(
            subject._Forward, "best_cuts", lambda self: list(range(step, len(self.nodes), step))
        )
    images = seed % 3 == 0
    model = random_images(seed) if images else random_model(seed)
    sizes = {"a": (3, *IMAGES["a"])} if images else {name: (5, *shape) for name, shape in INPUTS.items()}
    assert trained(model, True, sizes) == trained(model, False, sizes)


def chain(length: int) -> tuple[Graph, int]:
    """Products and sigmoids in turns, with gradients; and how many nodes are not theirs."""
    graph = Graph()
    y = graph.input("x", (40, 8))
    weights = [graph.variable(f"w{i}", (8, 8)) for i in range(length)]
    for w in weights:
        y = sigmoid(linear.linear(y, w))
    loss = sum_all(y)
    forward = len(graph.nodes)
    gradients(loss, weights)
    return graph, forward


def test_of_a_chain_about_its_root_is_made_again() -> None:
    graph, forward = chain(36)
    before = len(graph.nodes)
    recompute(graph, forward)
    assert not broken_invariants(graph)
    again = graph.nodes[forward:]
    copies = sum(type(node.op).__name__ == "MatMul" for node in again) - 2 * 36
    # Of 36 values five or so are kept, and the last segment is; each other product is made once more.
    assert 20 <= copies <= 31
    assert len(graph.nodes) - before < 4 * copies


def test_segments_end_where_least_crosses_and_as_late_as_they_can() -> None:
    """Of eight nodes that save 1 each, at most four together: a cut is in the second half of these."""
    before = list(range(9))
    assert subject._cut(before, [9, 9, 5, 3, 5, 9, 9, 9, 0], 4) == [3, 7]
    assert subject._cut(before, [1] * 9, 4) == [4]
    assert subject._cut(before, [1] * 9, 8) == []


def test_what_a_step_writes_or_may_leave_out_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject._Forward, "best_cuts", lambda self: [len(self.nodes) - 1])
    for kind in ("plain", "written", "conditional"):
        graph = Graph()
        x, state = graph.variable("w", (4, 3)), graph.variable("state", (4, 3))
        if kind == "conditional":
            with graph.only(Condition(graph.input("number", (1,)), 0, 2)):
                other = elementwise.shift(state, 1.0)
        else:
            other = elementwise.shift(state, 1.0)
        if kind == "written":
            update_moving(state, x, 0.5)
        loss = sum_all(elementwise.multiply(x, other))
        forward = len(graph.nodes)
        gradients(loss, [x])
        recompute(graph, forward)
        shifts = [node for node in graph.nodes if node.op == elementwise.Affine(1.0, 1.0)]
        assert len(shifts) == (2 if kind == "plain" else 1), kind


def config(folder: Path) -> Path:
    """A deep network with all that must not happen twice: draws, moving statistics, metrics."""
    random = np.random.default_rng(3)
    np.savez(folder / "data.npz", x=random.standard_normal((70, 24), "float32"), y=random.integers(0, 3, 70))
    block = [
        {"type": "Dense", "units": 24},
        "BatchNormalization",
        {"type": "Activation", "activation": "gelu"},
    ]
    layers = [*block, {"type": "Dropout", "rate": 0.2}] * 9
    text = {
        "nnctl": 1,
        "data": {"source": {"type": "npz", "path": "data.npz"}, "target": "y", "batch_size": 32},
        "model": {"layers": [*layers, {"type": "Dense", "units": 3, "activation": "softmax"}]},
        "training": {
            "epochs": 2,
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
        },
    }
    (folder / "deep.yaml").write_text(yaml.safe_dump(text))
    return folder / "deep.yaml"


def test_a_run_has_the_same_hash_and_its_plan_less_memory(tmp_path: Path) -> None:
    path, hashes, arenas = config(tmp_path), set(), []
    for again in ("false", "true"):
        override = f"training.recompute={again}"
        plan = nnctl("plan", path, "--json", "--set", override)
        assert plan.code == 0, plan.err
        arenas.append(json.loads(plan.out)["memory"]["arena"])
        run = train(start(path, run_dir=tmp_path / again, overrides=[override]))
        hashes.add(run.result()["weights_sha256"])
    assert len(hashes) == 1
    assert arenas[1] < 0.6 * arenas[0]
    assert nnctl("check", path, "--set", "training.recompute=twice").code == 2
