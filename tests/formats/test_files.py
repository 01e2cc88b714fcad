"""The files that exports are made of: archives, HDF5, NPZ, and what Keras cannot hold. Needs no Keras."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.activations.base import ActivationFunction, activations
from nnctl.activations.plain import Elementwise
from nnctl.core.errors import ConfigError
from nnctl.core.shapes import Shape
from nnctl.formats.archive import zipped
from nnctl.formats.keras.archive import keras_archive
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.scopes import read_scope
from nnctl.graph.build import build
from nnctl.initializers.constant import Zeros
from nnctl.layers.base import Layer
from nnctl.layers.dense import Dense
from nnctl.spec.language.model import ModelSpec
from nnctl.storage.hdf5_writer import hdf5
from tests.formats.keras_models import MODELS
from tests.formats.models import model


class Swirl(Layer):
    """A layer that a plugin might bring."""

    def compute_output_shape(self, *inputs: Shape) -> Shape:
        return inputs[0]


class sigmoid(Elementwise):
    """A plugin's activation with a name that Keras has too."""


class Odd(Zeros):
    """A plugin's initializer."""


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Swirl(name="mid"), "cannot hold the layer 'mid': 'Swirl'"),
        (
            Dense(units=2, activation=sigmoid(), name="mid"),
            "cannot hold the activation of layer 'mid': 'sigmoid'",
        ),
        (
            Dense(units=2, kernel_initializer=Odd(), name="mid"),
            "cannot hold the initializer of layer 'mid': 'Odd'",
        ),
        (Dense(units=2, activation="glu", name="mid"), "activation of layer 'mid': it takes what glu gives"),
    ],
)
def test_what_keras_has_not_is_named(layer: Layer, message: str) -> None:
    spec = ModelSpec.model_validate({"inputs": {"x": [3]}, "layers": [{"layer": layer}]})
    with pytest.raises(ConfigError, match=message):
        keras_archive(spec, build(spec), {}, name="m", dtype="float32")


@pytest.mark.parametrize("cls", [cls for cls in activations.classes() if cls.model_fields])
def test_an_activation_with_parameters_says_what_has_them_in_keras(cls: type[ActivationFunction]) -> None:
    assert cls.keras_layer or cls.keras_operation


def parts(layers: list[Any]) -> list[Any]:
    """The layers of an exported model, its input left out."""
    made = model({"inputs": {"x": [3]}, "layers": layers})
    archive = keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float32")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return list(json.loads(opened.read("config.json"))["config"]["layers"][1:])


@pytest.mark.parametrize(
    ("activation", "form"),
    [
        ({"type": "relu"}, "relu"),
        ({"type": "relu", "max_value": 6}, ("keras.layers", "ReLU")),
        ({"type": "relu", "threshold": -0.5}, ("keras.src.activations.activations", "ReLU")),
        ({"type": "leaky_relu", "negative_slope": 0}, ("keras.layers", "LeakyReLU")),
        ({"type": "leaky_relu", "negative_slope": -1}, ("keras.src.ops.nn", "LeakyRelu")),
        ({"type": "elu", "alpha": -2}, ("keras.layers", "ELU")),
        ({"type": "gelu", "approximate": True}, ("keras.src.ops.nn", "Gelu")),
        ({"type": "celu", "alpha": 1}, "celu"),
        ({"type": "threshold", "threshold": 1, "default_value": 1}, ("keras.src.ops.nn", "Threshold")),
    ],
    ids=str,
)
def test_parameters_of_an_activation_are_those_of_a_layer_or_of_an_operation(
    activation: Any, form: Any
) -> None:
    (dense,) = parts([{"type": "Dense", "units": 2, "activation": activation}])
    found = dense["config"]["activation"]
    assert (found if isinstance(found, str) else (found["module"], found["class_name"])) == form


def test_only_a_chain_that_is_called_so_becomes_one() -> None:
    inner = ["Softmax", {"type": "Dense", "units": 2}]
    nested = [{"type": kind, "layers": inner} for kind in ("Sequential", "Functional")]
    assert [part["class_name"] for part in parts(nested)] == ["Sequential", "Functional"]


def test_a_mask_that_keras_would_drop_is_an_error() -> None:
    """A decoder with states in a nested model, its mask made outside: Keras cannot be told."""
    words = {"type": "Embedding", "input_dim": 5, "output_dim": 2, "mask_zero": True}
    inner = [
        {"type": "Input", "name": "w", "shape": [6, 2]},
        {"type": "Input", "name": "s", "shape": [3]},
        {"type": "GRU", "units": 3, "inputs": ["w", "s"], "name": "decoder"},
    ]
    config = {
        "inputs": {"words": {"shape": [6], "dtype": "int32"}, "state": [3]},
        "layers": [
            {**words, "inputs": "words"},
            {"type": "Functional", "inputs": ["embedding", "state"], "layers": inner},
        ],
    }
    made = model(config)
    with pytest.raises(ConfigError, match="drop the mask of layer 'decoder'"):
        keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float32")


def test_float64_is_said() -> None:
    made = model(MODELS["chain"], dtype="float64")
    archive = keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float64")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert opened.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        text = opened.read("config.json").decode()
        assert "float64" in text
        assert "float32" not in text
        with h5py.File(io.BytesIO(opened.read("model.weights.h5"))) as file:
            assert file["layers/conv2d_1/vars/0"].dtype == np.float64
            held = np.asarray(file["layers/sequential/layers/dense/vars/1"])
    np.testing.assert_array_equal(held, made.weights["head/dense/bias"])


def test_order_of_layers_is_keras_s() -> None:
    """By depth from the outputs, then as met on the way back from them."""
    made = model(MODELS["crossing"])
    names = [part.name for part in ordered(read_scope(made.spec, made.graph, "float32"))]
    assert names == ["x", "a", "y", "b", "short", "c", "sum", "top", "late", "all"]


def test_a_long_chain_beside_another_needs_no_deep_stack() -> None:
    layers = [{"type": "Dense", "units": 2, "inputs": "x", "name": "d0"}]
    layers += [{"type": "Dense", "units": 2, "name": f"d{i}"} for i in range(1, 1500)]
    made = model({"inputs": {"x": [2]}, "layers": layers, "outputs": ["d1499", "d3"]})
    parts = ordered(read_scope(made.spec, made.graph, "float32"))
    assert [part.name for part in parts[1:]] == [f"d{i}" for i in range(1500)]


def test_zip_is_plain_and_dateless() -> None:
    members = {"b/a.txt": [b"one", memoryview(b"two")], "a": [b""]}
    first = zipped(members)
    assert bytes(first) == bytes(zipped(members))
    with zipfile.ZipFile(io.BytesIO(first)) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == ["b/a.txt", "a"]
        assert opened.read("b/a.txt") == b"onetwo"
        assert {info.date_time for info in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_hdf5_opens_as_it_was_written() -> None:
    arrays = {
        "layers/dense/vars/0": np.arange(6, dtype=np.float32).reshape(2, 3),
        "layers/dense/vars/1": np.arange(3, dtype=">f8"),
        "layers/ünï/vars/0": np.arange(4, dtype=np.int32)[::2],
        "empty": np.zeros((0, 3), np.float32),
    }
    data = b"".join(hdf5(arrays))
    with h5py.File(io.BytesIO(data)) as file:
        for path, array in arrays.items():
            np.testing.assert_array_equal(np.asarray(file[path]), array)
    with h5py.File(io.BytesIO(b"".join(hdf5({})))) as file:
        assert list(file) == []


def test_config_is_json_without_nan() -> None:
    made = model(MODELS["nested"])
    archive = keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float32")
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        config = json.loads(opened.read("config.json"), parse_constant=pytest.fail)
    names = [layer["name"] for layer in config["config"]["layers"]]
    assert {"tower", "frozen", "sum"} <= set(names)
