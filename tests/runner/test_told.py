"""What the loop tells: numbers of steps and epochs, learning rates, in the order that others rely on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from nnctl.core import events
from nnctl.runner.train import Job, train
from tests.runner.test_boundaries import job

SCHEDULE = "{type: ExponentialDecay, initial_learning_rate: 0.1, decay_steps: 3, decay_rate: 0.5}"


def told(made: Job, kind: type[Any]) -> list[Any]:
    return [event for event in train(made) if isinstance(event, kind)]


def test_steps_are_counted_in_the_run_and_in_the_epoch() -> None:
    """7 steps an epoch; a step's event tells how many there were, itself among them."""
    steps = told(job("training.epochs=2"), events.StepEnded)
    assert [(e.epoch, e.step, e.step_in_epoch, e.steps_per_epoch) for e in steps] == [
        (n // 7, n + 1, n % 7 + 1, 7) for n in range(14)
    ]


def test_an_epochs_learning_rate_is_that_of_its_last_step() -> None:
    rows = told(
        job("training.epochs=3", f"training.optimizer={{type: SGD, learning_rate: {SCHEDULE}}}"),
        events.EpochEnded,
    )
    assert [row.step for row in rows] == [7, 14, 21]
    wanted = [0.1 * 0.5 ** ((row.step - 1) / 3) for row in rows]
    assert [row.logs["learning_rate"] for row in rows] == pytest.approx(wanted, rel=1e-12)


def test_an_epoch_of_one_step_has_the_first_rate() -> None:
    rows = told(
        job(
            "training.epochs=2",
            "data.batch_size=1000",
            f"training.optimizer={{type: SGD, learning_rate: {SCHEDULE}}}",
        ),
        events.EpochEnded,
    )
    wanted = [0.1, 0.1 * 0.5 ** (1 / 3)]
    assert [row.logs["learning_rate"] for row in rows] == pytest.approx(wanted, rel=1e-12)


def test_running_means_are_worked_out_as_often_as_somebody_can_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every third step, where steps take 20 ms and looks are 50 ms apart; each step where a callback asks."""
    now = 1000.0

    def tick() -> float:
        nonlocal now
        now += 0.02
        return now

    monkeypatch.setattr("nnctl.runner.train.time", SimpleNamespace(perf_counter=tick))
    steps = told(job("training.epochs=1"), events.StepEnded)
    assert [bool(step.logs) for step in steps] == [False, False, True, False, False, True, False]
    asks = "training.callbacks=[{type: ModelCheckpoint, save_freq: 3, filepath: '{epoch}-{batch}.h5'}]"
    assert all(step.logs for step in told(job("training.epochs=1", asks), events.StepEnded))


def test_events_come_in_order() -> None:
    kinds = [type(e).__name__ for e in train(job("training.epochs=2", "training.checkpoint={every: epoch}"))]
    epoch = ["EpochStarted", *["StepEnded"] * 7, "Validated", "EpochEnded"]
    saved = ["CheckpointDue"]
    assert kinds == ["RunStarted", *epoch, *saved, *epoch, *saved, *saved, "RunEnded"]


def test_what_a_run_says_of_itself_at_the_start() -> None:
    made = job("training.epochs=2")
    (started,) = told(made, events.RunStarted)
    assert (started.epochs, started.steps_per_epoch, started.epoch, started.step) == (2, 7, 0, 0)
    assert started.parameters == sum(a.size for a in made.session.weights.arrays.values())


def test_the_best_weights_are_put_back_with_their_epoch_and_numbers() -> None:
    """Trained to fall apart: the first epoch is the best, training stops two later."""
    early = "{type: EarlyStopping, monitor: loss, mode: max, patience: 2, restore_best_weights: true}"
    made = job("training.epochs=9", f"training.callbacks=[{early}]")
    seen = list(train(made))
    rows = [e for e in seen if isinstance(e, events.EpochEnded)]
    ended = seen[-1]
    assert isinstance(ended, events.RunEnded)
    assert len(rows) == 3
    assert (ended.epochs, ended.step, ended.restored_epoch) == (3, 21, 0)
    assert ended.logs == rows[0].logs
    assert sum(isinstance(e, events.Stopped) for e in seen) == 1


def test_weights_of_the_last_epoch_are_put_back_without_a_word() -> None:
    early = "{type: EarlyStopping, monitor: loss, patience: 2, restore_best_weights: true}"
    ended = list(train(job("training.epochs=3", f"training.callbacks=[{early}]")))[-1]
    assert isinstance(ended, events.RunEnded)
    assert ended.restored_epoch is None


@pytest.mark.parametrize("step", [3, 7, 10, 14])
def test_a_signal_ends_it_after_the_step_that_it_came_in(step: int) -> None:
    """In the middle of an epoch and on its last step, which is the end of the run in the last case."""
    made = job("training.epochs=2")
    count = 0
    made.stop = lambda: 15 if count >= step else None
    seen = []
    for event in train(made):
        count += isinstance(event, events.StepEnded)
        seen.append(event)
    assert count == step
    if step == 14:
        assert isinstance(seen[-1], events.RunEnded)
    else:
        assert isinstance(seen[-1], events.Interrupted)
        assert (seen[-1].step, seen[-1].signal) == (step, 15)
        saved = [e for e in seen if isinstance(e, events.CheckpointDue)][-1]
        assert (saved.step, saved.state.complete) == (step, True)
        assert saved.state.step_in_epoch == step % 7
        assert saved.state.epoch == step // 7
