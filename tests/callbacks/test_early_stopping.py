"""EarlyStopping by scripted logs; what Keras does is in test_against_keras.py."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from nnctl.core.events import EpochEnded, KeepWeights, RestoreWeights, RunEnded, Stop

from .script import losses, make, run


def test_patience() -> None:
    out = run(make("EarlyStopping", patience=2), losses(5, 4, 4, 4, 3))
    assert out.epochs == 4
    assert out.stopped == "val_loss has not improved for 2 epochs"
    assert out.restored is None


def test_patience_zero_never_stops_after_the_first_epoch() -> None:
    assert run(make("EarlyStopping"), losses(5, 5, 5)).epochs == 2


def test_max_mode_by_name_and_min_delta() -> None:
    rows = losses(0.5, 0.55, 0.59, 0.8, name="val_accuracy")
    stopping = make("EarlyStopping", monitor="val_accuracy", mode="max", min_delta=0.1, patience=2)
    assert run(stopping, rows).epochs == 3
    assert (
        run(
            make("EarlyStopping", monitor="val_accuracy", mode="max", min_delta=-0.01, patience=2), rows
        ).epochs
        == 4
    )


def test_restores_the_best_when_it_stops_and_when_it_does_not() -> None:
    stopping = make("EarlyStopping", patience=2, restore_best_weights=True)
    out = run(stopping, losses(5, 3, 4, 4, 1))
    assert (out.epochs, out.restored) == (4, 1)
    out = run(stopping, losses(5, 3, 4))
    assert (out.stopped, out.epochs, out.restored) == (None, 3, 1)
    out = run(stopping, losses(3, 2, 1))
    assert out.restored == 2


def test_waiting_for_a_baseline_begins_with_the_first_epoch() -> None:
    """Which is no improvement unless it beats it; what beats it starts the wait anew."""
    assert run(make("EarlyStopping", baseline=1.0, patience=3), losses(5, 6, 7, 8)).epochs == 3
    assert run(make("EarlyStopping", baseline=4.0, patience=2), losses(5, 3, 6, 7, 8)).epochs == 4
    assert run(make("EarlyStopping", baseline=5.0, patience=2), losses(5, 6, 7)).epochs == 2


def test_what_is_equal_is_no_improvement_in_either_direction() -> None:
    rows = losses(0.5, 0.5, 0.5, name="x")
    for mode in ("min", "max"):
        assert run(make("EarlyStopping", monitor="x", mode=mode, patience=1), rows).epochs == 2


def test_baseline_restores_the_best_of_the_epochs_there_were() -> None:
    out = run(make("EarlyStopping", baseline=1.0, patience=3, restore_best_weights=True), losses(5, 3, 4, 2))
    assert (out.epochs, out.restored) == (3, 1)


def test_start_from_epoch_and_missing_values() -> None:
    out = run(make("EarlyStopping", start_from_epoch=3), losses(1, 2, 3, 4, 5, 6))
    assert out.epochs == 5
    rows = [{"val_loss": 1.0}, {}, {}, {"val_loss": 2.0}]
    assert run(make("EarlyStopping"), rows).epochs == 4


def test_nan_is_no_improvement() -> None:
    nan = float("nan")
    assert run(make("EarlyStopping", patience=2), losses(5, nan, nan, 1)).epochs == 3


@pytest.mark.parametrize("epoch", range(1, 6))
def test_a_resumed_run_stops_where_the_other_does(epoch: int) -> None:
    stopping = make("EarlyStopping", patience=3, restore_best_weights=True)
    rows = losses(5, 3, 4, 3.5, 2.9, 3, 3, 3, 3)
    straight = run(stopping, rows)
    assert run(stopping, rows, restart=[epoch]) == straight
    assert (straight.epochs, straight.restored) == (8, 4)


def test_weights_come_back_at_the_very_end_alone() -> None:
    """A checkpoint after the last epoch must not hold that they are back already."""
    stopping = make("EarlyStopping", patience=1, restore_best_weights=True)
    state = stopping.start()
    asked = [
        [type(r) for r in stopping.handle(EpochEnded(epoch, epoch, {"val_loss": value}, 0.1), state)]
        for epoch, value in enumerate((1.0, 2.0))
    ]
    assert asked == [[KeepWeights], [Stop]]
    again = json.loads(json.dumps(state))
    assert list(stopping.handle(RunEnded(2, 2, {}, 0.1), again)) == [RestoreWeights(stopping.slot())]


def test_slots_differ_by_config() -> None:
    a = make("EarlyStopping", restore_best_weights=True)
    b = make("EarlyStopping", restore_best_weights=True, monitor="loss")
    assert a.slot() != b.slot()
    assert a.slot() == make("EarlyStopping", restore_best_weights=True).slot()
    assert a.slot() == "early_stopping-4e2d6cd0", "by this name a checkpoint holds the weights"


@pytest.mark.parametrize(
    "fields",
    [
        {"patience": -1},
        {"mode": "up"},
        {"verbose": 2},
        {"patienc": 1},
        {"min_delta": "0"},
        {"min_delta": float("nan")},
    ],
)
def test_wrong_fields(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        make("EarlyStopping", **fields)
