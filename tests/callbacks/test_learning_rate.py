"""ReduceLROnPlateau and LearningRateScheduler by scripted logs."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.events import EpochEnded, EpochStarted, SetLearningRate

from .script import losses, make, run

SCHEDULE = {"type": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.5}


def test_reduces_after_patience() -> None:
    out = run(make("ReduceLROnPlateau", patience=2, factor=0.5), losses(5, 5, 5, 5, 5, 5))
    assert out.rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]


def test_cooldown_and_min_lr() -> None:
    out = run(make("ReduceLROnPlateau", patience=1, factor=0.1, cooldown=2, min_lr=0.005), losses(*[5] * 8))
    assert out.rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.005, 0.005, 0.005, 0.005])


def test_waiting_begins_anew_after_each_reduction_and_cooldown() -> None:
    out = run(make("ReduceLROnPlateau", patience=2, factor=0.5, cooldown=1), losses(*[5] * 8))
    assert out.rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125]


def test_the_last_reduction_stops_at_the_least_rate() -> None:
    out = run(make("ReduceLROnPlateau", patience=1, factor=0.0, min_lr=0.02), losses(*[5] * 4))
    assert out.rates == [0.1, 0.1, 0.02, 0.02]
    assert run(make("ReduceLROnPlateau", patience=1, factor=0.0), losses(*[5] * 3)).rates[-1] == 0.0


def test_epochs_without_the_number_do_not_count() -> None:
    rows = [{"val_loss": 1.0}, {}, {}, {"val_loss": 1.0}, {}]
    assert run(make("ReduceLROnPlateau", patience=2), rows).rates == [0.1] * 5
    assert run(make("ReduceLROnPlateau", patience=1), rows).rates == [0.1] * 4 + [pytest.approx(0.01)]


def test_a_rate_that_is_the_least_already_is_left_alone() -> None:
    """As a float32, 0.1 is above 0.1: nothing is asked for, and the wait goes on, as in Keras."""
    reduce = make("ReduceLROnPlateau", patience=1, min_lr=0.1)
    state = {"wait": 0, "best": 1.0, "cooldown": 0}
    row = {"val_loss": 1.0, "learning_rate": float(np.float32(0.1))}
    assert [list(reduce.handle(EpochEnded(epoch, epoch, row, 0.1), state)) for epoch in (1, 2)] == [[], []]
    assert state["wait"] == 2


def test_a_table_of_epochs() -> None:
    """Each rate from its epoch on; a stored config holds the schedule that it is."""
    table = make("LearningRateScheduler", schedule={"0": 0.5, "3": 0.25, 2: 0})
    assert run(table, losses(*[1] * 5)).rates == [0.5, 0.5, 0.0, 0.25, 0.25]
    assert table.config()["schedule"]["type"] == "PiecewiseConstantDecay"
    assert make("LearningRateScheduler", **table.config()) == table
    for wrong in ({1: 0.5, 2: 0.1}, {0: 0.5}, {0: 0.5, 1: -1.0}, {0: 0.5, 1: True}, {0: 0.5, "x": 1}, {}):
        with pytest.raises(ValidationError):
            make("LearningRateScheduler", schedule=wrong)


def test_why_the_rate_changes() -> None:
    reduce = make("ReduceLROnPlateau", patience=2)
    state = reduce.start()
    asked = [
        request
        for epoch in range(3)
        for request in reduce.handle(
            EpochEnded(epoch, epoch, {"val_loss": 1.0, "learning_rate": 0.5}, 0.1), state
        )
    ]
    assert asked == [SetLearningRate(0.05, "val_loss has not improved for 2 epochs")]
    scheduler = make("LearningRateScheduler", schedule=SCHEDULE)
    assert list(scheduler.handle(EpochStarted(1), {})) == [SetLearningRate(0.25, "schedule, epoch 2")]
    assert (type(scheduler).sets_rate, type(reduce).sets_rate) == ("schedule", "step")


def test_min_delta_counts() -> None:
    rows = losses(5, 4.99995, 4.9999, 4.0)
    assert run(make("ReduceLROnPlateau", patience=2), rows).rates[-1] == pytest.approx(0.01)
    assert run(make("ReduceLROnPlateau", patience=2, min_delta=0.0), rows).rates[-1] == 0.1


@pytest.mark.parametrize("epoch", range(1, 8))
def test_a_resumed_run_reduces_alike(epoch: int) -> None:
    reduce = make("ReduceLROnPlateau", patience=2, cooldown=1, factor=0.5)
    rows = losses(5, 5, 5, 5, 4, 4, 4, 4, 4)
    assert run(reduce, rows, restart=[epoch]) == run(reduce, rows)


@pytest.mark.parametrize("factor", [1.0, 1.5, -0.1])
def test_a_factor_must_reduce(factor: float) -> None:
    with pytest.raises(ValidationError):
        make("ReduceLROnPlateau", factor=factor)


@pytest.mark.parametrize("delta", [float("nan"), float("inf")])
def test_a_least_change_is_a_number(delta: float) -> None:
    with pytest.raises(ValidationError):
        make("ReduceLROnPlateau", min_delta=delta)


def test_scheduler_reads_a_schedule_by_epochs() -> None:
    out = run(make("LearningRateScheduler", schedule=SCHEDULE), losses(1, 1, 1))
    assert out.rates == [0.5, 0.25, 0.125]
    with pytest.raises(ValidationError):
        make("LearningRateScheduler", schedule="ExponentialDecya")
