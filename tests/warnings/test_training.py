"""Settings of the training that undo each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.warnings.given import REAL, config, said

LAYERS = [{"type": "Dense", "units": 1}]
DECAY = {"type": "ExponentialDecay", "initial_learning_rate": 0.01, "decay_steps": 10, "decay_rate": 0.9}
ADAM = {"type": "Adam", "learning_rate": DECAY}
PLATEAU = {"type": "ReduceLROnPlateau", "monitor": "loss"}
SCHEDULER = {"type": "LearningRateScheduler", "schedule": DECAY}


@pytest.mark.parametrize(
    ("optimizer", "callbacks", "said_of"),
    [
        (ADAM, [PLATEAU], "ReduceLROnPlateau sets the learning rate: once it sets it, the optimizer's Expo"),
        (ADAM, [SCHEDULER], "LearningRateScheduler sets the learning rate: from its first epoch"),
        ("adam", [PLATEAU, SCHEDULER], "LearningRateScheduler sets it anew"),
        ("adam", [SCHEDULER, PLATEAU], "LearningRateScheduler sets it anew"),
    ],
)
def test_a_schedule_beside_another(
    optimizer: Any, callbacks: list[Any], said_of: str, tmp_path: Path
) -> None:
    (message,) = said(tmp_path, REAL, config(LAYERS, "mse", optimizer=optimizer, callbacks=callbacks))
    assert said_of in message


@pytest.mark.parametrize(
    ("optimizer", "callbacks"),
    [(ADAM, []), ("adam", [PLATEAU]), ("adam", [SCHEDULER]), ("adam", [PLATEAU, {**PLATEAU, "patience": 3}])],
)
def test_one_alone_is_right(optimizer: Any, callbacks: list[Any], tmp_path: Path) -> None:
    assert said(tmp_path, REAL, config(LAYERS, "mse", optimizer=optimizer, callbacks=callbacks)) == []
