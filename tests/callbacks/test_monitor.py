"""What is monitored must exist, and its better direction must be known."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from nnctl.callbacks.base import callbacks
from nnctl.callbacks.monitor import direction

from .script import make

NAMES = ["loss", "accuracy", "val_loss", "val_accuracy", "val_mine", "learning_rate"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("val_digit_loss", "min"),
        ("accuracy", "max"),
        ("val_digit_accuracy", "max"),
        ("val_auc", "max"),
        ("mae", "min"),
        ("val_mean_squared_error", "min"),
        ("cosine_similarity", "max"),
        ("binary_crossentropy", "min"),
        ("mine", None),
        ("glossy", None),
        ("learning_rate", None),
    ],
)
def test_direction(name: str, expected: str | None) -> None:
    assert direction(name, "auto") == expected
    assert direction(name, "max") == "max"
    assert direction(name, "min") == "min"


@pytest.mark.parametrize("type_name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_problems(type_name: str) -> None:
    fields = {"save_best_only": True} if type_name == "ModelCheckpoint" else {}
    assert make(type_name, **fields).problems(NAMES) == []
    assert make(type_name, monitor="val_mine", mode="max", **fields).problems(NAMES) == []
    (problem,) = make(type_name, monitor="val_acuracy", **fields).problems(NAMES)
    assert (problem.path, problem.suggestion) == (("monitor",), "val_accuracy")
    (problem,) = make(type_name, monitor="val_mine", **fields).problems(NAMES)
    assert problem.path == ("mode",)
    (problem,) = make(type_name, **fields).problems(["loss", "accuracy"])
    assert "it needs a validation split" in problem.message


def test_what_monitors_nothing_has_no_problems() -> None:
    needed = {"CSVLogger": {"filename": "a.csv"}, "LearningRateScheduler": {"schedule": _schedule()}}
    for name in callbacks.names():
        callback = make(name, **needed.get(name, {}))
        installed = name != "TensorBoard" or find_spec("tensorboard") is not None
        if callback.monitors() is None and installed:
            assert callback.problems(["loss"]) == []


def test_every_callback_comes_back_from_its_config() -> None:
    needed = {"CSVLogger": {"filename": "a.csv"}, "LearningRateScheduler": {"schedule": _schedule()}}
    for name in callbacks.names():
        callback = make(name, **needed.get(name, {}))
        assert type(callback).model_validate(callback.config()) == callback


def _schedule() -> dict[str, object]:
    return {"type": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 2, "decay_rate": 0.5}
