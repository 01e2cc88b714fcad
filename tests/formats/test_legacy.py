"""Whole models in Keras's legacy HDF5, as Keras opens them."""

from __future__ import annotations

import importlib
import io
import json
import os
from pathlib import Path
from typing import Any

import h5py
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

from nnctl.core.errors import ConfigError  # noqa: E402
from nnctl.formats.exports.base import TrainedModel  # noqa: E402
from nnctl.formats.exports.h5 import h5  # noqa: E402
from nnctl.formats.exports.keras import keras as keras_format  # noqa: E402
from nnctl.formats.exports.npz import npz  # noqa: E402
from nnctl.formats.keras.legacy import listed_names  # noqa: E402
from tests.formats.keras_models import MODELS  # noqa: E402
from tests.formats.models import Model, exportable, model  # noqa: E402
from tests.formats.test_compiled import SMALL, SPARSE, goes_on  # noqa: E402
from tests.formats.test_keras import same, side_by_side  # noqa: E402
from tests.formats.trained import Trained  # noqa: E402
from tests.layers import keras_cases  # noqa: E402
from tests.sampling import a_day, everyday  # noqa: E402

pytestmark = pytest.mark.keras


def opened(made: TrainedModel, path: Path) -> Any:
    """The model as Keras opens it."""
    path.write_bytes(b"".join(h5().pieces(made)))
    return keras.saving.load_model(path)


def same_in_keras(made: Model, path: Path, largest: int = 5) -> None:
    same(made, opened(exportable(made), path), made.inputs(largest=largest), 3e-6)


@pytest.mark.parametrize("most", [1, pytest.param(99, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "family", everyday(keras_cases.FAMILIES, ["attentions", "normalizations", "bidirectional"])
)
def test_layers(family: str, most: int, tmp_path: Path) -> None:
    cases = a_day(keras_cases.FAMILIES[family], keras_cases.kind, most)
    same_in_keras(model(side_by_side(cases)), tmp_path / "m.h5", 3)


@pytest.mark.parametrize("name", everyday(MODELS, ["chain", "nested", "translation"]))
def test_models(name: str, tmp_path: Path) -> None:
    same_in_keras(model(MODELS[name]), tmp_path / "m.h5")


def config_of(made: TrainedModel) -> dict[str, Any]:
    """The `model_config` of an exported file."""
    with h5py.File(io.BytesIO(b"".join(h5().pieces(made)))) as file:
        found: dict[str, Any] = json.loads(file.attrs["model_config"])
        return found


def test_a_plain_model_is_in_the_words_of_keras_2() -> None:
    """No modules, texts for types of numbers, calls and ends as lists."""
    made = exportable(model(MODELS["shared"]), "a/b")
    config = config_of(made)
    assert config["class_name"] == "Functional"
    assert config["config"]["name"] == "a_b"
    assert not {"module", "DTypePolicy", "batch_shape", "__keras_tensor__"} & set(
        json.dumps(config).split('"')
    )
    first, *others = config["config"]["layers"]
    assert first["config"]["batch_input_shape"] == [None, 4]
    calls = {layer["name"]: layer["inbound_nodes"] for layer in others}
    assert calls["first"] == [[["left", 0, 0, {}]], [["first", 0, 0, {}]], [["right", 0, 0, {}]]]
    assert calls["product"] == [[["second", 0, 0, {}], ["second", 1, 0, {}]]]
    lone = config_of(exportable(model(MODELS["unused call"])))["config"]
    assert (lone["input_layers"], lone["output_layers"]) == ([["x", 0, 0]], [["a", 1, 0]])


@pytest.mark.parametrize("optimizer", everyday(["rmsprop", "muon", "Adam"], ["Adam"]))
def test_it_is_compiled_and_its_optimizer_starts_anew(optimizer: str, tmp_path: Path) -> None:
    training = {"loss": SPARSE, "metrics": ["accuracy"], "optimizer": {"type": optimizer}}
    made = Trained(SMALL, training).steps(2)
    made.rate = 0.25
    theirs = opened(made.exported(), tmp_path / "m.h5")
    assert "its optimizer starts anew, as every" in h5().hint(made.exported(), "m.h5")
    fresh = Trained(SMALL, training)
    fresh.session.weights.load(made.session.weights.arrays)
    fresh.rate = 0.25
    goes_on(fresh, theirs)


def test_without_a_loss_that_keras_has_it_is_not_compiled(tmp_path: Path) -> None:
    made = exportable(model(MODELS["weightless"]))
    assert "it is not compiled: there is no loss" in h5().hint(made, "m.h5")
    assert not opened(made, tmp_path / "m.h5").compiled


def test_long_lists_of_names_are_cut(tmp_path: Path) -> None:
    """Names of 64,512 bytes in all are one attribute, one more is several; Keras joins them."""
    name = "a_dense_layer_whose_name_is_long_" * 6
    layers = [{"type": "Dense", "units": 2, "name": f"{name}{i:04}"} for i in range(420)]
    made = model({"inputs": {"x": [2]}, "layers": layers})
    path = tmp_path / "m.h5"
    path.write_bytes(b"".join(h5().pieces(exportable(made))))
    with h5py.File(path) as file:
        parts = [len(file["model_weights"].attrs[f"layer_names{i}"]) for i in range(2)]
        assert parts == [210, 210]
        assert len(file.attrs["model_config"]) > 1 << 17
        read = importlib.import_module("keras.src.legacy.saving.legacy_h5_format")
        names = read.load_attributes_from_hdf5_group(file["model_weights"], "layer_names")
    assert names == [layer["name"] for layer in layers]


@pytest.mark.parametrize(
    ("count", "length", "parts"), [(8, 8064, 1), (8, 8065, 2), (0, 0, 1), (3, 64_512, 3)]
)
def test_lists_of_names(count: int, length: int, parts: int) -> None:
    names = [f"{i}".ljust(length, "x") for i in range(count)]
    listed = listed_names("n", names)
    assert len(listed) == parts
    assert [text.decode() for part in listed.values() for text in part] == names
    with pytest.raises(ConfigError, match="no room for a name of 64,513 bytes"):
        listed_names("n", ["x" * 64_513])


def test_what_keras_2_would_take_for_another_thing_is_in_the_words_of_keras_3() -> None:
    """A word that is a function's name, too."""
    layers = [{"type": "Attention", "inputs": ["x", "x"]}, {"type": "Dense", "units": 2}]
    config = config_of(exportable(model({"inputs": {"x": [3, 2]}, "layers": layers})))
    modules = {layer["name"]: layer.get("module") for layer in config["config"]["layers"]}
    assert modules == {"x": None, "attention": "keras.layers", "dense": None}


def test_the_weights_only(tmp_path: Path) -> None:
    """By an option, or by the name of the file."""
    for file, only in (("m.weights.h5", False), ("m.weights.h5", True)):
        form = h5().form(file, only)
        assert form.hint(exportable(model(MODELS["chain"])), file).startswith("load_weights('m.weights.h5')")
    assert type(h5().form("m.h5", False)) is h5
    with pytest.raises(ConfigError, match=r"only weights from files that end in \.weights\.h5") as caught:
        h5().form("m.h5", True).check("m.h5")
    assert caught.value.problems[0].expected == "--output m.weights.h5"
    h5().form("m.weights.h5", True).check("m.weights.h5")
    assert type(npz().form("w.npz", True)) is npz
    with pytest.raises(ConfigError, match="--format keras has no form that holds only the weights"):
        keras_format().form("m.keras", True)
