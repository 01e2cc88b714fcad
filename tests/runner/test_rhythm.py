"""When checkpoints are due: by a share of the time, after epochs, after steps; no bit depends on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.runner.rhythm import LEAST_WAIT, SHARE, Rhythm
from nnctl.runner.train import Job, train
from nnctl.runs.model_file import ModelFile, read_model, write_model
from nnctl.runs.state import TrainingState, weights_sha256
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import make_job, prepare

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
EARLY = "{type: EarlyStopping, monitor: val_loss, patience: 2, restore_best_weights: true}"


class Clock:
    """Time that only passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("cost", [0.001, 0.015, 0.5, 30.0])
def test_auto_spends_at_most_its_share(cost: float) -> None:
    clock = Clock()
    rhythm = Rhythm("auto", 0, clock)
    spent = count = 0.0
    while clock.now < 200 * max(cost / SHARE, LEAST_WAIT):
        clock.now += max(cost, LEAST_WAIT) / 7
        if rhythm.after_step(1):
            began, clock.now = clock.now, clock.now + cost
            rhythm.committed(began)
            spent, count = spent + cost, count + 1
    assert count > 100
    assert (spent - cost) / clock.now <= SHARE, "the last one is paid for by what follows"


def test_auto_waits_for_a_large_model_before_it_knows_the_disk() -> None:
    clock = Clock()
    rhythm = Rhythm("auto", 10**9, clock)
    clock.now = 400
    assert not rhythm.after_epoch()
    clock.now = 500
    assert rhythm.after_epoch()


def test_what_auto_waits_at_the_least_and_for_its_share() -> None:
    """A second; 49 times what the last one took; before the first, 49 times its bytes at 100 MB a second."""
    clock = Clock()
    rhythm = Rhythm("auto", 0, clock)
    for now, due in ((0.99, False), (1.0, True)):
        clock.now = now
        assert (rhythm.after_step(1), rhythm.after_epoch()) == (due, due)
    clock.now = 1.5
    rhythm.committed(1.0)
    for now, due in ((1.5 + 24.499, False), (1.5 + 24.501, True)):
        clock.now = now
        assert rhythm.after_step(1) is due
    clock.now = 0.0
    rhythm = Rhythm("auto", 10**9, clock)
    for now, due in ((489.999998, False), (490.000001, True)):
        clock.now = now
        assert rhythm.after_step(1) is due


def test_steps_and_epochs() -> None:
    assert [n for n in range(1, 13) if Rhythm(4, 0).after_step(n)] == [4, 8, 12]
    assert Rhythm(4, 0).after_epoch()
    assert not Rhythm("epoch", 0).after_step(4)
    assert Rhythm("epoch", 0).after_epoch()


def made(overrides: Sequence[str], ticks: Callable[[], float]) -> Job:
    assembled = assemble(IRIS, overrides=overrides)
    session = assembled.session(1)
    job = make_job(assembled, session)
    job.clock = ticks
    prepare(job)
    session.initialize()
    return job


def ticking(seconds: float) -> Callable[[], float]:
    """A clock that goes on by so much whenever it is looked at."""
    now = 0.0

    def tick() -> float:
        nonlocal now
        now += seconds
        return now

    return tick


def driven(
    job: Job, state: TrainingState | None, directory: Path
) -> Iterator[tuple[events.Event, Path | None]]:
    """Events, and for each checkpoint the file that it was written to."""
    for event in train(job, state):
        file = None
        if isinstance(event, events.CheckpointDue):
            file = directory / f"{len(list(directory.iterdir()))}.h5"
            write_model(file, ModelFile({}, {}, event.state))
        yield event, file


@pytest.mark.parametrize("seconds", [0.07, 0.31, 1.1])
@pytest.mark.parametrize("callbacks", ["[]", f"[{EARLY}]"])
def test_from_whichever_checkpoint_it_goes_on_the_bits_are_one(
    seconds: float, callbacks: str, tmp_path: Path
) -> None:
    """Also the logs and what is said of the best model, which waits for the next checkpoint in memory."""
    overrides = ["training.epochs=4", f"training.callbacks={callbacks}"]
    job = made(overrides, lambda: 0.0)
    whole = list(train(job))
    wanted = weights_sha256(job.session.weights.arrays)
    rows = [e.logs for e in whole if isinstance(e, events.EpochEnded)]
    best = min(range(len(rows)), key=lambda n: rows[n]["val_loss"])
    job = made(overrides, ticking(seconds))
    seen = [(e, f) for e, f in driven(job, None, tmp_path) if isinstance(e, events.CheckpointDue)]
    assert weights_sha256(job.session.weights.arrays) == wanted
    states = [f for e, f in seen if f is not None and e.state.complete]
    assert len(states) > 2
    marked = [f for e, f in seen if f is not None and e.best][-1]
    assert read_model(marked).state.epoch == best + 1
    for file in states[:: max(1, len(states) // 4)]:
        again = made(overrides, ticking(seconds * 1.7))
        told = list(driven(again, read_model(file).state, tmp_path))
        assert weights_sha256(again.session.weights.arrays) == wanted, file
        last = told[-1][0]
        assert isinstance(last, events.RunEnded)
        assert last.logs == whole[-1].logs  # type: ignore[attr-defined]


def test_with_auto_a_short_run_has_its_best_and_its_last_checkpoint_and_no_others(tmp_path: Path) -> None:
    """However many epochs were the best so far: their weights waited."""
    job = made(["training.epochs=5"], lambda: 0.0)
    due = [e for e, _ in driven(job, None, tmp_path) if isinstance(e, events.CheckpointDue)]
    assert [(e.reason, e.best, e.state.complete) for e in due] == [
        ("best", True, False),
        ("last", False, True),
        ("end", False, True),
    ]


@pytest.mark.parametrize("stop", [3, 7])
def test_a_signal_commits_the_best_model_and_then_the_state(stop: int, tmp_path: Path) -> None:
    """In the middle of an epoch and at its end (7 steps an epoch)."""
    job = made(["training.epochs=5"], lambda: 0.0)
    job.stop = lambda: 15 if steps >= 7 + stop else None
    steps, due = 0, []
    for event, _ in driven(job, None, tmp_path):
        steps += isinstance(event, events.StepEnded)
        if isinstance(event, events.CheckpointDue):
            due.append((event.reason, event.step, event.state.complete))
    assert isinstance(event, events.Interrupted)
    assert job.batches.steps == 7
    first = ("best", 14 if stop == 7 else 7, False)
    assert due == [first, ("signal" if stop < 7 else "epoch", 7 + stop, True)]
