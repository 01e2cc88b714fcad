"""What is monitored must exist, and its better direction must be known."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import pytest

from nnctl.callbacks.base import callbacks
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.metrics.base import metrics
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec
from nnctl.workflow.callbacks import better

from .script import make

NAMES = ["loss", "accuracy", "val_loss", "val_accuracy", "val_mine", "learning_rate"]


BETTER: dict[str, Any] = {"loss": "min", "accuracy": "max", "val_loss": "min", "val_accuracy": "max"}


def model() -> LayerGraph:
    spec = ModelSpec.model_validate({"layers": [{"type": "Dense", "units": 1}]})
    return build(spec, {"x": InputInfo((5,), "float32")})


def directions(*metrics: Any) -> dict[str, str]:
    """What is better of every log of a model with these metrics."""
    training = TrainingSpec.model_validate(
        {"loss": "bce", "metrics": list(metrics), "weighted_metrics": ["acc"]}
    )
    return dict(better(compile_objective(training, model())))


def test_auto_asks_the_metric_and_not_its_name() -> None:
    """Aliases, class names, weighted ones, names that say the opposite: whatever the logs call it."""
    up = [
        "AUC",
        "Precision",
        "Recall",
        "accuracy",
        {"type": "AUC", "name": "loss_of_nothing"},
        {"type": "Recall", "name": "mse"},
    ]
    down = [
        "RMSE",
        "mae",
        "MSE",
        "hinge",
        {"type": "RootMeanSquaredError", "name": "accuracy_of_mine"},
        {"type": "huber", "name": "auc"},
    ]
    found = directions(*up, *down)
    names = [m if isinstance(m, str) else m["name"] for m in (*up, *down)]
    for name in names:
        expected = "max" if names.index(name) < len(up) else "min"
        assert (found[name], found[f"val_{name}"]) == (expected, expected), name
    assert (found["loss"], found["val_loss"]) == ("min", "min")
    assert found["val_acc"] == "max"
    assert "learning_rate" not in found


def test_every_metric_says_which_way_is_better() -> None:
    untold = [name for name in metrics.names() if metrics.get(name).better is None]  # type: ignore[union-attr]
    assert untold == ["Mean", "Sum"]


def test_a_callback_takes_what_the_metric_says() -> None:
    stopping = make("EarlyStopping", monitor="val_accuracy", restore_best_weights=True)
    assert stopping.beside(BETTER).mode == "max"
    assert make("EarlyStopping", monitor="val_accuracy", mode="min").beside(BETTER).mode == "min"
    assert make("EarlyStopping", monitor="learning_rate").beside(BETTER).mode == "auto"
    assert make("LearningRateScheduler", schedule=_schedule()).beside(BETTER) == make(
        "LearningRateScheduler", schedule=_schedule()
    )


@pytest.mark.parametrize("type_name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_problems(type_name: str) -> None:
    fields = {"save_best_only": True} if type_name == "ModelCheckpoint" else {}
    assert make(type_name, **fields).beside(BETTER).problems(NAMES) == []
    assert make(type_name, monitor="val_mine", mode="max", **fields).problems(NAMES) == []
    (problem,) = make(type_name, monitor="val_acuracy", **fields).problems(NAMES)
    assert (problem.path, problem.suggestion) == (("monitor",), "val_accuracy")
    (problem,) = make(type_name, monitor="val_mine", **fields).problems(NAMES)
    assert problem.path == ("mode",)
    (problem,) = make(type_name, **fields).problems(["loss", "accuracy"])
    assert "it needs a validation split" in problem.message


def test_what_is_wrong_with_a_monitor_is_told() -> None:
    stopping = make("EarlyStopping", monitor="val_los", mode="min")
    (problem,) = stopping.problems(["loss", "val_loss"])
    assert problem.message == "there is no 'val_los' to monitor"
    assert problem.expected == "one of loss, val_loss"
    (problem,) = stopping.problems(["loss"])
    assert problem.message == "there is no 'val_los' to monitor; it needs a validation split"
    (problem,) = make("EarlyStopping", monitor="los", mode="min").problems(["loss"])
    assert problem.message == "there is no 'los' to monitor"
    (problem,) = make("EarlyStopping", monitor="loss").problems(["loss"])
    assert problem.message == "whether 'loss' should fall or rise cannot be told"
    assert problem.expected == "`mode: min` or `mode: max`"


def test_which_callbacks_set_rates() -> None:
    made = [callbacks.get(name) for name in callbacks.names()]
    assert {cls.__name__: cls.sets_rate for cls in made if cls is not None and cls.sets_rate} == {
        "LearningRateScheduler": "schedule",
        "ReduceLROnPlateau": "step",
    }


def test_what_monitors_nothing_has_no_problems() -> None:
    needed = {"CSVLogger": {"filename": "a.csv"}, "LearningRateScheduler": {"schedule": _schedule()}}
    for name in callbacks.names():
        callback = make(name, **needed.get(name, {}))
        installed = name not in ("TensorBoard", "MLflow") or find_spec(name.lower()) is not None
        if callback.monitors() is None and installed:
            assert callback.problems(["loss"]) == []


def test_every_callback_comes_back_from_its_config() -> None:
    needed = {"CSVLogger": {"filename": "a.csv"}, "LearningRateScheduler": {"schedule": _schedule()}}
    for name in callbacks.names():
        callback = make(name, **needed.get(name, {}))
        assert type(callback).model_validate(callback.config()) == callback


def _schedule() -> dict[str, object]:
    return {"type": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 2, "decay_rate": 0.5}
