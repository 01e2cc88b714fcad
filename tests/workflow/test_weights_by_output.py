"""Sample and class weights by output: beside Keras, from memory and streamed, in training and `eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.core.events import EpochEnded
from nnctl.formats.keras.archive import keras_archive
from nnctl.workflow.assemble import assemble
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.train import start

CONFIG = """
nnctl: 1
data:
  source: {type: npz, path: d.npz}
  inputs: {x: x}
  targets: {kind: k, size: s}
  sample_weight: {kind: v, size: w}
  batch_size: 5
  shuffle: false
model:
  inputs: {x: {shape: [4]}}
  layers:
    - {type: Dense, units: 6, activation: tanh, name: trunk}
    - {type: Dense, units: 3, activation: softmax, inputs: trunk, name: kind}
    - {type: Dense, units: 1, inputs: trunk, name: size}
  outputs: [kind, size]
training:
  optimizer: {type: SGD, learning_rate: 0.3}
  loss: {kind: sparse_categorical_crossentropy, size: mse}
  loss_weights: {kind: 1.0, size: 0.5}
  weighted_metrics: {kind: [accuracy], size: [mae]}
  class_weight: {kind: {0: 2.5, 2: 0.0}}
"""


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, Any]:
    """Fifteen examples in memory and on disk; some weigh nothing, in one output or in both."""
    rng = np.random.default_rng(7)
    made: dict[str, Any] = {
        "x": rng.standard_normal((15, 4)).astype(np.float32),
        "k": rng.integers(0, 3, 15),
        "s": rng.standard_normal(15).astype(np.float32),
        "v": rng.uniform(0, 2, 15).astype(np.float32),
        "w": rng.uniform(0, 5, 15).astype(np.float32),
    }
    made["v"][[1, 4]] = made["w"][[4, 7]] = 0
    np.savez(tmp_path / "d.npz", **made)
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file.update(made)
    return made


def trained(config: Path, run: Path) -> str:
    """The hash of the weights after one epoch, three steps."""
    list(start(config, run_dir=run, threads=1).events())
    return str(json.loads((run / "manifest.json").read_text())["weights_sha256"])


@pytest.mark.keras
def test_as_in_keras(arrays: dict[str, Any], tmp_path: Path) -> None:
    """Losses, metrics and weights after three steps; `eval` of the run knows no class weights, as Keras's."""
    keras = pytest.importorskip("keras")
    (tmp_path / "c.yaml").write_text(CONFIG)
    assembled = assemble(tmp_path / "c.yaml")
    session = assembled.session(1)
    session.initialize()
    spec = assembled.loaded.experiment.model
    first = keras_archive(spec, assembled.model, session.weights.arrays, name="m", dtype="float32")
    (tmp_path / "m.keras").write_bytes(first)
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    theirs.compile(
        keras.optimizers.SGD(0.3), loss=["sparse_categorical_crossentropy", "mse"], loss_weights=[1.0, 0.5],
        weighted_metrics=[["accuracy"], ["mae"]],
    )  # fmt: skip
    x, targets, size = arrays["x"], [arrays["k"], arrays["s"]], arrays["w"]
    by_class = arrays["v"] * np.array([2.5, 1, 0], np.float32)[arrays["k"]]
    rest: dict[str, Any] = {"batch_size": 5, "verbose": 0}
    logs = theirs.fit(x, targets, sample_weight=[by_class, size], shuffle=False, **rest).history

    events = start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1).events()
    (ours,) = [dict(event.logs) for event in events if isinstance(event, EpochEnded)]
    del ours["learning_rate"]
    assert ours == pytest.approx({name: values[0] for name, values in logs.items()}, rel=1e-5)

    expected = theirs.evaluate(x, targets, sample_weight=[arrays["v"], size], return_dict=True, **rest)
    found = evaluate(str(tmp_path / "run"), data=tmp_path / "d.npz", threads=1).metrics
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.usefixtures("arrays")
def test_streamed_as_from_memory_and_one_for_all_as_each_the_same(tmp_path: Path) -> None:
    """To the bit. A column may weigh two outputs, or only one; a run's own config trains the same again."""
    texts = {
        "memory": CONFIG,
        "streamed": CONFIG.replace("{type: npz, path: d.npz}", "{type: hdf5, path: d.h5}"),
        "all": CONFIG.replace("{kind: v, size: w}", "w"),
        "each": CONFIG.replace("{kind: v, size: w}", "{kind: w, size: w}"),
        "one": CONFIG.replace("{kind: v, size: w}", "{size: w}"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    made = {name: trained(tmp_path / f"{name}.yaml", tmp_path / name) for name in texts}
    made["again"] = trained(tmp_path / "one" / "resolved.yaml", tmp_path / "again")
    assert made["memory"] == made["streamed"]
    assert made["all"] == made["each"]
    assert made["one"] == made["again"]
    assert len(set(made.values())) == 3


WITHOUT_A_LOSS = ("weighed", "measured", "weighed")
NO_CLASS = "class_weight is for one class per example or step; output 'size' has none"


@pytest.mark.usefixtures("arrays")
@pytest.mark.parametrize(
    ("was", "now", "messages"),
    [
        ("kind: v, ", "king: v, ", ["the model has no output 'king'"]),
        ("kind: v, ", 'kind: "v*", ', ["the data has no column 'v*'"]),
        ("kind: k, size: s}", "kind: k}", ["output 'size' has no target, so"]),
        ("class_weight: {kind:", "class_weight: {king:", ["the model has no output 'king'"]),
        ("2: 0.0}", "2: 0.0}, size: balanced", [NO_CLASS]),
        ("2: 0.0}", "3: 0.0}, size: {0: 1}", ["there is no class '3'", NO_CLASS]),
        ("2: 0.0}", "2: 0.0}, size: 2", ["some of it is by class and some by output;"]),
        ("{kind: {0: 2.5, 2: 0.0}}", "balanced", ["class_weight without the name of an output"]),
        (
            "loss: {kind: sparse_categorical_crossentropy,", "loss: {kind: null,",
            [f"output 'kind' has no loss, so nothing of it can be {done}" for done in WITHOUT_A_LOSS],
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_weighed_is_told(was: str, now: str, messages: list[str], tmp_path: Path) -> None:
    assert was in CONFIG
    (tmp_path / "c.yaml").write_text(CONFIG.replace(was, now))
    with pytest.raises(ConfigError) as caught:
        assemble(tmp_path / "c.yaml")
    assert len(caught.value.problems) == len(messages)
    for problem, message in zip(caught.value.problems, messages, strict=True):
        assert problem.message.startswith(message)
        assert problem.place is not None
        of_all = message.startswith(("class_weight without", "some of it"))
        assert (problem.path == ("training", "class_weight")) is of_all
