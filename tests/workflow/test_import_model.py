"""The run that `import` makes: its config, guesses, weights from elsewhere, what stays of a failure."""

from __future__ import annotations

import errno
import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, StorageError
from nnctl.formats.keras.archive import keras_archive
from nnctl.runs.state import weights_sha256
from nnctl.spec.load import load
from nnctl.workflow.import_model import import_model
from nnctl.workflow.stored import open_stored
from tests.cli.command import nnctl
from tests.formats.models import Model, model
from tests.storage.faults import FaultyDisk, Killed

CLASSES = {
    "inputs": {"x": {"shape": [5]}},
    "layers": [{"type": "Dense", "units": 4, "activation": "relu"}, {"type": "Dense", "units": 3}, "Softmax"],
}
CONFIG = """\
# Imported by nnctl from m.keras (WRITER).
nnctl: 1
name: m
# No model's file holds its data: put these arrays into it, or name another source.
data:
  # x: (N, 5) float32
  # softmax: (N) whole numbers below 3
  source: data.npz
  inputs: {x: x}
  targets: {softmax: softmax}
model:
  inputs: {x: {shape: [5]}}
  layers: [{type: Dense, units: 4, activation: relu}, {type: Dense, units: 3}, Softmax]
  initial_weights: model.h5
training:
  epochs: 1
  loss: sparse_categorical_crossentropy
  optimizer: rmsprop
"""


def saved(made: Model, file: Path) -> Path:
    """The model as Keras would save it, not compiled."""
    file.write_bytes(keras_archive(made.spec, made.graph, made.weights, name="m", dtype=made.dtype))
    return file


def test_a_run_from_which_all_goes_on(tmp_path: Path) -> None:
    made = model(CLASSES)
    result = import_model(saved(made, tmp_path / "m.keras"), tmp_path / "run")
    assert result.notes == (
        "training: it was not compiled: the loss is a guess by its outputs (sparse_categorical_crossentropy)",
    )
    assert (result.layers, result.parameters) == (3, 39)
    assert result.weights_sha256 == weights_sha256(made.weights)
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert config.replace(result.made_by, "WRITER") == CONFIG
    inputs = made.inputs(batch=7)
    (ours,) = made.predict(inputs).values()
    np.savez(tmp_path / "run" / "data.npz", x=inputs["x"], softmax=ours.argmax(-1).astype("i4"))

    data = tmp_path / "run" / "data.npz"
    scores = nnctl("eval", tmp_path / "run", "--data", data, "--json").json
    assert scores["metrics"]["loss"] == pytest.approx(-np.log(ours.max(-1)).mean(), rel=1e-5)
    np.savez(tmp_path / "new.npz", x=inputs["x"])
    told = nnctl("predict", tmp_path / "run", tmp_path / "new.npz", "-o", tmp_path / "y.npy")
    assert told.code == 0, told.err
    assert (np.load(tmp_path / "y.npy") == ours).all()
    assert nnctl("plan", tmp_path / "run" / "config.yaml", "--json").code == 0
    began = nnctl("train", tmp_path / "run" / "config.yaml", "--json", cwd=tmp_path)
    assert began.code == 0, began.err


MEAN, YES_NO, ONE_OF = "mean_squared_error", "binary_crossentropy", "sparse_categorical_crossentropy"


def dense(units: int, activation: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": units, **({"activation": activation} if activation else {}), **more}


@pytest.mark.parametrize(
    ("layers", "outputs", "loss"),
    [
        (["Flatten", dense(2)], [], MEAN),
        (["Flatten", dense(1, "sigmoid")], [], YES_NO),
        (["Flatten", dense(2), {"type": "Activation", "activation": "sigmoid"}], [], YES_NO),
        ([{"type": "TimeDistributed", "layer": dense(2, "sigmoid")}], [], YES_NO),
        ([{"type": "TimeDistributed", "layer": dense(4, "softmax")}], [], ONE_OF),
        ([dense(4, "softmax")], [], ONE_OF),
        ([{"type": "Sequential", "layers": [dense(4), "Softmax"]}], [], ONE_OF),
        (
            [dense(2, "sigmoid"), dense(4, "softmax"), dense(3, inputs="x"), "ReLU"],
            ["dense", "dense_1", "dense_2"],
            {"dense": YES_NO, "dense_1": ONE_OF, "dense_2": MEAN},
        ),
        ([dense(2, inputs="x"), dense(3, inputs="x")], ["dense", "dense_1"], MEAN),
        (
            [dense(2, "sigmoid"), dense(4, "softmax")],
            ["dense", "dense_1"],
            {"dense": YES_NO, "dense_1": ONE_OF},
        ),
    ],
)
def test_the_loss_of_what_was_not_compiled(
    layers: list[Any], outputs: list[str], loss: Any, tmp_path: Path
) -> None:
    section = {"inputs": {"x": {"shape": [3, 5]}}, "layers": layers}
    made = model(section | ({"outputs": outputs} if outputs else {}))
    result = import_model(saved(made, tmp_path / "m.keras"), tmp_path / "run")
    assert load(tmp_path / "run" / "config.yaml").document.data["training"]["loss"] == loss
    said = ", ".join(f"{name}: {of}" for name, of in loss.items()) if isinstance(loss, dict) else loss
    assert f"a guess by its outputs ({said})" in result.notes[0]


WIDE = {
    "inputs": {"x": {"shape": [6, 2]}},
    # Its weight has no axes.
    "layers": [
        {"type": "Attention", "use_scale": True, "inputs": ["x", "x"]},
        {"type": "GRU", "units": 3},
        dense(2),
    ],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("format", ["npz", "safetensors", "h5", "keras", "json"])
def test_weights_from_elsewhere(format: str, dtype: str, tmp_path: Path) -> None:
    """For a config, or a structure in JSON; the bits are those that were exported."""
    made = model(WIDE, dtype=dtype)
    first = import_model(saved(made, tmp_path / "m.keras"), tmp_path / "first")
    assert first.weights_sha256 == weights_sha256(made.weights)
    np.savez(tmp_path / "first" / "data.npz", x=np.zeros((2, 6, 2), dtype), dense=np.zeros((2, 2), dtype))
    structure, file, more = tmp_path / "first" / "config.yaml", tmp_path / f"w.{format}", []
    if format == "json":
        structure, file, more = tmp_path / "m.json", tmp_path / "w.weights.h5", ["--weights-only"]
        assert nnctl("export", tmp_path / "first", "--format", "json", "-o", structure).code == 0
    kind = "h5" if format == "json" else format
    assert nnctl("export", tmp_path / "first", "--format", kind, "-o", file, *more).code == 0
    result = import_model(structure, tmp_path / "again", weights=file)
    assert result.weights_sha256 == first.weights_sha256
    assert load(tmp_path / "again" / "config.yaml").experiment.dtype == dtype
    assert open_stored(str(tmp_path / "again")).file.state.weights["attention/scale"].shape == ()


def test_a_structure_alone_and_weights_alone(tmp_path: Path) -> None:
    import_model(saved(model(WIDE), tmp_path / "m.keras"), tmp_path / "run")
    for name, format in (("m.json", "json"), ("w.npz", "npz")):
        nnctl("export", tmp_path / "run", "--format", format, "-o", tmp_path / name)
    for name, config in (("m.json", None), ("w.npz", None), ("config.yaml", "run")):
        file = tmp_path / (config or "") / name
        with pytest.raises(ConfigError) as caught:
            import_model(file, tmp_path / "other")
        (problem,) = caught.value.problems
        assert "alone" in problem.message or "has no weights" in problem.message
        assert "--weights" in (problem.expected or "")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("format", ["keras", "h5"])
def test_no_file_stays_open(format: str, tmp_path: Path) -> None:
    """A reader that is left to the collector is closed when Python is gone already: the process crashes."""
    from h5py import h5f

    import_model(saved(model(WIDE), tmp_path / "m.keras"), tmp_path / "run")
    file = tmp_path / f"w.{format}"
    nnctl("export", tmp_path / "run", "--format", format, "-o", file)
    gc.collect()
    gc.disable()
    try:
        import_model(file, tmp_path / "again")
        assert h5f.get_obj_count(h5f.OBJ_ALL, h5f.OBJ_FILE) == 0
        assert nnctl("inspect", file).code == 0
        assert h5f.get_obj_count(h5f.OBJ_ALL, h5f.OBJ_FILE) == 0
    finally:
        gc.enable()


def test_where_something_is(tmp_path: Path) -> None:
    """Nothing is written over, but an import that was killed is made anew."""
    file = saved(model(WIDE), tmp_path / "m.keras")
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for name in ("file", "full"):
        with pytest.raises(ConfigError, match="is there already"):
            import_model(file, tmp_path / name)
    (tmp_path / "empty").mkdir()
    import_model(file, tmp_path / "empty")
    with pytest.raises(ConfigError, match="is there already"):
        import_model(file, tmp_path / "empty")


def test_a_disk_that_fails_or_a_kill_at_every_operation(tmp_path: Path) -> None:
    file = saved(model(WIDE), tmp_path / "m.keras")
    disk = FaultyDisk()
    digest = import_model(file, tmp_path / "whole", disk=disk).weights_sha256
    assert disk.count > 20
    for at in range(disk.count):
        place = tmp_path / f"full{at}"
        with pytest.raises(StorageError, match="the disk is full"):
            import_model(file, place, disk=FaultyDisk(at, errno.ENOSPC))
        assert not place.exists()
        place = tmp_path / f"killed{at}"
        with pytest.raises(Killed):
            import_model(file, place, disk=FaultyDisk(at))
        if not (place / "manifest.json").exists():
            assert import_model(file, place).weights_sha256 == digest


@pytest.mark.parametrize("format", ["keras", "npz"])
def test_a_weight_without_axes(format: str, tmp_path: Path) -> None:
    """Normalization's count is a number, and no array of one."""
    made = model({"inputs": {"x": {"shape": [3]}}, "layers": ["Normalization", dense(2)]})
    first = import_model(saved(made, tmp_path / "m.keras"), tmp_path / "run")
    np.savez(tmp_path / "run" / "data.npz", x=np.zeros((2, 3), "f4"), dense=np.zeros((2, 2), "f4"))
    file = tmp_path / f"w.{format}"
    assert nnctl("export", tmp_path / "run", "--format", format, "-o", file).code == 0
    again = import_model(tmp_path / "run" / "config.yaml", tmp_path / "again", weights=file)
    assert again.weights_sha256 == first.weights_sha256 == weights_sha256(made.weights)
    assert nnctl("export", tmp_path / "again", "--format", "npz", "-o", tmp_path / "again.npz").code == 0
    assert np.load(tmp_path / "again.npz")["normalization/count"].shape == ()
