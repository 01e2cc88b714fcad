"""What benchmarks run still runs; how fast it is, no test says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from benchmarks.folder import FOLDER, first_weights
from benchmarks.libraries import LIBRARIES
from benchmarks.measure import _why_not
from benchmarks.protocol import Server
from benchmarks.timing import loss_difference, output_difference
from benchmarks.workers.nnctl_calls import calls_of
from benchmarks.workers.nnctl_files import write
from benchmarks.workers.nnctl_steps import Inference, make
from benchmarks.workloads import WORKLOADS
from benchmarks.workloads.base import Input, Workload
from benchmarks.workloads.merged import border, merged
from nnctl.ops.base import Graph, Node
from nnctl.ops.linear import matmul
from nnctl.program.programs import TrainingProgram
from nnctl.workflow.assemble import assemble, load_experiment, look


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_the_config_of_a_workload_passes_check_and_becomes_a_program(
    workload: Workload, tmp_path: Path
) -> None:
    workload.write(tmp_path / "examples.npz", rows=2)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(workload.config("examples.npz")))
    assert not look(load_experiment(path)).warnings
    assembled = assemble(path)
    sizes = {name: (2, *given.shape) for name, given in workload.inputs.items()}
    assert assembled.session(1).compiled(TrainingProgram(sizes)).graph.nodes
    (said,) = assembled.model.output_shapes().values()
    wanted = workload.batches(2)[0][1].shape[1:]
    assert said == (wanted if workload.target.kind != "classes" else (*wanted, workload.target.classes))


def test_a_worker_tells_losses_steps_and_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    write(WORKLOADS["tiny"])
    server = Server(dict, make, Inference)
    losses = server.answer({"do": "losses", "job": "tiny", "steps": 5})
    assert losses[0] > losses[4]  # Of the same batch: there are four.
    going_on = server.current[("training", "tiny", False)]
    assert len(server.answer({"do": "burst", "job": "tiny", "seconds": 0})) == 3
    # Nothing is dropped in it: the steps that are timed are of the training whose losses were told.
    assert server.current == {("training", "tiny", False): going_on}
    one = server.answer({"do": "outputs", "job": "tiny", "batch": 1})
    assert len(one) == 3
    (inputs, _), *_ = WORKLOADS["tiny"].batches(1)
    np.testing.assert_allclose(one, _forward(inputs["x"], first_weights("tiny"))[0], rtol=1e-5, atol=1e-6)
    assert len(server.answer({"do": "passes", "job": "tiny", "batch": 1, "seconds": 0})) == 3
    assert server.answer({"do": "memory"}) > 10
    kinds = {kind["op"]: kind for kind in server.answer({"do": "calls", "job": "tiny"})}
    # 4-16-3 for 32 examples: forward, the gradients of both kernels and of what is between.
    assert kinds["MatMul"]["flops"] == 2 * 32 * (2 * 4 * 16 + 3 * 16 * 3)
    assert kinds["MatMul"]["calls"] == 5
    assert list(kinds) == sorted(kinds, key=lambda op: -kinds[op]["ms"])
    assert {"Update", "FirstNonFinite"} <= {*kinds}


class _Written:
    """A session and its programs at once: calls whose times are written down, a step after the other."""

    def __init__(self, *steps: list[tuple[str, Node, float, float]]) -> None:
        self.steps = iter(steps)

    def check(self) -> _Written:
        return _Written([], [])

    update = check

    def take_hyper(self, batch: int, rate: float | None) -> None:
        assert rate == 0.0

    def run_timed(self, clock: Any) -> list[tuple[str, Node, float, float]]:
        return next(self.steps)


def test_a_kind_has_the_least_time_of_each_call_and_each_node_once() -> None:
    graph = Graph("float32")
    x, y = graph.variable("x", (4, 3)), graph.variable("y", (3, 2))
    product, other = (matmul(x, y).node for _ in range(2))
    assert product is not None
    assert other is not None
    nodes = [product, product, other]  # the first is two calls
    steps = [
        [("matmul", node, 0.0, ms / 1e3) for node, ms in zip(nodes, row, strict=True)]
        for row in ((1.0, 5.0, 3.0), (2.0, 4.0, 3.5))
    ]
    filled: list[bool] = []
    (kind,) = calls_of(
        _Written(),  # type: ignore[arg-type]
        _Written(*steps),  # type: ignore[arg-type]
        lambda: filled.append(True),
        2,
    )
    assert len(filled) == 2
    assert kind["ms"] == pytest.approx(1.0 + 4.0 + 3.0)
    assert kind["calls"] == 3
    assert kind["flops"] == 2 * (2 * 4 * 3 * 2)
    assert kind["megabytes"] == pytest.approx(2 * 4 * (12 + 6 + 8) / 1e6)


def test_what_only_nnctl_tells_no_peer_is_started_for() -> None:
    nnctl, torch = LIBRARIES[:2]
    for parts, asked in ((["calls"], False), (["threads", "peak"], False), (["steps", "calls"], True)):
        assert _why_not(nnctl, WORKLOADS["mlp"], parts) is None
        assert (_why_not(torch, WORKLOADS["mlp"], parts) is None) == asked


def test_jax_computes_what_nnctl_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax")
    from benchmarks.workers import raw_jax

    monkeypatch.setenv(FOLDER, str(tmp_path))
    write(WORKLOADS["tiny"])
    ours = Server(dict, make, Inference)
    theirs = Server(raw_jax.about, raw_jax.Training, raw_jax.Inference)
    losses = {"do": "losses", "job": "tiny", "steps": 3}
    assert loss_difference(ours.answer(losses), theirs.answer(losses)) < 1e-5
    outputs = {"do": "outputs", "job": "tiny", "batch": 3}
    assert output_difference(ours.answer(outputs), theirs.answer(outputs)) < 1e-5


def _forward(x: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """The workload `tiny` in NumPy; first biases are 0."""
    first, second = (w for name, w in weights.items() if name.endswith("kernel"))
    scores: np.ndarray = np.maximum(x @ first, 0) @ second
    return scores


def test_examples_that_are_drawn() -> None:
    rng = np.random.default_rng(1)
    words = Input((16,), 50, lengths=True).draw(rng, 200)
    lengths = (words != 0).sum(1)
    assert lengths.min() == 2
    assert lengths.max() == 16
    assert all((row[:n] != 0).all() and (row[n:] == 0).all() for row, n in zip(words, lengths, strict=True))
    np.testing.assert_array_equal(Input((3,), 3, places=True).draw(rng, 2), [[0, 1, 2], [0, 1, 2]])
    assert Input((3,)).draw(rng, 2).dtype == np.float32


def test_entries_are_named_and_say_what_they_read() -> None:
    workload = WORKLOADS["mlp"]
    assert [e.type for e in workload.entries(dropout=True)] == ["Dense", "Dropout"] * 2 + ["Dense"]
    plain = workload.entries(dropout=False)
    assert [e.reads for e in plain] == [("x",), ("dense_0",), ("dense_2",)]
    assert workload.only("Dense", "Dropout")
    assert not WORKLOADS["cnn"].only("Dense", "Dropout")
    assert not WORKLOADS["resnet20"].only(*{e.type for e in WORKLOADS["resnet20"].entries(True)})
    assert workload.drops
    assert not WORKLOADS["wide"].drops


def test_rows_of_zeros_go_into_the_convolution() -> None:
    workload = WORKLOADS["resnet20"]
    count = sum(e.type == "ZeroPadding2D" for e in workload.entries(False))
    found = merged(workload, False)
    assert count == 2
    assert not any(e.type == "ZeroPadding2D" for e in found)
    padded = [e for e in found if e.fields.get("padding") == 1]
    assert [e.fields["strides"] for e in padded] == [2, 2]
    assert padded[0].reads == ("block_0_2",)
    assert [border(3, "same"), border(8, "same"), border(5, "valid"), border(3, 1)] == [
        (1, 1),
        (3, 4),
        (0, 0),
        (1, 1),
    ]


def test_the_peak_is_a_number() -> None:
    from benchmarks.workers import peak

    # x <- x / 2 + 1/2 ends at 1: the sum of a lane over all chains says that every one went on.
    assert peak.multiply_adds(100, np.float32(0.5)) == peak.CHAINS
    a, b, c = (np.full(5, n, np.float32) for n in (0, 2, 3))
    peak.stream(a, b, c, np.float32(0.5))
    np.testing.assert_array_equal(a, np.full(5, 3.5))
    assert peak.gigabytes(1, elements=1000) > 0


def test_a_worker_is_a_process_that_answers(tmp_path: Path) -> None:
    """In an environment without the settings that make NumPy slow."""
    from benchmarks.processes import Worker, environment

    env = environment(1, {FOLDER: str(tmp_path)})
    assert "OPENBLAS_CORETYPE" not in env
    worker = Worker("NumPy", [sys.executable, "-m", "benchmarks.workers.numpy_product"], env)
    try:
        assert worker.ask(do="about") == {"numpy": np.__version__}
        with pytest.raises(RuntimeError, match="NumPy does not train: mlp"):
            worker.ask(do="burst", job="mlp", seconds=0)
    finally:
        worker.close()
    assert worker.process.returncode == 0
    assert (
        subprocess.run([sys.executable, "benchmarks/run.py", "--help"], capture_output=True).returncode == 0
    )
