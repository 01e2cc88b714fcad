"""A whole training beside Keras's `fit`, for what acts between its steps: averages, and kernels divided."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

from nnctl.core.arrays import Array  # noqa: E402
from nnctl.core.events import EpochEnded  # noqa: E402
from nnctl.data.feeding.dataset import Dataset  # noqa: E402
from nnctl.formats.keras.archive import keras_archive  # noqa: E402
from nnctl.program.session import Session  # noqa: E402
from nnctl.runner.train import Job, train  # noqa: E402
from nnctl.workflow.assemble import Assembled, assemble  # noqa: E402
from nnctl.workflow.train import first_weights, make_job, prepare  # noqa: E402

pytestmark = pytest.mark.keras

EPOCHS, BATCH = 3, 5
CONFIG = f"""
nnctl: 1
data:
  source: d.npz
  inputs: x
  target: y
  split: {{validation: 0.3}}
  batch_size: {BATCH}
  shuffle: false
model:
  layers: [HIDDEN, {{type: Dense, units: 2, name: out}}]
training:
  loss: mse
  metrics: [mae]
  epochs: {EPOCHS}
"""


def made(folder: Path, hidden: str, *overrides: str) -> tuple[Assembled, Session, Job, Any]:
    """An experiment, ready to be trained; and the model in Keras, with the same first weights."""
    rng = np.random.default_rng(4)
    x, y = (rng.standard_normal((24, n)).astype(np.float32) for n in (4, 2))
    np.savez(folder / "d.npz", x=x, y=y)
    (folder / "c.yaml").write_text(CONFIG.replace("HIDDEN", hidden))
    assembled = assemble(folder / "c.yaml", overrides=overrides)
    session = assembled.session(1)
    job = make_job(assembled, session)
    prepare(job)
    first_weights(session, None, assembled.data.train)
    spec, arrays = assembled.loaded.experiment.model, session.weights.arrays
    (folder / "m.keras").write_bytes(keras_archive(spec, assembled.model, arrays, name="m", dtype="float32"))
    return assembled, session, job, keras.saving.load_model(folder / "m.keras")


def arrays(split: Dataset | None) -> tuple[Array, Array]:
    """Inputs and targets in the order in which they are read."""
    assert split is not None
    (x,), (y,) = split.inputs.values(), split.targets.values()
    ((_, first),), ((_, second),) = split.pieces(x, "float32"), split.pieces(y, "float32")
    return first, second


def logs_of(job: Job) -> dict[str, list[float]]:
    """What each epoch of a training says."""
    logs = [event.logs for event in train(job) if isinstance(event, EpochEnded)]
    return {name: [of[name] for of in logs] for name in logs[0] if name != "learning_rate"}


@pytest.mark.parametrize("on_epoch", [False, True])
def test_validates_and_ends_with_the_average_as_keras_does(on_epoch: bool, tmp_path: Path) -> None:
    own = "SGD, learning_rate: 0.2, momentum: 0.9, use_ema: true, ema_momentum: 0.7"
    swap = f"{{type: SwapEMAWeights, swap_on_epoch: {str(on_epoch).lower()}}}"
    overrides = f"training.optimizer={{type: {own}}}", f"training.callbacks=[{swap}]"
    hidden = "{type: Dense, units: 3, activation: tanh}"
    assembled, session, job, theirs = made(tmp_path, hidden, *overrides)
    optimizer = keras.optimizers.SGD(0.2, 0.9, use_ema=True, ema_momentum=0.7)
    theirs.compile(optimizer, "mse", metrics=["mae"])
    history = theirs.fit(
        *arrays(assembled.data.train),
        validation_data=arrays(assembled.data.validation),
        batch_size=BATCH,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.SwapEMAWeights(swap_on_epoch=on_epoch)],
    ).history
    ours = logs_of(job)
    assert set(ours) == set(history) == {"loss", "mae", "val_loss", "val_mae"}
    for name, values in ours.items():
        np.testing.assert_allclose(values, history[name], rtol=2e-6, err_msg=name)
    for value, array in zip(theirs.weights, session.weights.arrays.values(), strict=True):
        np.testing.assert_allclose(array, np.asarray(value.value), rtol=1e-5, atol=1e-7, err_msg=value.path)


def test_trains_on_divided_kernels_as_keras_does_step_by_step(tmp_path: Path) -> None:
    """As where Keras's layer may write its kernel: divided by its own function, then a step of the rest.

    On JAX its trainer takes only the vector from the layer, which this shows too.
    """
    hidden = "{type: SpectralNormalization, power_iterations: 2, layer: {type: Dense, units: 3}}"
    assembled, session, job, theirs = made(
        tmp_path, hidden, "training.optimizer={type: SGD, learning_rate: 0.2, momentum: 0.9}"
    )
    x, y = arrays(assembled.data.train)
    validation = arrays(assembled.data.validation)
    norm, out = theirs.layers[-2:]
    stepped = keras.Sequential([keras.Input((4,)), norm.layer, out])
    stepped.compile(keras.optimizers.SGD(0.2, 0.9), "mse", metrics=["mae"])
    first = [np.asarray(value.value) for value in theirs.weights]
    ours = logs_of(job)
    for epoch in range(EPOCHS):
        for start in range(0, len(x), BATCH):
            vector, kernel = norm.normalized_weights()
            norm.vector_u.assign(vector)
            norm.kernel.assign(kernel)
            stepped.train_on_batch(x[start : start + BATCH], y[start : start + BATCH])
        found = stepped.evaluate(*validation, batch_size=BATCH, verbose=0)
        np.testing.assert_allclose([ours["val_loss"][epoch], ours["val_mae"][epoch]], found, rtol=2e-6)
    names = [value.path for value in theirs.weights]
    for name, value, array in zip(names, theirs.weights, _in_keras_order(session, names), strict=True):
        np.testing.assert_allclose(array, np.asarray(value.value), rtol=2e-5, atol=1e-6, err_msg=name)

    for value, array in zip(theirs.weights, first, strict=True):
        value.assign(array)
    theirs.compile(keras.optimizers.SGD(0.0), "mse")
    theirs.train_on_batch(x, y)
    moved = [not np.array_equal(value, array) for value, array in zip(theirs.weights, first, strict=True)]
    assert [name.split("/")[-1] for name, by in zip(names, moved, strict=True) if by] == ["vector_u"]


def _in_keras_order(session: Session, names: list[str]) -> list[Array]:
    """Our weights in the order of Keras's, by the ends of their names."""
    ours = session.weights.arrays
    found = []
    for name in names:
        end = name.split("/")[-1]
        (own,) = [n for n in ours if n.endswith(f"/{end}") and ("out/" in n) == ("out/" in name)]
        found.append(ours[own])
    return found
