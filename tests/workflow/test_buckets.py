"""Training on real sequences of different lengths, in buckets: the same bits however it runs."""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core import events
from nnctl.core.errors import ConfigError
from nnctl.data.reading.given import table_of
from nnctl.runner.evaluate import predict
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.check import check
from nnctl.workflow.predict import predictions
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import start

SENTENCES = Path(__file__).resolve().parents[2] / "configs" / "data" / "sentences.csv"

CONFIG = """nnctl: 1
data:
  source: letters.csv
  target: document
  inputs: letters
  columns:
    letters: {type: sequence, maxlen: 40}
  split: {validation: 0.2, test: 0.2}
  batching: {bucket_boundaries: [13, 25], bucket_batch_sizes: [32, 32, 10]}
model:
  layers:
    - {type: Embedding, input_dim: 20, output_dim: 3, mask_zero: true}
    - {type: GRU, units: 4}
    - {type: Dense, units: 3, activation: softmax, name: out}
training:
  epochs: 2
  loss: sparse_categorical_crossentropy
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The words of each sentence by how many letters they have."""
    with SENTENCES.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    lines = [
        f"{' '.join(str(len(word)) for word in row['sentence'].split())},{row['document']}" for row in rows
    ]
    (tmp_path / "letters.csv").write_text("letters,document\n" + "\n".join(lines) + "\n")
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path / "config.yaml"


def run(config: Path, directory: Path, stop: int | None = None, **how: Any) -> dict[str, Any]:
    training = start(config, run_dir=directory, **how)
    for event in training.events():
        if isinstance(event, events.StepEnded) and event.step == stop:
            os.kill(os.getpid(), signal.SIGTERM)
    return training.result()


def test_the_same_bits(config: Path, tmp_path: Path) -> None:
    """Stopped in the middle of an epoch; then each row by itself; and all filled up to one length."""
    straight = run(config, tmp_path / "a", threads=1)
    assert straight["steps"] == 2 * 14
    assert run(config, tmp_path / "b", stop=19, threads=2)["status"] == "interrupted"
    resumed = run(config, tmp_path / "b", threads=2, resume=True)
    assert resumed["weights_sha256"] == straight["weights_sha256"]
    assert resumed["metrics"] == straight["metrics"]
    stored = open_stored(str(tmp_path / "a"))
    cells = ["4 2 9", " ".join(["7"] * 30), "1", " ".join(["3"] * 12), " ".join("5" * 13), "2 2"]
    (whole,) = predictions(stored, table_of({"letters": cells}), threads=1)
    for i, cell in enumerate(cells):
        (alone,) = predictions(stored, table_of({"letters": [cell]}), threads=1)
        assert alone.outputs["out"].tobytes() == whole.outputs["out"][i : i + 1].tobytes()
    test = stored.split("test")
    session = stored.session(1)
    (found,) = predict(session, BatchReader(test), 8)
    filled = list(predict(session, BatchReader(replace(test, buckets=None)), 8))
    np.testing.assert_allclose(
        np.concatenate([batch["out"] for batch in filled]), found["out"], rtol=0, atol=1e-6
    )


def test_what_a_model_cannot_read(config: Path) -> None:
    """Layers are held against the lengths of all buckets, and outputs against the targets."""
    conv = "{type: Conv1D, filters: 2, kernel_size: 14}"
    for layer, message in (
        ("Flatten", "its weights by the last axis, which is null"),
        ("{type: GRU, units: 4, return_sequences: true}", "wants a target of (null), but the data g"),
        (
            f"{{type: Sequential, layers: [{conv}, {{type: GRU, units: 2}}]}}",
            "window of (14) is larger than the (12)",
        ),
    ):
        with pytest.raises(ConfigError) as caught:
            check(config, overrides=[f"model.layers.1={layer}"])
        assert any(message in problem.message for problem in caught.value.problems), caught.value.problems
