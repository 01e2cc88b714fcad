"""The TensorBoard callback: its files open in TensorBoard's own reader."""

from __future__ import annotations

import errno
import gzip
import json
import struct
import sys
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.callbacks.tensorboard_images import pictures
from nnctl.core.errors import ConfigError, StorageError
from nnctl.core.events import (
    EpochEnded,
    LayerCall,
    RunClosed,
    RunStarted,
    StepEnded,
    Validated,
)
from nnctl.workflow.train import start

from .script import make


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    callback = make("TensorBoard")
    (problem,) = callback.problems(["loss"])
    assert "pip install 'nnctl[tensorboard]'" in problem.message
    with pytest.raises(ConfigError, match=r"pip install 'nnctl\[tensorboard\]'"):
        list(callback.handle(RunStarted("r", tmp_path, 2, 2, 0, 0, 9), callback.start()))


def train(run_dir: Path, first: int, last: int, **fields: object) -> None:
    callback = make("TensorBoard", **fields)
    state = callback.start()
    weights = {"dense/kernel": np.arange(15.0).reshape(3, 5)}
    list(callback.handle(RunStarted("r", run_dir, 5, 2, first, 2 * first, 9, {"seed": 7}), state))
    for epoch in range(first, last):
        for i in (1, 2):
            list(callback.handle(StepEnded(epoch, 2 * epoch + i, i, 2, {"loss": 0.5}), state))
        logs = {"loss": epoch + 0.5, "val_loss": 2.0, "learning_rate": 0.1}
        list(callback.handle(EpochEnded(epoch, 2 * epoch + 2, logs, 0.1, weights), state))
    callback.closed(RunClosed(run_dir, "completed"))


def read(directory: Path):
    module = "tensorboard.backend.event_processing.plugin_event_accumulator"
    accumulator = pytest.importorskip(module).EventAccumulator(str(directory))
    accumulator.Reload()
    return accumulator


def steps_and_values(accumulator, tag: str) -> list[tuple[int, float]]:
    return [(t.step, t.tensor_proto.float_val[0]) for t in accumulator.Tensors(tag)]


def test_scalars_histograms_and_config(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path, 0, 3, histogram_freq=2, log_dir="tb")
    found = read(tmp_path / "tb" / "train")
    assert steps_and_values(found, "epoch_loss") == [(0, 0.5), (1, 1.5), (2, 2.5)]
    assert [t.step for t in found.Tensors("dense/kernel/histogram")] == [0, 2]
    assert b'"seed": 7' in found.Tensors("config")[0].tensor_proto.string_val[0]
    assert "batch_loss" not in found.Tags()["tensors"]
    assert steps_and_values(read(tmp_path / "tb" / "validation"), "epoch_loss")[2] == (2, 2.0)


def test_a_resumed_run_replaces_what_it_writes_again(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path, 0, 4)
    train(tmp_path, 2, 5)
    found = read(tmp_path / "logs" / "train")
    assert [s for s, _ in steps_and_values(found, "epoch_loss")] == [0, 1, 2, 3, 4]


def test_steps(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path, 0, 2, update_freq="batch")
    train(tmp_path, 1, 3, update_freq="batch")
    found = read(tmp_path / "logs" / "train")
    assert [s for s, _ in steps_and_values(found, "batch_loss")] == [1, 2, 3, 4, 5, 6]
    train(tmp_path / "x", 0, 3, update_freq=3)
    assert [s for s, _ in steps_and_values(read(tmp_path / "x/logs/train"), "batch_loss")] == [3, 6]


def test_epochs_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    """And what an interrupted run wrote is complete: a run that begins again has files of its own."""
    pytest.importorskip("tensorboard")
    callback = make("TensorBoard")
    before = set(threading.enumerate())
    list(callback.handle(RunStarted("r", tmp_path, 5, 2, 0, 0, 9, {"seed": 7}), {}))
    list(callback.handle(EpochEnded(0, 2, {"loss": 0.5, "val_loss": 1.0}, 0.1), {}))
    assert steps_and_values(read(tmp_path / "logs" / "train"), "epoch_loss") == [(0, 0.5)]
    callback.closed(RunClosed(tmp_path, "interrupted", "signal 15"))
    assert set(threading.enumerate()) == before
    list(callback.handle(RunStarted("r", tmp_path, 5, 2, 1, 2, 9, {"seed": 7}), {}))
    list(callback.handle(EpochEnded(1, 4, {"loss": 0.25}, 0.1), {}))
    assert steps_and_values(read(tmp_path / "logs" / "train"), "epoch_loss") == [(0, 0.5), (1, 0.25)]
    list(callback.handle(RunStarted("r", tmp_path, 5, 2, 1, 2, 9, {"seed": 7}), {}))
    callback.closed(RunClosed(tmp_path, "failed", "the loss"))
    assert set(threading.enumerate()) == before


def test_the_config_is_readable(tmp_path: Path) -> None:
    """As a block of code, which Markdown takes from four spaces on; at the epoch that the run begins with."""
    pytest.importorskip("tensorboard")
    train(tmp_path, 0, 1)
    (text,) = read(tmp_path / "logs" / "train").Tensors("config")
    assert text.tensor_proto.string_val[0] == b'    {\n      "seed": 7\n    }'
    assert text.step == 0


def test_every_so_many_steps_are_those_of_the_run(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path, 0, 3, update_freq=4)
    assert steps_and_values(read(tmp_path / "logs" / "train"), "batch_loss") == [(4, 0.5)]
    assert make("TensorBoard", update_freq=4).wants_steps()
    assert not make("TensorBoard").wants_steps()


def test_without_a_run_directory_it_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    callback = make("TensorBoard", update_freq="batch", histogram_freq=1)
    list(callback.handle(RunStarted("r", None, 5, 2, 0, 0, 9), {}))
    list(callback.handle(StepEnded(0, 1, 1, 2, {"loss": 0.5}), {}))
    list(callback.handle(EpochEnded(0, 2, {"loss": 0.5}, 0.1, {}), {}))
    callback.closed(RunClosed(tmp_path, "completed"))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")

    def full(path: Path, root: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnctl.core.below.make_directories", full)
    callback = make("TensorBoard")
    with pytest.raises(StorageError, match=f"cannot write {tmp_path}/logs: No space left on device"):
        list(callback.handle(RunStarted("r", tmp_path, 5, 2, 0, 0, 9), {}))


def test_speed_and_validation_by_step(tmp_path: Path) -> None:
    """Steps a second of an epoch, and of each step that has scalars; not of what was made before."""
    pytest.importorskip("tensorboard")
    callback = make("TensorBoard", update_freq=2, write_steps_per_second=True)
    for event in (
        RunStarted("r", tmp_path, 5, 4, 2, 9, 9),
        StepEnded(2, 10, 2, 4, {"loss": 0.5}, 0.25),
        StepEnded(2, 11, 3, 4, {"loss": 0.5}, 0.125),
        StepEnded(2, 12, 4, 4, {"loss": 0.5}, 0.5),
        Validated(2, 12, {"val_loss": 7.0}),
        EpochEnded(2, 12, {"loss": 0.5, "val_loss": 7.0}, 6.0),
        EpochEnded(3, 16, {"loss": 0.5}, 1.0),
    ):
        list(callback.handle(event, {}))
    callback.closed(RunClosed(tmp_path, "completed"))
    found = read(tmp_path / "logs" / "train")
    assert steps_and_values(found, "batch_steps_per_second") == [(10, 4.0), (12, 2.0)]
    assert steps_and_values(found, "epoch_steps_per_second") == [(2, 0.5), (3, 4.0)]
    validated = read(tmp_path / "logs" / "validation")
    assert steps_and_values(validated, "evaluation_loss_vs_iterations") == [(12, 7.0)]
    train(tmp_path / "x", 0, 1, update_freq=1)
    assert "epoch_steps_per_second" not in read(tmp_path / "x/logs/train").Tags()["tensors"]


def test_graph_and_embeddings(tmp_path: Path) -> None:
    """As the pages Graphs and Projector read them."""
    pytest.importorskip("tensorboard")
    from google.protobuf import text_format
    from tensorboard.plugins.projector import projector_plugin
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    layers = [
        LayerCall("in/table", "Embedding", "in/table", ["x"], [(3, 2)]),
        LayerCall("again", "Embedding", "in/table", ["x"], [(3, 2)]),
        LayerCall("d", "Dense", "d", ["in/table", "again"], [(None, 4)]),
    ]
    tables = np.array([[[0.1, -2.0]], [[3.0, 1e-8]], [[5.0, 6.0]]], np.float32)
    fields = {"embeddings_freq": 2, "embeddings_metadata": {"in/table": 'w"ö.tsv'}}
    callback = make("TensorBoard", **fields)
    list(callback.handle(RunStarted("r", tmp_path, 3, 1, 0, 0, 9, inputs=("x",), layers=layers), {}))
    for epoch, table in enumerate(tables):
        weights = {"in/table/embeddings": table, "d/kernel": np.ones((2, 4))}
        list(callback.handle(EpochEnded(epoch, epoch + 1, {}, 0.1, weights), {}))
        (written,) = (tmp_path / "logs" / "embeddings").iterdir()
        expected = tables[0] if epoch < 2 else tables[2]
        np.testing.assert_array_equal(projector_plugin._read_tensor_tsv_file(str(written)), expected)
    callback.closed(RunClosed(tmp_path, "completed"))
    config = ProjectorConfig()
    text_format.Parse((tmp_path / "logs" / "projector_config.pbtxt").read_text(), config)
    (table,) = config.embeddings
    assert (tmp_path / "logs" / table.tensor_path, table.metadata_path) == (written, 'w"ö.tsv')
    nodes = {n.name: (n.op, list(n.input)) for n in read(tmp_path / "logs" / "train").Graph().node}
    assert nodes == {"x": ("Input", [])} | {call.name: (call.type, call.reads) for call in layers}
    found = callback.model_problems({"in/table": "Embedding", "d": "Dense"})
    assert found == make("TensorBoard", embeddings_freq=1, embeddings_metadata="all.tsv").model_problems({})
    assert found == []
    (problem,) = callback.model_problems({"in/tables": "Embedding", "d": "Dense"})
    assert (problem.path, problem.suggestion) == (("embeddings_metadata", "in/table"), "in/tables")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"profile_batch": [4, 3]}, "ends before it begins"),
        ({"write_images": True}, "say 'histogram_freq', too"),
        ({"embeddings_metadata": "a.tsv"}, "say 'embeddings_freq', too"),
    ],
)
def test_what_does_not_go_together(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make("TensorBoard", **fields)


@pytest.mark.keras
def test_pictures_are_those_of_keras(tmp_path: Path) -> None:
    """Laid out the same, of weights of any shape; the file holds the first three."""
    pytest.importorskip("tensorboard")
    keras = pytest.importorskip("keras")
    theirs, seen = keras.callbacks.TensorBoard(), []
    theirs._summary_module = SimpleNamespace(image=lambda name, data, step: seen.append(data))
    shapes = [(), (5,), (1, 5), (3, 5), (5, 3), (4, 4), (3, 2, 5), (3, 1, 2, 4), (3, 2, 2, 4), (2, 2, 3, 3)]
    for shape in [*shapes, (2, 5, 2, 1), (2, 3, 2, 5), (2, 2, 2, 2, 3)]:
        weight = np.random.default_rng(0).uniform(-0.5, 1.5, shape).astype(np.float32)
        seen.clear()
        theirs._log_weight_as_image(weight, "w", 0)
        made = pictures(weight)
        assert (made is None) == (not seen), shape
        if made is not None:
            np.testing.assert_array_equal(made, seen[0])
    weights = {"d/kernel": np.array([[-1, 0, 0.25], [0.5, 1, 2]], np.float32), "c/kernel": np.ones((2, 3, 4))}
    callback = make("TensorBoard", histogram_freq=1, write_images=True)
    list(callback.handle(RunStarted("r", tmp_path, 1, 1, 0, 0, 9), {}))
    list(callback.handle(EpochEnded(0, 1, {}, 0.1, weights), {}))
    callback.closed(RunClosed(tmp_path, "completed"))
    found = read(tmp_path / "logs" / "train")
    (image,) = found.Tensors("d/kernel/image")
    assert levels(image.tensor_proto.string_val) == [[[0, 0, 63], [127, 255, 255]]]
    (images,) = found.Tensors("c/kernel/image")
    assert levels(images.tensor_proto.string_val) == [[[255] * 3] * 2] * 3
    assert found.SummaryMetadata("d/kernel/image").plugin_data.plugin_name == "images"


def levels(strings: Sequence[bytes]) -> list[list[list[int]]]:
    """The grey levels of the pictures of a summary: width, height, and PNG files."""
    width, height, *files = strings
    found = []
    for file in files:
        assert file[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
        assert struct.unpack(">IIBB", file[16:26]) == (int(width), int(height), 8, 0)
        size = int.from_bytes(file[33:37], "big")
        assert zlib.crc32(file[37 : 41 + size]).to_bytes(4, "big") == file[41 + size : 45 + size]
        lines = np.frombuffer(zlib.decompress(file[41 : 41 + size]), np.uint8).reshape(int(height), -1)
        assert not lines[:, 0].any()
        found.append(lines[:, 1:].tolist())
    return found


CONFIG = """
nnctl: 1
data: {source: {type: npz, path: d.npz}, inputs: x, target: y, batch_size: 4, split: {validation: 4}}
model: {layers: [{type: Dense, units: 3, activation: softmax, name: o}]}
training: {epochs: 2, optimizer: adam, loss: sparse_categorical_crossentropy, callbacks: CALLBACKS}
"""


def test_a_profile_changes_no_bit(tmp_path: Path) -> None:
    """Steps 2 to 4, which another epoch ends: the calls of each program, and a table of the dearest."""
    pytest.importorskip("tensorboard")
    np.savez(tmp_path / "d.npz", x=np.linspace(0, 1, 64).reshape(16, 4), y=np.arange(16) % 3)
    board = "[{type: TensorBoard, profile_batch: [2, 4], histogram_freq: 1, write_images: true}]"
    hashes = []
    for name, callbacks in (("plain", "[]"), ("run", board)):
        (tmp_path / f"{name}.yaml").write_text(CONFIG.replace("CALLBACKS", callbacks))
        list(start(tmp_path / f"{name}.yaml", run_dir=tmp_path / name, threads=1).events())
        hashes.append(json.loads((tmp_path / name / "manifest.json").read_text())["weights_sha256"])
    assert hashes[0] == hashes[1]
    train = tmp_path / "run" / "logs" / "train"
    packed = (train / "plugins" / "profile" / "batch_4" / "nnctl.trace.json.gz").read_bytes()
    _, *slices = json.loads(gzip.decompress(packed))["traceEvents"]
    steps = [s for s in slices if s["cat"] == "step"]
    assert [s["name"] for s in steps] == [
        f"{program} of step {step}" for step in (2, 3, 4) for program in ("training", "check", "update")
    ]
    for whole in steps:
        inner = [
            s for s in slices if s["cat"] != "step" and whole["ts"] <= s["ts"] < whole["ts"] + whole["dur"]
        ]
        assert inner
        assert sum(s["dur"] for s in inner) <= whole["dur"] * (1 + 1e-9)
    assert {s["args"]["of"] for s in slices if s["cat"] == "training"} >= {"o", "loss of o"}
    (text,) = read(train).Tensors("profile")
    head, _, *rows = text.tensor_proto.string_val[0].decode().splitlines()
    assert (head.count("|"), text.step) == (8, 1)
    spent = [float(row.split("|")[6]) for row in rows]
    assert spent == sorted(spent, reverse=True)


def test_the_end_of_a_run_closes_its_files(tmp_path: Path) -> None:
    """Each is written by a thread of its own, which ends when the file is closed."""
    pytest.importorskip("tensorboard")
    before = set(threading.enumerate())
    train(tmp_path, 0, 2)
    assert (tmp_path / "logs" / "validation").is_dir()
    assert set(threading.enumerate()) == before
