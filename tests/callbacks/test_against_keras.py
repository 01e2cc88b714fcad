"""The same scripted logs through Keras's callbacks and nnctl's: same stops, rates, saves and weights."""

from __future__ import annotations

import random
from typing import Any

import pytest

from .script import Outcome, make, run

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.keras


class Optimizer:
    learning_rate = 0.1


class Model:
    """What Keras's callbacks touch of a model. Its weights are the number of the epoch."""

    def __init__(self) -> None:
        self.metrics: list[Any] = []
        self.optimizer = Optimizer()
        self.stop_training = False
        self.weights = -1
        self.saved: list[tuple[int, str]] = []
        self.restored: int | None = None

    def get_weights(self) -> int:
        return self.weights

    def set_weights(self, weights: int) -> None:
        self.restored = weights

    def save(self, path: str, overwrite: bool) -> None:
        self.saved.append((self.weights, path))


def run_keras(callback: Any, logs: list[dict[str, float]], steps: int = 2) -> tuple[Outcome, Model]:
    model, out = Model(), Outcome()
    callback.set_model(model)
    callback.on_train_begin({})
    for epoch, row in enumerate(logs):
        model.weights = epoch
        callback.on_epoch_begin(epoch, {})
        out.rates.append(float(model.optimizer.learning_rate))
        for step in range(steps):
            callback.on_train_batch_end(step, {"loss": row["loss"]})
        callback.on_epoch_end(epoch, dict(row))
        out.epochs = epoch + 1
        if model.stop_training:
            break
    callback.on_train_end({})
    return out, model


def scripts(count: int, length: int = 14) -> list[list[dict[str, float]]]:
    rng = random.Random(3)
    values = [0.0, 0.5, 0.9, 1.0, 1.00005, 1.1, 2.0, float("nan")]
    return [
        [{"loss": rng.choice(values), "val_loss": rng.choice(values)} for _ in range(rng.randint(1, length))]
        for _ in range(count)
    ]


def options(**choices: list[Any]) -> list[dict[str, Any]]:
    rng = random.Random(4)
    return [{name: rng.choice(values) for name, values in choices.items()} for _ in range(40)]


MONITORS = {"monitor": ["val_loss", "loss"], "mode": ["auto", "min", "max"]}


@pytest.mark.parametrize(
    "fields",
    options(
        **MONITORS,
        patience=[0, 1, 2, 4],
        min_delta=[0, 0.05, -0.1, 1],
        baseline=[None, 0.5, 1.5],
        restore_best_weights=[True, False],
        start_from_epoch=[0, 2],
    ),
    ids=str,
)
def test_early_stopping(fields: dict[str, Any]) -> None:
    for logs in scripts(12):
        theirs, model = run_keras(keras.callbacks.EarlyStopping(**fields), logs)
        ours = run(make("EarlyStopping", **fields), logs)
        assert ours.epochs == theirs.epochs
        assert (ours.stopped is not None) == model.stop_training
        assert ours.restored == model.restored


@pytest.mark.parametrize(
    "fields",
    options(
        **MONITORS,
        patience=[0, 1, 2, 3],
        factor=[0.0, 0.1, 0.5],
        min_delta=[0, 1e-4, 0.25],  # exact in float32, in which Keras compares
        cooldown=[0, 1, 3],
        min_lr=[0.0, 0.02],
    ),
    ids=str,
)
def test_reduce_lr_on_plateau(fields: dict[str, Any]) -> None:
    for logs in scripts(12):
        theirs, _ = run_keras(keras.callbacks.ReduceLROnPlateau(**fields), logs)
        assert run(make("ReduceLROnPlateau", **fields), logs).rates == theirs.rates


@pytest.mark.parametrize(
    "fields",
    options(
        **MONITORS,
        save_best_only=[True, False],
        save_freq=["epoch", 1, 3, 5],
        initial_value_threshold=[None, 0.95],
        filepath=["{epoch:02d}.h5", "{epoch}-{loss:.2f}.h5"],
    ),
    ids=str,
)
def test_model_checkpoint(fields: dict[str, Any]) -> None:
    if fields["save_freq"] != "epoch":  # with `save_best_only`, Keras fails before the first epoch's end
        fields = fields | {"save_best_only": False}
    for logs in scripts(12):
        _, model = run_keras(keras.callbacks.ModelCheckpoint(**fields), logs)
        ours = run(make("ModelCheckpoint", **fields), logs)
        assert [(epoch, save.name) for epoch, save in ours.saves] == model.saved


def test_learning_rate_scheduler() -> None:
    config = {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.25}
    schedule = keras.optimizers.schedules.ExponentialDecay(**config)
    theirs, _ = run_keras(
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: float(schedule(epoch))), scripts(1, 9)[0]
    )
    ours = run(
        make("LearningRateScheduler", schedule={"type": "ExponentialDecay", **config}), scripts(1, 9)[0]
    )
    assert ours.rates == pytest.approx(theirs.rates, rel=1e-6)
