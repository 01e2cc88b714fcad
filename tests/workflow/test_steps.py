"""Models with an output for each step, in buckets, beside Keras with all filled up to one length."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.feeding.from_file import read_examples
from nnctl.runner.evaluate import evaluate as run_over
from nnctl.runner.evaluate import predict
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.check import check
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.predict import predict as predict_file
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import start
from tests.data.examples import examples
from tests.workflow.beside_keras import trained_beside_keras

CONFIG = """nnctl: 1
data:
  train: {type: csv, path: steps.csv}
  validation: {type: csv, path: more.csv}
  target: said
  inputs: read
  columns:
    read: {type: sequence, value: -9, padding: pre}
    said: {type: sequence, padding: pre}
  batch_size: 4
  shuffle: false
  batching: {bucket_boundaries: [3, 5]}
model:
  inputs: {read: {shape: [null, 1]}}
  layers:
    - {type: Masking, mask_value: -9}
    - {type: GRU, units: 3, return_sequences: true}
    - {type: Dense, units: 3, activation: softmax, name: out}
training:
  epochs: 1
  optimizer: {type: SGD, learning_rate: 0.1}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
"""
POST = ("data.columns.read.padding=post", "data.columns.said.padding=post")
STEPS = [1, 4, 6, 2, 3, 5, 4, 1, 2, 7, 5, 3]
"""How long each sequence of training is: four are of each bucket."""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for name, lengths in (("steps.csv", STEPS), ("more.csv", [3, 1, 7, 2, 2, 6, 1, 5])):
        rows = [
            f"{' '.join(f'{x:.3f}' for x in rng.standard_normal(n))},"
            f"{' '.join(map(str, rng.integers(0, 3, n)))}"
            for n in lengths
        ]
        (tmp_path / name).write_text("\n".join(["read,said", *rows, ""]))
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path / "c.yaml"


@pytest.mark.keras
def test_in_buckets_as_in_keras(config: Path) -> None:
    """Loss, accuracy, weights; and what is predicted for each step, at its place among all steps."""
    compiled = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    job, theirs = trained_beside_keras(config, **compiled)
    assert job.batches.steps == 3
    (found,) = predict(job.session, job.train, 4)
    expected = theirs.predict(examples(job.train.data)["read"], verbose=0)  # type: ignore[attr-defined]
    assert found["out"].shape == expected.shape == (len(STEPS), 7, 3)
    for ours, wanted, steps in zip(found["out"], expected, STEPS, strict=True):
        room = 2 if steps < 3 else 4 if steps < 5 else 7
        np.testing.assert_allclose(ours[7 - steps :], wanted[7 - steps :], rtol=1e-5, atol=1e-6)
        assert np.isnan(ours).all(axis=1).tolist() == [True] * (7 - room) + [False] * room


def test_a_file_in_buckets(config: Path, tmp_path: Path) -> None:
    """The accuracy is that of sequences of one length; a step that a bucket does not have is null."""
    for _ in start(config, run_dir=tmp_path / "run", threads=1, overrides=POST).events():
        pass
    stored = open_stored(str(tmp_path / "run"))
    split = read_examples(tmp_path / "more.csv", stored.preprocessing)
    session = stored.session(1)
    cut, filled = BatchReader(split), BatchReader(replace(split, buckets=None))
    accuracy = run_over(session, cut, 3)["accuracy"]
    assert accuracy == pytest.approx(run_over(session, filled, 3)["accuracy"], rel=1e-12)
    assert (
        accuracy == evaluate(str(tmp_path / "run"), data=tmp_path / "more.csv", threads=1).metrics["accuracy"]
    )
    (tmp_path / "new.csv").write_text("read\n1 2\n0.5 0.25 1 3 2 2\n")
    predict_file(str(tmp_path / "run"), tmp_path / "new.csv", tmp_path / "new.jsonl", threads=1)
    short, long = (json.loads(line)["said"] for line in (tmp_path / "new.jsonl").read_text().splitlines())
    assert [step[0] is None for step in short] == [False] * 2 + [True] * 5
    assert not any(None in step for step in long)
    (tmp_path / "new.csv").write_text("read,said\n1 2,0 1\n1,0 1 2\n")
    with pytest.raises(DataError, match=r"new.csv:3: the target of output 'out' has 3 steps, but .* gives 2"):
        evaluate(str(tmp_path / "run"), data=tmp_path / "new.csv", threads=1)


def test_targets_that_do_not_fit(config: Path, tmp_path: Path) -> None:
    """Of one length for all; and with more steps than their example's bucket has."""
    steps = config.parent / "steps.csv"
    steps.write_text(steps.read_text().replace("\n", ",0,0\n").replace("said,0,0", "said,a,b"))
    one = ["data.target=[a, b]", "training={loss: mse}", "model.layers.2.units=1", "data.validation=null"]
    with pytest.raises(ConfigError, match="its length varies with the bucket, but all its") as caught:
        check(config, overrides=one)
    assert caught.value.problems[0].path == ("data", "batching")
    # The longest target stands for all: filled up to one length, as by an evaluation without buckets.
    with pytest.raises(
        ConfigError, match=r"is \(7, 3\), so .* wants a target of \(7\), but the data gives \(5\)"
    ):
        check(config, overrides=["data.columns.said.maxlen=5"])
    (tmp_path / "more.csv").write_text("read,said\n1 2 3 4 5,0 1\n1,0 1 2\n")
    with pytest.raises(
        DataError, match=r"more.csv:3: the target of output 'out' has 3 steps, but .* gives 2"
    ):
        check(config)
