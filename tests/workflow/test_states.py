"""What a checkpoint must hold for a training to go on from it, part by part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core import events
from nnctl.runner.train import Job, train
from nnctl.runs.state import TrainingState
from nnctl.storage.hdf5_reader import FileRefused
from nnctl.workflow.resumable import check_state
from tests.runner.test_boundaries import job

EARLY = "{type: EarlyStopping, monitor: val_loss, restore_best_weights: true}"
FILE = Path("run/step.h5")


@pytest.fixture(scope="module")
def stopped() -> tuple[Job, TrainingState]:
    """A job of seven steps an epoch, and its state after the tenth."""
    made = job("training.epochs=3", "training.checkpoint={every: 10}", f"training.callbacks=[{EARLY}]")
    state = next(e.state for e in train(made) if isinstance(e, events.CheckpointDue) and e.step == 10)
    return made, state


def test_its_own_state_is_one(stopped: tuple[Job, TrainingState]) -> None:
    made, state = stopped
    assert state.kept
    assert state.kept_logs
    check_state(made, state, FILE)
    nothing_kept = {slot: {} for slot in state.kept}
    for fine in (
        {"step_in_epoch": 6}, {"step_in_epoch": 0, "metric_states": {}}, {"callback_states": []},
        {"kept": nothing_kept}, {"kept": {}, "kept_logs": {}},
    ):  # fmt: skip
        check_state(made, replace(state, **fine), FILE)


def _changed(arrays: Mapping[str, Any], how: str) -> dict[str, Any]:
    """The first of some arrays otherwise, or one that nobody asked for."""
    first, array = next(iter(arrays.items()))
    other = {"shape": np.zeros((*array.shape, 2), array.dtype), "dtype": array.astype(np.int16)}
    return dict(arrays) | ({"another": array} if how == "name" else {first: other[how]})


@pytest.mark.parametrize("how", ["shape", "dtype", "name"])
@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("optimizer", "the optimizer's slots are not as they should be"),
        ("metric_states", "the metrics' sums are not as they should be"),
        ("kept", "weights that were set aside are not as they should be"),
    ],
)
def test_arrays_have_the_names_shapes_and_types_of_training(
    part: str, what: str, how: str, stopped: tuple[Job, TrainingState]
) -> None:
    made, state = stopped
    arrays = getattr(state, part)
    if part == "kept":
        odd = {"first": {}} | {slot: _changed(weights, how) for slot, weights in arrays.items()}
    else:
        odd = _changed(arrays, how)
    with pytest.raises(FileRefused, match=f"{FILE}: {what} in it, so training cannot go on from there"):
        check_state(made, replace(state, **{part: odd}), FILE)


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        ({"optimizer": {}}, "the optimizer's slots"),
        ({"kept_logs": {"a": {"epoch": 1.0}, "b": {"loss": 1.0}}}, "the numbers of what was set aside"),
        ({"step_in_epoch": 7}, "there is a step 7 of an epoch of 7"),
        ({"step_in_epoch": 8}, "there is a step 8 of an epoch of 7"),
        ({"callback_states": [{}]}, "the state of EarlyStopping is not as it should be"),
        ({"callback_states": [{}, {}]}, "there are 2 callbacks' states for 1"),
    ],
)
def test_what_training_would_not_have_written(
    odd: dict[str, Any], what: str, stopped: tuple[Job, TrainingState]
) -> None:
    made, state = stopped
    with pytest.raises(FileRefused, match=what):
        check_state(made, replace(state, **odd), FILE)


def test_an_epoch_of_one_step_has_no_middle() -> None:
    made = job("training.epochs=2", "data.batch_size=1000")
    slots = made.session.slot_views()
    check_state(made, TrainingState(optimizer=slots), FILE)
    with pytest.raises(FileRefused, match="there is a step 1 of an epoch of 1"):
        check_state(made, TrainingState(optimizer=slots, step_in_epoch=1), FILE)
