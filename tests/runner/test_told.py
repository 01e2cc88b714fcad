"""What the loop tells: numbers of steps and epochs, learning rates, in the order that others rely on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nnctl.callbacks.base import CallbackSpec
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
    """Every third step, where steps are 20 ms apart and looks 50 ms; each step where a callback asks."""
    now = 1000.0

    def tick() -> float:
        nonlocal now
        now += 0.01
        return now

    monkeypatch.setattr("nnctl.runner.train.time", SimpleNamespace(perf_counter=tick))
    steps = told(job("training.epochs=1"), events.StepEnded)
    assert [bool(step.logs) for step in steps] == [False, False, True, False, False, True, False]
    assert all(step.seconds == pytest.approx(0.01) for step in steps)
    now = 1000.0
    (ended,) = told(job("training.epochs=1"), events.EpochEnded)
    assert ended.seconds == pytest.approx(16 * 0.01), "from its start over seven steps to its end"
    now = 1000.0
    (ended,) = told(job("training.epochs=2"), events.RunEnded)
    assert ended.seconds == pytest.approx(0.01 * (2 * 17 + 1)), "from before the first epoch to the end"
    asks = "training.callbacks=[{type: ModelCheckpoint, save_freq: 3, filepath: '{epoch}-{batch}.h5'}]"
    assert all(step.logs for step in told(job("training.epochs=1", asks), events.StepEnded))


def test_events_come_in_order() -> None:
    kinds = [type(e).__name__ for e in train(job("training.epochs=2", "training.checkpoint={every: epoch}"))]
    epoch = ["EpochStarted", *["StepEnded"] * 7, "ValidationStarted", "Validated", "EpochEnded"]
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


class Asking(CallbackSpec):
    """Asks for what `answers` gives for an event; `heard` are the events' kinds."""

    answers: Any = None
    heard: list[str] = []

    def wants_steps(self) -> bool:
        return True

    def handle(self, event: events.Event, state: dict[str, Any]) -> Iterable[events.Request]:
        self.heard.append(type(event).__name__)
        return self.answers(event)


def asking(made: Job, answers: Callable[[Any], list[events.Request]]) -> Asking:
    """A callback of this job that asks so."""
    callback = Asking(answers=answers)
    made.callbacks = (callback,)
    return callback


def test_a_rate_that_a_callback_sets_is_one_that_the_dtype_has() -> None:
    """The update is made with it, and that is what the logs say."""
    for dtype, rate in (("float32", 0.10000000149011612), ("float64", 0.1)):
        made = job("training.epochs=2", f"dtype={dtype}")
        asking(
            made, lambda e: [events.SetLearningRate(0.1, "why")] if isinstance(e, events.EpochEnded) else []
        )
        seen = list(train(made))
        changes = [e for e in seen if isinstance(e, events.LearningRateChanged)]
        assert [(e.step, e.learning_rate, e.reason) for e in changes] == [(7, rate, "why"), (14, rate, "why")]
        assert [e.logs["learning_rate"] for e in seen if isinstance(e, events.EpochEnded)] == [0.005, rate]


def test_an_epochs_event_names_the_first_rate_of_all() -> None:
    rows = told(
        job("training.epochs=2", f"training.optimizer={{type: SGD, learning_rate: {SCHEDULE}}}"),
        events.EpochEnded,
    )
    assert [row.initial_learning_rate for row in rows] == [0.1, 0.1]


def test_the_first_reason_to_stop_is_told() -> None:
    made = job("training.epochs=5")
    asking(
        made, lambda e: [events.Stop("one"), events.Stop("two")] if isinstance(e, events.EpochEnded) else []
    )
    (stopped,) = told(made, events.Stopped)
    assert (stopped.epoch, stopped.step, stopped.reason) == (1, 7, "one")


@pytest.mark.parametrize("also_at_an_end", [False, True])
def test_weights_kept_within_an_epoch_come_back_without_numbers(also_at_an_end: bool) -> None:
    """Numbers are of whole epochs: those of an earlier one do not go with weights that were kept later."""
    made = job("training.epochs=2")
    kept: dict[str, Any] = {}

    def answers(event: events.Event) -> list[events.Request]:
        if isinstance(event, events.StepEnded) and event.step == 10:
            kept.update({name: array.copy() for name, array in made.session.weights.arrays.items()})
            return [events.KeepWeights("a")]
        if isinstance(event, events.EpochEnded) and event.epoch == 0 and also_at_an_end:
            return [events.KeepWeights("a")]
        return [events.RestoreWeights("a")] if isinstance(event, events.RunEnded) else []

    asking(made, answers)
    seen = list(train(made))
    ended = seen[-1]
    assert isinstance(ended, events.RunEnded)
    assert ended.restored_epoch is None
    assert ended.logs == [e for e in seen if isinstance(e, events.EpochEnded)][-1].logs
    for name, array in made.session.weights.arrays.items():
        np.testing.assert_array_equal(array, kept[name])


def test_what_was_never_kept_is_not_put_back() -> None:
    made = job("training.epochs=1")
    asking(made, lambda e: [events.RestoreWeights("a")] if isinstance(e, events.RunEnded) else [])
    assert isinstance(list(train(made))[-1], events.RunEnded)


def test_a_state_that_a_callback_had_saved_is_not_saved_again() -> None:
    """In the middle of an epoch, at its end, and at the end of the run."""
    made = job("training.epochs=2", "training.checkpoint={every: 2}")
    made.mark_best = None
    asking(
        made,
        lambda e: (
            [events.Save()]
            if isinstance(e, events.EpochEnded) or (isinstance(e, events.StepEnded) and e.step in (2, 4))
            else []
        ),
    )
    assert [(e.step, e.reason) for e in told(made, events.CheckpointDue)] == [
        (2, "callback"), (4, "callback"), (6, "step"), (7, "callback"),
        (8, "step"), (10, "step"), (12, "step"), (14, "callback"), (14, "end"),
    ]  # fmt: skip


def test_a_callback_that_fails_is_named_and_the_best_model_is_kept() -> None:
    """As it was at the end of its epoch, three steps before."""
    made = job("training.epochs=5")
    made.clock = lambda: 0.0
    weights = made.session.weights
    then: dict[str, Any] = {}

    def answers(event: events.Event) -> list[events.Request]:
        if isinstance(event, events.EpochEnded):
            then.update(weights.snapshot())
        if isinstance(event, events.StepEnded) and event.step == 10:
            raise ZeroDivisionError("mine")
        return []

    asking(made, answers)
    seen: list[events.Event] = []
    with pytest.raises(ZeroDivisionError, match="mine") as failed:
        seen.extend(train(made))
    assert failed.value.__notes__ == ["in the callback Asking"]
    (due,) = [e for e in seen if isinstance(e, events.CheckpointDue)]
    assert (due.step, due.reason, due.best, due.state.complete) == (7, "best", True, False)
    assert all(np.array_equal(kept, then[name]) for name, kept in due.state.weights.items())
    assert not all(np.array_equal(now, then[name]) for name, now in weights.arrays.items())


def test_an_epoch_that_is_gone_on_with_is_not_begun_again_for_callbacks() -> None:
    made = job("training.epochs=2", "training.checkpoint={every: 3}")
    first = asking(made, lambda e: [])
    state = next(e.state for e in train(made) if isinstance(e, events.CheckpointDue) and e.step == 9)
    assert first.heard.count("EpochStarted") == 2
    again = job("training.epochs=2", "training.checkpoint={every: 3}")
    second = asking(again, lambda e: [])
    kinds = [type(e).__name__ for e in train(again, state)]
    assert kinds[:3] == ["RunStarted", "EpochStarted", "StepEnded"]
    assert second.heard[:2] == ["RunStarted", "StepEnded"]
    assert kinds.count("StepEnded") == 5


def test_an_epoch_that_is_gone_on_with_has_the_sums_of_its_first_steps() -> None:
    """What the logs say of it is what they say of an epoch that was never stopped."""
    settings = ("training.epochs=2", "training.checkpoint={every: 3}")
    seen = list(train(job(*settings)))
    saved = (e for e in train(job(*settings)) if isinstance(e, events.CheckpointDue))
    kept = deepcopy(next(e.state for e in saved if e.step == 9))
    again = [e.logs for e in train(job(*settings), kept) if isinstance(e, events.EpochEnded)]
    assert again == [e.logs for e in seen if isinstance(e, events.EpochEnded)][1:]


def test_an_epoch_begins_with_sums_of_nothing() -> None:
    """Whatever a checkpoint that was made between two epochs says of the metrics."""
    settings = ("training.epochs=3", "training.checkpoint={every: epoch}")
    seen = []
    kept = None
    for event in train(job(*settings)):
        seen += [event.logs] if isinstance(event, events.EpochEnded) else []
        if isinstance(event, events.CheckpointDue) and (event.step, event.state.complete) == (7, True):
            kept = deepcopy(event.state)
    assert kept is not None
    assert kept.metric_states
    for values in kept.metric_states.values():
        values += 3.0
    again = [e.logs for e in train(job(*settings), kept) if isinstance(e, events.EpochEnded)]
    assert again == seen[1:]
