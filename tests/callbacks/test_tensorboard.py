"""The TensorBoard callback: its files open in TensorBoard's own reader."""

from __future__ import annotations

import errno
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, StorageError
from nnctl.core.events import EpochEnded, Failed, Interrupted, RunEnded, RunStarted, StepEnded

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
    list(callback.handle(RunEnded(last, 2 * last, {}, 1.0), state))


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
    list(callback.handle(Interrupted(2, 15), {}))
    assert set(threading.enumerate()) == before
    list(callback.handle(RunStarted("r", tmp_path, 5, 2, 1, 2, 9, {"seed": 7}), {}))
    list(callback.handle(EpochEnded(1, 4, {"loss": 0.25}, 0.1), {}))
    assert steps_and_values(read(tmp_path / "logs" / "train"), "epoch_loss") == [(0, 0.5), (1, 0.25)]
    list(callback.handle(RunStarted("r", tmp_path, 5, 2, 1, 2, 9, {"seed": 7}), {}))
    list(callback.handle(Failed(3, "the loss", None), {}))
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
    list(callback.handle(RunEnded(1, 2, {}, 0.1), {}))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboard")

    def full(path: Path, root: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("nnctl.core.below.make_directories", full)
    callback = make("TensorBoard")
    with pytest.raises(StorageError, match=f"cannot write {tmp_path}/logs: No space left on device"):
        list(callback.handle(RunStarted("r", tmp_path, 5, 2, 0, 0, 9), {}))


def test_the_end_of_a_run_closes_its_files(tmp_path: Path) -> None:
    """Each is written by a thread of its own, which ends when the file is closed."""
    pytest.importorskip("tensorboard")
    before = set(threading.enumerate())
    train(tmp_path, 0, 2)
    assert (tmp_path / "logs" / "validation").is_dir()
    assert set(threading.enumerate()) == before
