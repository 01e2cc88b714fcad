"""Sound model files with something changed in them: cut off, bytes flipped, a value replaced."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from nnctl.formats.keras.archive import keras_archive
from nnctl.formats.onnx.model import onnx_file
from tests.formats.keras_models import MODELS
from tests.formats.models import exportable, model
from tests.formats.onnx.test_hostile import SMALL
from tests.hostile.forge import (
    TENSORS,
    arrays,
    by_name,
    chain,
    compiled,
    dense,
    hdf5,
    legacy,
    members,
    npz,
    safetensors,
    structure,
    zipped,
)
from tests.mutated.trees import bytes_changed, changed

COMPILED = {
    "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.01, "beta_1": 0.8}},
    "loss": "mse",
    "metrics": ["mae"],
}
YAML = """class_name: Sequential
config:
  layers:
  - class_name: Dense
    config: {activation: relu, batch_input_shape: !!python/tuple [null, 3], name: d, units: 2}
  name: m
keras_version: 2.4.0
"""
_STRONG = [name for name in MODELS if name != "unused call"]


@cache
def _parts(name: str) -> dict[str, bytes]:
    """The members of the `.keras` file of a model."""
    made = model(MODELS[name])
    archive = keras_archive(made.spec, made.graph, made.weights, name="m", dtype=made.dtype)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {member: opened.read(member) for member in opened.namelist()}


Made = tuple[tuple[str, ...], str]
"""What `import` is asked, and the name of the file in which something is to be changed."""


def _keras(here: Path) -> Made:
    (here / "model.keras").write_bytes(zipped(members(compiled(**COMPILED))))
    return ("model.keras",), "model.keras"


def _h5(here: Path) -> Made:
    return (legacy(here, chain(dense())),), "model.h5"


def _weights(here: Path) -> Made:
    (here / "w.weights.h5").write_bytes(hdf5(arrays))
    return (structure(here, chain(dense())), "--weights", "w.weights.h5"), "w.weights.h5"


def _json(here: Path) -> Made:
    (here / "w.weights.h5").write_bytes(hdf5(arrays))
    return (structure(here, compiled(**COMPILED)), "--weights", "w.weights.h5"), "model.json"


def _yaml(here: Path) -> Made:
    (here / "w.weights.h5").write_bytes(hdf5(arrays))
    (here / "model.yaml").write_text(YAML)
    return ("model.yaml", "--weights", "w.weights.h5"), "model.yaml"


def _safetensors(here: Path) -> Made:
    return by_name(here, "w.safetensors", safetensors(TENSORS)), "w.safetensors"


def _npz(here: Path) -> Made:
    return by_name(here, "w.npz", npz()), "w.npz"


def _onnx(here: Path) -> Made:
    (here / "model.onnx").write_bytes(onnx_file(exportable(model(SMALL))))
    return ("model.onnx",), "model.onnx"


FORMATS: Mapping[str, Callable[[Path], Made]] = {
    "keras": _keras,
    "h5": _h5,
    "weights.h5": _weights,
    "json": _json,
    "yaml": _yaml,
    "safetensors": _safetensors,
    "npz": _npz,
    "onnx": _onnx,
}


def cut(here: Path, format: str, percent: int) -> tuple[str, ...]:
    """A sound file of which only so many percent are there; what `import` is asked."""
    command, name = FORMATS[format](here)
    whole = (here / name).read_bytes()
    (here / name).write_bytes(whole[: len(whole) * percent // 100])
    return command


def mutated(here: Path, number: int, seed: int = 0) -> tuple[tuple[str, ...], str]:
    """Mutation `number`: what `import` is asked, and what was changed."""
    chance = random.Random(f"{seed} {number}")
    if number % 2:
        format = chance.choice(list(FORMATS))
        command, name = FORMATS[format](here)
        (here / name).write_bytes(bytes_changed((here / name).read_bytes(), chance))
        return command, f"{name}: bytes"
    return ("model.keras",), _config_changed(here, chance)


def _config_changed(here: Path, chance: random.Random) -> str:
    name = chance.choice(_STRONG)
    parts = _parts(name)
    config = json.loads(parts["config.json"])
    if chance.random() < 0.3:
        config |= {"compile_config": COMPILED}
    text, what = changed(config, chance)
    (here / "model.keras").write_bytes(zipped(parts | {"config.json": text.encode("utf-8", "surrogatepass")}))
    return f"{name}: {what}"
