"""A config trained for an epoch here and, on the same batches filled up to one length, by Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.events import EpochEnded
from nnctl.data.feeding.dataset import Dataset
from nnctl.formats.keras.archive import keras_archive
from nnctl.runner.batches import Batches, in_order
from nnctl.runner.train import Job, train
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import first_weights, make_job, prepare
from tests.data.examples import examples


def trained_beside_keras(config: Path, *overrides: str, **compiled: Any) -> tuple[Job, Any]:
    """The job after its epoch and Keras's model after the same, with the same weights and logs.

    The config has one input, one output, no `shuffle`, and SGD with a learning rate of 0.1.

    Args:
        compiled: What Keras's model is compiled with: loss, metrics.
    """
    import keras

    assembled = assemble(config, overrides=overrides)
    session = assembled.session(1)
    job = make_job(assembled, session)
    prepare(job)
    first_weights(session, None, assembled.data.train)
    spec = assembled.loaded.experiment.model
    path = config.parent / "first.keras"
    path.write_bytes(keras_archive(spec, assembled.model, session.weights.arrays, name="m", dtype="float32"))
    theirs = keras.saving.load_model(path)
    theirs.compile(optimizer=keras.optimizers.SGD(0.1), **compiled)
    (ended,) = [event for event in train(job) if isinstance(event, EpochEnded)]
    data = assembled.data
    assert data.validation is not None
    assert job.validation is not None
    losses = _losses(theirs.train_on_batch, data.train, job.batches)
    for ours, weight in zip(session.weights.arrays.values(), theirs.weights, strict=True):
        np.testing.assert_allclose(ours, weight, rtol=1e-5, atol=1e-6, err_msg=weight.path)
    batches = Batches(len(data.validation), job.validation_batch, buckets=job.validation.buckets)
    x, y, *weights = examples(data.validation).values()
    size = job.validation_batch
    metrics = theirs.evaluate(x, y, size, 0, *weights, return_dict=True)
    metrics["loss"] = _losses(theirs.test_on_batch, data.validation, batches)
    expected = {"loss": losses} | {f"val_{name}": value for name, value in metrics.items()}
    assert {name: ended.logs[name] for name in expected} == pytest.approx(expected, rel=2e-5)
    return job, theirs


def _losses(step: Any, split: Dataset, batches: Batches) -> float:
    """The loss of Keras's steps over the batches of a split, each filled up to the one length.

    A step of Keras begins its metrics anew, and one that trains does not mask them on JAX.
    """
    given, total = examples(split).values(), 0.0
    for rows in batches.cut(in_order(len(split))):
        x, y, *weights = (array[rows] for array in given)
        total += len(rows) * float(step(x, y, *weights, return_dict=True)["loss"])
    return total / len(split)
