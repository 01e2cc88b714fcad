"""`export` from a run: what comes out, twice the same bytes, whole or not at all."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError, StorageError
from nnctl.formats.exports.base import formats
from nnctl.workflow.assemble import assemble
from nnctl.workflow.export import export, trained_model
from nnctl.workflow.stored import open_stored
from nnctl.workflow.train import start
from tests.cli.command import nnctl
from tests.formats.export_cases import CASES
from tests.storage.faults import FaultyDisk

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FORMATS = [(cls.__name__, f"model{cls.ending}") for cls in formats.classes()]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of one epoch with a shared encoder and two inputs."""
    directory = tmp_path_factory.mktemp("export") / "run"
    training = start(CONFIGS / "digits_halves.yaml", run_dir=directory, overrides=["training.epochs=1"])
    for _ in training.events():
        pass
    return str(directory)


@pytest.mark.parametrize(("format", "name"), FORMATS)
def test_twice_the_same_bytes(format: str, name: str, run: str, tmp_path: Path) -> None:
    result = export(run, format, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    assert (result["format"], result["output"]) == (format, str(tmp_path / name))
    (tmp_path / name).write_bytes(b"what was there before")
    assert export(run, format, tmp_path / name, force=True) == result
    assert (tmp_path / name).read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == [name]
    json.dumps(result)


@pytest.mark.parametrize(("format", "name"), FORMATS)
def test_full_disk_leaves_what_was_there(format: str, name: str, run: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    counted = FaultyDisk()
    export(run, format, tmp_path / f"other_{name}", disk=counted)
    (tmp_path / f"other_{name}").unlink()
    last = counted.operations.index("replace")
    for at in range(last + 1):
        with pytest.raises(StorageError, match=r"full|ENOSPC"):
            export(run, format, path, force=True, disk=FaultyDisk(at, errno.ENOSPC))
        assert path.read_bytes() == b"before"
        assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("format", ["yaml", "json"])
def test_structure_comes_back_in_a_config(format: str, run: str, tmp_path: Path) -> None:
    export(run, format, tmp_path / "model.json")
    text = (CONFIGS / "digits_halves.yaml").read_text()
    head, rest = text.split("model:\n")
    training = rest[rest.index("training:") :]
    head = head.replace("data/", f"{CONFIGS}/data/")
    (tmp_path / "again.yaml").write_text(f"{head}model: {{path: model.json}}\n{training}")
    again, stored = assemble(tmp_path / "again.yaml").model, open_stored(run).model
    assert [(n.name, n.owner, n.inputs, n.output_shapes) for n in again.nodes] == [
        (n.name, n.owner, n.inputs, n.output_shapes) for n in stored.nodes
    ]
    assert list(again.weights) == list(stored.weights)
    assert (again.inputs, again.outputs) == (stored.inputs, stored.outputs)


def test_weights_are_the_run_s(run: str, tmp_path: Path) -> None:
    weights = open_stored(run).file.state.weights
    for format, case in CASES.items():
        if case.weights is not None:
            export(run, format, tmp_path / format)
            held = case.weights((tmp_path / format).read_bytes())
            assert {n: w.tobytes() for n, w in held.items()} == {n: w.tobytes() for n, w in weights.items()}
    export(run, "h5", tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5") as file:
        kernel = np.asarray(file["layers/sequential/layers/dense_1/vars/0"])
        mean = np.asarray(file["layers/sequential/layers/batch_normalization/vars/2"])
    np.testing.assert_array_equal(kernel, weights["encoder/dense_1/kernel"])
    np.testing.assert_array_equal(mean, weights["encoder/batch_normalization/moving_mean"])


def test_a_checkpoint_can_be_exported(run: str, tmp_path: Path) -> None:
    export(f"{run}/model.h5", "npz", tmp_path / "a.npz")
    export(run, "npz", tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_training_comes_with_the_model(run: str) -> None:
    """The optimizer, and its state if that is of these weights and whole."""
    stored = open_stored(run)
    training = trained_model(stored).training
    assert (training.optimizer.config()["momentum"], training.learning_rate) == (0.9, None)
    assert training.step == stored.file.state.step > 0
    assert training.slots is not None
    assert list(training.slots) == [f"momentum/{name}" for name in stored.model.trainable()]
    state = stored.file.state
    kept, slots = dict(state.scalars), dict(state.optimizer)
    state.scalars = {"learning_rate": 0.25}
    told = trained_model(stored).training
    assert told.learning_rate == 0.25
    for scalars, optimizer in (
        ({"averaged": 1.0}, slots),
        (kept, {}),
        (kept, {name: a for name, a in slots.items() if "bias" not in name}),
        (kept, {name: a[..., :1] for name, a in slots.items()}),
    ):
        state.scalars, state.optimizer = scalars, optimizer
        told = trained_model(stored).training
        assert told.slots is None


@pytest.mark.parametrize(("format", "name"), [(f, name) for f, case in CASES.items() for name in case.hints])
def test_what_the_file_is_good_for_is_told(format: str, name: str, run: str, tmp_path: Path) -> None:
    stored = open_stored(run)
    told = export(run, format, tmp_path / name)
    assert told["hint"] == CASES[format].hints[name].replace("INPUTS", ", ".join(stored.model.inputs))
    assert told["weights_sha256"] == stored.file.weights_sha256


def test_an_unknown_format_is_told_before_the_run_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no export format 'nps'") as caught:
        export("no such run", "nps", tmp_path / "w.npz")
    (problem,) = caught.value.problems
    assert problem.suggestion == "npz"
    assert problem.expected == ", ".join(formats.names())
    done = nnctl("export", "no such run", "--format", "nps", "-o", "w.npz", cwd=tmp_path)
    assert done.code == 2
    assert "did you mean 'npz'?" in done.err


def test_wrong_places_are_told_before_the_run_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no directory"):
        export("no such run", "npz", tmp_path / "missing" / "w.npz")
    with pytest.raises(ConfigError, match="is a directory"):
        export("no such run", "npz", tmp_path)
    with pytest.raises(ConfigError, match=r"end in \.keras"):
        export("no such run", "keras", tmp_path / "model.zip")


@pytest.mark.keras
def test_keras_evaluates_the_run_alike(run: str, tmp_path: Path) -> None:
    """Prepared test data through the exported model: the same predictions, so the same accuracy."""
    keras = pytest.importorskip("keras")
    from nnctl.runner.evaluate import predict
    from nnctl.workflow.batch_reader import BatchReader

    stored = open_stored(run)
    export(run, "keras", tmp_path / "model.keras")
    split = BatchReader(stored.split("test"))
    found = list(predict(stored.session(1), split, 64))
    ours = np.concatenate([batch["digit"] for batch in found])
    count = len(split)
    given = {name: np.empty(shape, np.float32) for name, shape in split.sizes(count).items()}
    split.read(np.arange(count), {f"input:{name}": array for name, array in given.items()})
    theirs = keras.saving.load_model(tmp_path / "model.keras").predict(given, verbose=0)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6)


RANKS = """
nnctl: 1
data: {source: {type: npz, path: d.npz, target: y}, inputs: {x: x, z: z}, batch_size: 4}
model:
  inputs: {x: {shape: [3]}, z: {shape: [4, 3]}}
  layers:
    - type: Sequential
      name: enc
      inputs: x
      layers: [{type: Dense, units: 4, activation: relu}, {type: Dense, units: 2}]
    - {use: enc, inputs: z, name: enc2}
    - {type: Flatten, inputs: enc2}
    - {type: Concatenate, inputs: [enc, flatten]}
    - {type: Dense, units: 1}
training: {loss: mse}
"""


def test_a_nested_model_shared_by_inputs_of_different_rank(tmp_path: Path) -> None:
    """Keras's formats say that Keras has no such model; the others hold it."""
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(8, 3)), "z": rng.normal(size=(8, 4, 3)), "y": rng.normal(size=8)}
    np.savez(tmp_path / "d.npz", **{name: a.astype(np.float32) for name, a in arrays.items()})
    (tmp_path / "c.yaml").write_text(RANKS)
    assert nnctl("train", "c.yaml", "-q", "--run-dir", "run", cwd=tmp_path).code == 0
    for format, name in FORMATS:
        done = nnctl("export", "run", "--format", format, "-o", name, cwd=tmp_path)
        if CASES[format].keras:
            assert done.code == 2, done.err
            assert "'enc' is called on (3) and on (4, 3)" in done.err
            assert not (tmp_path / name).exists()
        else:
            assert done.code == 0, done.err
