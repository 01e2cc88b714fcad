"""Every end of a run has a status and a reason, and nothing is written where the run no longer is."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nnctl.core import events
from nnctl.core.errors import DataError, StorageError
from nnctl.runs.compare import show_run, summarize
from nnctl.runs.directory import RunDirectory
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.train import Training, start

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
OVERRIDES = ["training.epochs=3"]


def made(path: Path, overrides: list[str] = OVERRIDES, **rest: Any) -> Training:
    return start(IRIS, run_dir=path, overrides=overrides, threads=1, **rest)


def drive(training: Training, at: int = 0, do: Callable[[], object] = lambda: None) -> dict[str, Any]:
    """Train to the end, and at step `at` do something."""
    for event in training.events():
        if isinstance(event, events.StepEnded) and event.step == at:
            do()
    return training.result()


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(drive(made(tmp_path_factory.mktemp("straight") / "run"))["weights_sha256"])


def ended(path: Path) -> tuple[str, str]:
    manifest = RunDirectory(path).manifest()
    assert manifest.ended is not None
    return manifest.status, manifest.reason or ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DataError("not a finite number", file="x.h5", row=9), "x.h5:9: not a finite number"),
        (RuntimeError("odd\nmore"), "RuntimeError: odd"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_data_that_cannot_be_read_on_the_way(
    error: Exception, reason: str, straight: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lazily read file may turn out wrong after hours."""
    real, calls = BatchReader.read, [0]

    def read(self: BatchReader, *args: Any) -> None:
        calls[0] += 1
        if calls[0] == 11:
            raise error
        real(self, *args)

    monkeypatch.setattr(BatchReader, "read", read)
    with pytest.raises(type(error)):
        drive(made(tmp_path / "run"))
    status, said = ended(tmp_path / "run")
    assert (status, said.startswith(reason)) == ("failed", True)
    assert drive(made(tmp_path / "run", resume=True))["weights_sha256"] == straight


def test_a_callback_that_raises_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnctl.callbacks.terminate_on_nan import TerminateOnNaN

    def handle(self: object, event: events.Event, state: object) -> Iterator[events.Request]:
        if isinstance(event, events.EpochEnded) and event.epoch == 1:
            raise KeyError("val_f1")
        yield from ()

    monkeypatch.setattr(TerminateOnNaN, "handle", handle)
    with pytest.raises(KeyError):
        drive(made(tmp_path / "run", [*OVERRIDES, "training.callbacks=[TerminateOnNaN]"]))
    assert ended(tmp_path / "run") == ("failed", "KeyError: 'val_f1', in the callback TerminateOnNaN")
    # The best model so far is not lost with the process that had it in memory.
    assert RunDirectory(tmp_path / "run").checkpoints.best() is not None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_drives_it_may_go_away(error: type[BaseException], straight: str, tmp_path: Path) -> None:
    running = made(tmp_path / "run").events()
    for event in running:
        if isinstance(event, events.StepEnded) and event.step == 9:
            break
    with pytest.raises(error):
        running.throw(error())  # type: ignore[attr-defined]
    assert ended(tmp_path / "run") == ("interrupted", "the process was told to end")
    running = made(tmp_path / "run", resume=True).events()
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert ended(tmp_path / "run")[0] == "interrupted"
    assert drive(made(tmp_path / "run", resume=True))["weights_sha256"] == straight


def test_a_killed_run_says_what_can_be_said(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run").open()
    drive_manifest = made(tmp_path / "other").manifest
    run.write_manifest(drive_manifest)
    run.close()
    summary = summarize(run)
    assert summary.manifest is not None
    assert (summary.status, "killed" in (summary.manifest.reason or "")) == ("interrupted", True)


@pytest.mark.parametrize("what", ["removed", "moved", "replaced"])
@pytest.mark.parametrize("every", ["auto", "epoch", "3"])
def test_a_directory_that_is_gone_ends_the_run(what: str, every: str, tmp_path: Path) -> None:
    """It does not go on without a lock, nor write into what has its name now."""
    path = tmp_path / "run"

    def meddle() -> None:
        path.rename(tmp_path / "elsewhere")
        if what == "removed":
            shutil.rmtree(tmp_path / "elsewhere")
        elif what == "replaced":
            path.mkdir()
            (path / ".lock").touch()

    training = made(path, [*OVERRIDES, f"training.checkpoint={{every: {every}}}"])
    with pytest.raises(StorageError, match="removed, moved or replaced"):
        drive(training, 9, meddle)
    assert [p.name for p in path.iterdir()] == [".lock"] if what == "replaced" else not path.exists()


@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal(ignored: bool, straight: str, tmp_path: Path) -> None:
    """SIGHUP, which comes more than once, commits a checkpoint; under nohup it is nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    try:
        training = made(tmp_path / "run")
        result = drive(training, 9, lambda: [os.kill(os.getpid(), signal.SIGHUP) for _ in range(2)])
    finally:
        signal.signal(signal.SIGHUP, before)
    if ignored:
        assert result["weights_sha256"] == straight
        return
    assert (training.exit_code, ended(tmp_path / "run")) == (129, ("interrupted", "signal 1"))
    assert drive(made(tmp_path / "run", resume=True))["weights_sha256"] == straight


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_and_the_first_one_the_step(number: int, tmp_path: Path) -> None:
    """Afterwards signals are whose they were, and the run is nobody's."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before, during = [signal.getsignal(n) for n in signals], []

    def tell() -> None:
        os.kill(os.getpid(), number)
        during.extend(signal.getsignal(n) for n in signals)

    training = made(tmp_path / "run")
    drive(training, 9, tell)
    assert [handler == signal.SIG_DFL for handler in during] == [n == number for n in signals]
    assert training.exit_code == 128 + number
    assert [signal.getsignal(n) for n in signals] == before
    RunDirectory(tmp_path / "run").open().close()


def test_training_in_another_thread_leaves_signals_alone(straight: str, tmp_path: Path) -> None:
    result: dict[str, Any] = {}
    thread = threading.Thread(target=lambda: result.update(drive(made(tmp_path / "run"))))
    thread.start()
    thread.join()
    assert result["weights_sha256"] == straight


def test_a_dead_terminal_does_not_end_training(straight: str, tmp_path: Path) -> None:
    """Where no signal comes (a pane that was killed, `setsid`), writing to it gives EIO."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "nnctl", "train", str(IRIS), "--run-dir", str(tmp_path / "run")]
    process = subprocess.Popen(
        [*command, "--set", OVERRIDES[0], "--threads", "1"],
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    os.read(ours, 1)  # it began to draw
    os.close(ours)
    process.wait(timeout=120)
    manifest = RunDirectory(tmp_path / "run").manifest()
    assert (manifest.status, manifest.weights_sha256) == ("completed", straight)


def test_the_numbers_are_those_of_the_model_that_was_kept(tmp_path: Path) -> None:
    """`restore_best_weights` puts an earlier epoch's weights back: its numbers come with them."""
    early = "{type: EarlyStopping, monitor: val_accuracy, mode: min, restore_best_weights: true, patience: 9}"
    overrides = ["training.epochs=6", f"training.callbacks=[{early}]", "training.metrics=[accuracy]"]
    drive(made(tmp_path / "run", overrides))
    run = RunDirectory(tmp_path / "run")
    rows, manifest = run.metrics(), run.manifest()
    best = min(rows, key=lambda row: row["val_accuracy"])
    assert best["epoch"] == manifest.restored_epoch != 5
    numbers = {name: best[name] for name in manifest.metrics}
    assert manifest.metrics == numbers
    assert {*numbers} == {*best} - {"epoch", "step", "seconds"}
    summary = summarize(run)
    assert summary.metrics == numbers


def test_one_checkpoint_is_marked_best(tmp_path: Path) -> None:
    """The newest of those that were the best when they were committed."""
    overrides = ["training.epochs=4", "training.checkpoint={every: epoch, keep: 4}"]
    drive(made(tmp_path / "run", overrides))
    shown = show_run(RunDirectory(tmp_path / "run"))
    assert sum(".best" in c["file"] for c in shown.checkpoints) > 1
    assert [c["file"] for c in shown.checkpoints if c["best"]] == [
        max(c["file"] for c in shown.checkpoints if ".best" in c["file"])
    ]


@pytest.mark.parametrize("written", ["export", "predict"])
def test_outputs_clean_up_behind_a_command_that_was_killed(written: str, tmp_path: Path) -> None:
    """Only what that name's own writing left, and only of processes that are no more."""
    from nnctl.workflow.export import export
    from nnctl.workflow.predict import predict

    drive(made(tmp_path / "run", ["training.epochs=1"]))
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    out = "w.npz" if written == "export" else "w.csv"
    gone, mine = tmp_path / f".{out}.{process.pid}.tmp", tmp_path / f".{out}.{os.getppid()}.tmp"
    others = [tmp_path / f".x{out}.{process.pid}.tmp", tmp_path / f"{out}.tmp", mine]
    for path in (gone, *others):
        path.write_text("half")
    if written == "export":
        export(str(tmp_path / "run"), "npz", tmp_path / out)
    else:
        predict(str(tmp_path / "run"), None, tmp_path / out, split="test")
    assert not gone.exists()
    assert all(path.exists() for path in others)
