"""ReduceLROnPlateau and LearningRateScheduler by scripted logs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from .script import losses, make, run


def test_reduces_after_patience() -> None:
    out = run(make("ReduceLROnPlateau", patience=2, factor=0.5), losses(5, 5, 5, 5, 5, 5))
    assert out.rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.025]


def test_cooldown_and_min_lr() -> None:
    out = run(make("ReduceLROnPlateau", patience=1, factor=0.1, cooldown=2, min_lr=0.005), losses(*[5] * 8))
    assert out.rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.005, 0.005, 0.005, 0.005])


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


def test_scheduler_reads_a_schedule_by_epochs() -> None:
    schedule = {"type": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.5}
    out = run(make("LearningRateScheduler", schedule=schedule), losses(1, 1, 1))
    assert out.rates == [0.5, 0.25, 0.125]
    with pytest.raises(ValidationError):
        make("LearningRateScheduler", schedule="ExponentialDecya")
