"""The recorder turns events into a run directory that can be killed at any operation."""

from __future__ import annotations

import hashlib
import math
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from nnctl.core.errors import StorageError
from nnctl.core.events import (
    CheckpointDue,
    EpochEnded,
    EpochStarted,
    Failed,
    Interrupted,
    LogDue,
    RunEnded,
    RunStarted,
    StepEnded,
)
from nnctl.runs.decision import decide
from nnctl.runs.directory import RunDirectory, metrics_line
from nnctl.runs.manifest import Manifest
from nnctl.runs.model_file import read_model
from nnctl.runs.recorder import Recorder
from nnctl.storage.disk import DISK, Disk
from tests.storage.faults import FaultyDisk, Killed

from .examples import example_state, same_states

EPOCHS = 3
CONFIG = {"name": "a"}


def state_after(epoch: int):
    """The state that a checkpoint after `epoch` epochs holds."""
    state = example_state(4 * epoch)
    state.epoch, state.step_in_epoch = epoch, 0
    state.logs = {"loss": 1 / epoch} if epoch else {}
    return state


def train(path: Path, disk: Disk, *, resume: bool = False) -> None:
    """A run as the runner would drive it, resumed from its newest checkpoint."""
    decision = decide(path, "name: a\n", resume=resume)
    assert decision.action in ("start", "resume"), decision.message
    run = RunDirectory(path, keep=2, disk=disk)
    try:
        run.open()
        loaded = run.checkpoints.load()
        first = loaded.model.state.epoch if loaded.model else 0
        if decision.action == "start":
            run.write_config("name: a\n", "name: a\n")
        recorder = Recorder(run, Manifest("a"), CONFIG, {})
        recorder.begin()
        if loaded.model:
            assert recorder.go_on(loaded.model.state, ["log.csv"]) == frozenset()
        recorder.handle(RunStarted("a", path, EPOCHS, 4, first, 4 * first, 99))
        if loaded.model is None:
            recorder.handle(LogDue("log.csv", "epoch\n"))
        for epoch in range(first, EPOCHS):
            recorder.handle(EpochStarted(epoch))
            recorder.handle(StepEnded(epoch, 4 * epoch + 1, 1, 4, {}))
            recorder.handle(EpochEnded(epoch, 4 * epoch + 4, {"loss": 1 / (epoch + 1)}, 0.5))
            recorder.handle(LogDue("log.csv", f"{epoch}\n"))
            recorder.handle(CheckpointDue(epoch, 4 * epoch + 4, state_after(epoch + 1), best=epoch == 0))
        recorder.handle(RunEnded(EPOCHS, 4 * EPOCHS, {"loss": 0.25}, 1.5))
        recorder.complete(recorder.keep(state_after(EPOCHS), {}))
    finally:
        run.close()


def check_complete(path: Path) -> None:
    run = RunDirectory(path)
    manifest = run.manifest()
    assert (manifest.status, manifest.epochs, manifest.steps) == ("completed", 3, 12)
    assert manifest.metrics == {"loss": 0.25}
    assert [row["epoch"] for row in run.metrics()] == [0, 1, 2]
    model = read_model(run.model_path)
    final = replace(
        state_after(EPOCHS), callback_states=[], metric_states={}, kept={}, kept_logs={}, complete=False
    )
    assert (path / "log.csv").read_text() == "epoch\n0\n1\n2\n"
    assert same_states(model.state, final)
    assert same_states(run.checkpoints.load().model.state, state_after(EPOCHS))
    assert manifest.weights_sha256 == model.weights_sha256
    assert run.checkpoints.best().step == 4


def test_from_start_to_end(tmp_path: Path) -> None:
    train(tmp_path / "r", DISK)
    check_complete(tmp_path / "r")


def test_killed_anywhere_and_resumed(tmp_path: Path) -> None:
    counter = FaultyDisk()
    train(tmp_path / "whole", counter)
    for at in range(counter.count):
        path = tmp_path / str(at)
        with pytest.raises(Killed):
            train(path, FaultyDisk(at))
        again = decide(path, "name: a\n")
        if again.action != "completed":  # killed after the last rename
            train(path, DISK, resume=again.action == "refuse")
        check_complete(path)


def test_how_a_run_may_end(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path).open()
    recorder = Recorder(run, Manifest("a", wall_seconds=100.0), CONFIG, {})
    recorder.handle(RunStarted("a", tmp_path, 3, 4, 0, 0, 9))
    assert run.manifest().status == "running"
    assert run.manifest().started
    recorder.handle(CheckpointDue(0, 0, example_state(2), name="mine"))
    assert (tmp_path / "checkpoints" / "mine.h5").is_file()
    recorder.handle(Interrupted(7, 15))
    assert (run.manifest().status, run.manifest().steps, run.manifest().reason) == (
        "interrupted",
        7,
        "signal 15",
    )
    assert run.manifest().wall_seconds >= 100
    recorder.handle(Failed(9, "the loss became NaN", "dense"))
    assert run.manifest().reason == "the loss became NaN in dense at step 9"
    run.close()


def running(path: Path) -> Recorder:
    """A recorder of a run that has begun."""
    recorder = Recorder(RunDirectory(path).open(), Manifest("a"), CONFIG, {})
    recorder.begin()
    return recorder


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (KeyboardInterrupt(), "interrupted", "the process was told to end"),
        (GeneratorExit(), "interrupted", "the process was told to end"),
        (SystemExit(1), "interrupted", "the process was told to end"),
        (StorageError("the disk is full\nfree some"), "failed", "the disk is full"),
        (ZeroDivisionError("by zero\nmore"), "failed", "ZeroDivisionError: by zero, in dense"),
    ],
)
def test_how_a_run_ends_that_no_event_ends(
    error: BaseException, status: str, reason: str, tmp_path: Path
) -> None:
    recorder = running(tmp_path)
    if isinstance(error, ZeroDivisionError):
        error.add_note("in dense")
    recorder.break_off(error)
    found = recorder.run.manifest()
    assert (found.status, found.reason) == (status, reason)
    assert found.ended is not None
    recorder.break_off(StorageError("later"))
    assert recorder.run.manifest().reason == reason
    recorder.run.close()


def test_an_end_before_the_beginning_or_without_a_directory_is_not_told(tmp_path: Path) -> None:
    fresh = Recorder(RunDirectory(tmp_path / "a").open(), Manifest("a"), CONFIG, {})
    fresh.break_off(KeyboardInterrupt())
    assert not (tmp_path / "a" / "manifest.json").exists()
    gone = running(tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / "c")
    gone.break_off(KeyboardInterrupt())
    assert gone.run.checkpoints.checkpoints() == []
    with pytest.raises(StorageError, match="was removed, moved or replaced while it was used"):
        gone.handle(EpochEnded(0, 4, {}, 0.5))


def test_beginning_empties_what_another_attempt_wrote(tmp_path: Path) -> None:
    recorder = running(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("old\n")
    recorder.handle(RunStarted("a", tmp_path, 3, 4, 0, 0, 9))
    recorder.handle(EpochEnded(0, 4, {"loss": float("nan"), "b": 2.0}, 0.5))
    assert (tmp_path / "metrics.jsonl").read_text() == (
        '{"epoch": 0, "step": 4, "loss": null, "b": 2.0, "seconds": 0.5}\n'
    )
    (row,) = recorder.history()
    assert list(row) == ["epoch", "loss", "b"]
    assert math.isnan(row["loss"])
    found = recorder.run.manifest()
    recorder.handle(RunEnded(1, 4, {"loss": 1.0}, 1.5, restored_epoch=0))
    assert (recorder.manifest.restored_epoch, recorder.manifest.steps, found.steps) == (0, 4, 0)
    recorder.close()
    recorder.close()
    recorder.run.close()


def test_files_that_do_not_hold_what_they_held_are_lost(tmp_path: Path) -> None:
    """Of the metrics, the epochs before the checkpoint are taken over."""
    recorder = running(tmp_path)
    for name, text in {"a.csv": "one\ntwo\n", "b.csv": "other\n"}.items():
        (tmp_path / name).write_text(text)
    rows = [{"epoch": e, "loss": 1.0} for e in (0, 1, 2)]
    (tmp_path / "metrics.jsonl").write_text("".join(map(metrics_line, rows)))
    known = hashlib.sha256(b"one\n").hexdigest()
    files = {"a.csv": (4, known), "b.csv": (4, known), "metrics.jsonl": (4, known)}
    state = replace(state_after(2), files=files)
    lost = recorder.go_on(state, ["a.csv", "b.csv", "c.csv"])
    assert lost == {"b.csv", "c.csv", "metrics.jsonl"}
    assert (tmp_path / "a.csv").read_text() == "one\n"
    assert recorder.run.metrics() == rows[:2]
    recorder.handle(LogDue("a.csv", "three\n"))
    recorder.handle(LogDue("b.csv", "new\n"))
    assert (tmp_path / "a.csv").read_text() == "one\nthree\n"
    assert (tmp_path / "b.csv").read_text() == "new\n"
    recorder.close()
    recorder.run.close()


def test_time_goes_on_where_it_was(tmp_path: Path) -> None:
    recorder = Recorder(RunDirectory(tmp_path).open(), Manifest("a"), CONFIG, {})
    recorder._since -= 5
    recorder.begin(Manifest("b", wall_seconds=100.0, started="then"))
    found = recorder.run.manifest()
    assert 105 <= found.wall_seconds < 130
    assert (found.name, found.started, found.ended) == ("b", "then", None)
    recorder.handle(Failed(9, "the loss became NaN", None))
    found = recorder.run.manifest()
    assert (found.status, found.reason) == ("failed", "the loss became NaN at step 9")
    assert 105 <= found.wall_seconds < 130
    recorder.run.close()


def test_a_log_in_a_directory_of_its_own(tmp_path: Path) -> None:
    """The directory is made with the file; what another attempt left in it is gone."""
    run = RunDirectory(tmp_path / "r").open()
    (tmp_path / "r" / "old.csv").write_text("of another attempt\n")
    recorder = Recorder(run, Manifest("a"), CONFIG, {})
    recorder.begin()
    for name in ("logs/deep/log.csv", "old.csv"):
        recorder.handle(LogDue(name, "epoch\n"))
        recorder.handle(LogDue(name, "0\n"))
        assert (tmp_path / "r" / name).read_text() == "epoch\n0\n"
    run.close()


def test_an_epoch_is_in_the_manifest_that_ends_the_run(tmp_path: Path) -> None:
    recorder = running(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("old\n")
    recorder.handle(RunStarted("a", tmp_path, 3, 4, 0, 0, 9))
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    recorder.handle(EpochEnded(1, 8, {"loss": 0.5}, 0.5))
    recorder.handle(Interrupted(9, 2))
    found = recorder.run.manifest()
    assert (found.epochs, found.steps, found.metrics) == (2, 9, {"loss": 0.5})
    recorder.close()
    recorder.run.close()


def test_a_directory_that_was_replaced_is_left_alone(tmp_path: Path) -> None:
    """Neither an epoch nor a checkpoint nor a model nor an end is written there."""
    recorder = running(tmp_path / "b")
    (tmp_path / "b").rename(tmp_path / "c")
    (tmp_path / "b").mkdir()
    state = example_state(2)
    for event in (
        EpochEnded(0, 4, {}, 0.5),
        CheckpointDue(0, 4, state),
        Interrupted(4, 2),
        Failed(4, "x", None),
    ):
        with pytest.raises(StorageError, match="was removed, moved or replaced while it was used"):
            recorder.handle(event)
    with pytest.raises(StorageError, match="was removed, moved or replaced while it was used"):
        recorder.complete(recorder.keep(state, {}))
    recorder.break_off(KeyboardInterrupt())
    assert os.listdir(tmp_path / "b") == []
    recorder.run.close()


def test_the_files_that_grew_are_on_the_platter_before_the_model(tmp_path: Path) -> None:
    disk = FaultyDisk()
    before = len(os.listdir("/proc/self/fd"))
    run = RunDirectory(tmp_path, disk=disk).open()
    recorder = Recorder(run, Manifest("a"), CONFIG, {})
    recorder.begin()
    recorder.handle(LogDue("log.csv", "epoch\n"))
    recorder.handle(EpochEnded(0, 4, {}, 0.5))
    del disk.operations[:]
    recorder.complete(recorder.keep(example_state(4), {}))
    assert disk.operations[:3] == ["sync", "sync", "create"]
    recorder.close()
    run.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_times_are_told_in_milliseconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = running(tmp_path)
    monkeypatch.setattr(time, "monotonic", lambda: recorder._since + 1.23456)
    recorder.handle(Interrupted(4, 2))
    assert recorder.run.manifest().wall_seconds == 1.235
    recorder.run.close()
