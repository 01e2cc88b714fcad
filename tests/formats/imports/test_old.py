"""Files as Keras 1 and 2 wrote them, made by hand after their format; what they meant is worked out in
NumPy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nnctl.core.errors import ConfigError, RunError
from nnctl.formats.keras.reading.older_weights import pads_as_theano
from nnctl.formats.keras.reading.parts import Part
from nnctl.workflow.import_model import import_model
from nnctl.workflow.stored import open_stored
from tests.formats.models import Model

RNG = np.random.default_rng(8)


def array(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype("float32") / 2


def written(
    place: Path,
    config: Any,
    weights: Mapping[str, Sequence[tuple[str, Any]]],
    version: str = "1.2.2",
    backend: str = "tensorflow",
) -> Path:
    """A whole model's file: `model_config`, and each layer's weights in the order of `weight_names`."""
    file = place / "m.h5"
    with h5py.File(file, "w") as opened:
        opened.attrs["keras_version"] = np.bytes_(version)
        opened.attrs["backend"] = np.bytes_(backend)
        opened.attrs["model_config"] = json.dumps(config).encode()
        group = opened.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for layer, own in weights.items():
            below = group.create_group(layer)
            below.attrs["weight_names"] = [name.encode() for name, _ in own]
            for name, value in own:
                below.create_dataset(name, data=value)
    return file


def predicted(file: Path, x: Any) -> Any:
    """What the imported model makes of x."""
    import_model(file, file.parent / "run")
    stored = open_stored(str(file.parent / "run"))
    made = Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights))
    (found,) = made.predict({next(iter(stored.model.inputs)): x}).values()
    return found


def hard_sigmoid(x: Any) -> Any:
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(x: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """The last state of an LSTM of Keras 1: gates i, f, c, o that are hard sigmoids."""
    h = c = np.zeros((len(x), recurrent.shape[0]))
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent + bias, 4, axis=-1)
        c = hard_sigmoid(f) * c + hard_sigmoid(i) * np.tanh(g)
        h = hard_sigmoid(o) * np.tanh(c)
    return h


def test_a_chain_of_keras_1(tmp_path: Path) -> None:
    """Twelve arrays a gate at a time, words of Keras 1, a config that is a list."""
    gates = {gate: (array(3, 4), array(4, 4), array(4)) for gate in "icfo"}
    own = [(f"lstm_1_{kind}_{gate}", gates[gate][at]) for gate in "icfo" for at, kind in enumerate("WUb")]
    w, b = array(4, 2), array(2)
    config = {
        "class_name": "Sequential",
        "config": [
            {
                "class_name": "LSTM",
                "config": {
                    "name": "lstm_1", "output_dim": 4, "init": "glorot_uniform", "inner_init": "orthogonal",
                    "forget_bias_init": "one", "activation": "tanh", "inner_activation": "hard_sigmoid",
                    "return_sequences": False, "go_backwards": False, "stateful": False, "unroll": False,
                    "consume_less": "cpu", "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2":
                    0.01},
                    "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
                    "batch_input_shape": [None, 5, 3], "input_dtype": "float32", "input_dim": 3,
                    "trainable": True,
                },
            },
            {
                "class_name": "Dense",
                "config": {
                    "name": "dense_1", "output_dim": 2, "init": "uniform", "activation": "linear", "bias":
                    True,
                    "W_regularizer": None, "W_constraint": {"name": "MaxNorm", "m": 2, "axis": 0},
                    "input_dim": 4, "trainable": True,
                },
            },
        ],
    }  # fmt: skip
    x = array(3, 5, 3)
    kernel, recurrent, bias = (
        np.concatenate([gates[gate][at] for gate in "ifco"], axis=-1) for at in range(3)
    )
    file = written(tmp_path, config, {"lstm_1": own, "dense_1": [("dense_1_W", w), ("dense_1_b", b)]})
    np.testing.assert_allclose(predicted(file, x), lstm(x, kernel, recurrent, bias) @ w + b, atol=1e-6)
    text = (tmp_path / "run" / "config.yaml").read_text()
    assert "legacy_hard_sigmoid" in text
    assert "{type: L1L2, l2: 0.01}" in text or "type: L1L2" in text
    assert "RandomUniform" in text


@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_a_graph_of_keras_1_with_a_merge(backend: str, tmp_path: Path) -> None:
    """Theano's kernels are turned over; a Merge says what it does by its mode."""
    w, b = array(2, 2, 1, 3), array(3)
    head, bias = array(3, 2), array(2)
    shape = {"batch_input_shape": [None, 5, 4, 1], "input_dtype": "float32"}
    one = {
        "nb_filter": 3,
        "nb_row": 2,
        "nb_col": 2,
        "border_mode": "valid",
        "subsample": [1, 1],
        "dim_ordering": "tf",
    }
    node = lambda name: [[[name, 0, 0]]]  # noqa: E731
    layers = [
        {"class_name": "InputLayer", "name": "x", "config": {"name": "x", "sparse": False, **shape},
        "inbound_nodes": []},
        {"class_name": "Convolution2D", "name": "c", "inbound_nodes": node("x"),
         "config": {"name": "c", "trainable": True, "activation": "relu", "bias": True, "init":
         "he_normal", **one}},
        {"class_name": "GlobalMaxPooling2D", "name": "g", "inbound_nodes": node("c"),
         "config": {"name": "g", "trainable": True, "dim_ordering": "tf"}},
        {"class_name": "GlobalAveragePooling2D", "name": "a", "inbound_nodes": node("c"),
         "config": {"name": "a", "trainable": True, "dim_ordering": "tf"}},
        {"class_name": "Merge", "name": "m", "inbound_nodes": [[["g", 0, 0], ["a", 0, 0]]],
         "config": {"name": "m", "trainable": True, "mode": "sum", "concat_axis": -1, "dot_axes": -1,
         "mode_type": "raw"}},
        {"class_name": "Dropout", "name": "p", "inbound_nodes": node("m"), "config": {"name": "p",
        "trainable": True, "p": 0.5}},
        {"class_name": "Dense", "name": "d", "inbound_nodes": node("p"),
         "config": {"name": "d", "trainable": True, "output_dim": 2, "init": "glorot_uniform",
         "activation": "softmax", "bias": True}},
    ]  # fmt: skip
    config = {
        "class_name": "Model",
        "config": {
            "name": "model_1",
            "layers": layers,
            "input_layers": [["x", 0, 0]],
            "output_layers": [["d", 0, 0]],
        },
    }
    weights = {"c": [("c_W", w), ("c_b", b)], "d": [("d_W", head), ("d_b", bias)]}
    x = array(3, 5, 4, 1)
    kernel = w[::-1, ::-1] if backend == "theano" else w
    windows = np.lib.stride_tricks.sliding_window_view(x[..., 0], (2, 2), axis=(1, 2))
    maps = np.maximum(np.einsum("bijkl,klf->bijf", windows, kernel[:, :, 0]) + b, 0)
    z = (maps.max((1, 2)) + maps.mean((1, 2))) @ head + bias
    wanted = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    found = predicted(written(tmp_path, config, weights, backend=backend), x)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_gru_of_keras_2_resets_before(tmp_path: Path) -> None:
    """Without `reset_after` in the config it is false; a layer's weights may be listed in several
    attributes."""
    kernel, recurrent, bias = array(2, 9), array(3, 9), array(9)
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "s",
            "layers": [
                {"class_name": "GRU", "config": {"name": "g", "trainable": True, "batch_input_shape":
                [None, None, 2],
                 "dtype": "float32", "units": 3, "activation": "tanh", "recurrent_activation": "sigmoid",
                 "use_bias": True,
                 "implementation": 1, "return_sequences": False}},
            ],
        },
    }  # fmt: skip
    x = array(2, 4, 2)
    h = np.zeros((2, 3))
    for t in range(4):
        (xz, xr, xh), (z, r, u) = np.split(x[:, t] @ kernel + bias, 3, -1), np.split(recurrent, 3, -1)
        update, reset = 1 / (1 + np.exp(-(xz + h @ z))), 1 / (1 + np.exp(-(xr + h @ r)))
        h = update * h + (1 - update) * np.tanh(xh + (reset * h) @ u)
    file = written(
        tmp_path, config, {"g": [("g/kernel:0", kernel), ("g/recurrent_kernel:0", recurrent)]}, "2.2.4"
    )
    with h5py.File(file, "a") as opened:
        layer = opened["model_weights/g"]
        layer.create_dataset("g/bias:0", data=bias)
        del layer.attrs["weight_names"]
        layer.attrs["weight_names0"] = [b"g/kernel:0", b"g/recurrent_kernel:0"]
        layer.attrs["weight_names1"] = [b"g/bias:0"]
    np.testing.assert_allclose(predicted(file, x), h, atol=1e-6)


def test_cudnn_layers(tmp_path: Path) -> None:
    """Their kernels are laid out by columns, and their two biases are added."""
    kernel, recurrent, bias = array(3, 8), array(2, 8), array(16)
    layer = {
        "class_name": "CuDNNLSTM",
        "config": {"name": "l", "trainable": True, "units": 2, "batch_input_shape": [None, 4, 3]},
    }
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    file = written(
        tmp_path, config, {"l": [("l/k:0", kernel), ("l/r:0", recurrent), ("l/b:0", bias)]}, "2.2.4"
    )
    k = np.hstack([part.T.reshape(part.shape, order="F") for part in np.hsplit(kernel, 4)])
    r = np.hstack([part.T for part in np.hsplit(recurrent, 4)])
    x, h, c = array(2, 4, 3), np.zeros((2, 2)), np.zeros((2, 2))
    for t in range(4):
        i, f, g, o = np.split(x[:, t] @ k + h @ r + bias[:8] + bias[8:], 4, axis=-1)
        s = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
        c = s(f) * c + s(i) * np.tanh(g)
        h = s(o) * np.tanh(c)
    np.testing.assert_allclose(predicted(file, x), h, atol=1e-6)


def test_what_has_no_equal_is_refused_by_name(tmp_path: Path) -> None:
    layers = [
        {"class_name": "Dense", "config": {"name": "d", "output_dim": 2, "batch_input_shape": [None, 3]}},
        {"class_name": "Lambda", "config": {"name": "fn", "function": ["4wEAAAA=", None, None],
        "function_type": "lambda"}},
        {"class_name": "MaxoutDense", "config": {"name": "mo", "output_dim": 2}},
    ]  # fmt: skip
    file = written(tmp_path, {"class_name": "Sequential", "config": layers}, {})
    with pytest.raises(ConfigError) as caught:
        import_model(file, tmp_path / "run")
    said = [problem.message for problem in caught.value.problems]
    assert len(said) == 2
    assert "layers[1] 'fn' (Lambda)" in said[0]
    assert "layers[2] 'mo' (MaxoutDense): Keras 3 has no MaxoutDense any more" in said[1]
    assert not (tmp_path / "run").exists()


def test_json_of_keras_0_says_so(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text(json.dumps({"name": "Sequential", "layers": [{"name": "Dense", "output_dim": 3}]}))
    with pytest.raises(RunError, match=r"Keras 0\.3"):
        import_model(file, tmp_path / "run", weights=file)


@pytest.mark.parametrize("name", ["l_W", "param_0", "l_W:0"])
def test_who_wrote_a_file_without_a_backend(name: str, tmp_path: Path) -> None:
    """Theano's kernels are turned over, and only its names have no number."""
    kernel, bias = array(3, 1, 2, 4), array(4)
    config = {"name": "l", "nb_filter": 4, "filter_length": 3, "batch_input_shape": [None, 5, 2]}
    layers = [{"class_name": "Convolution1D", "config": config}]
    named = {"l": [(name, kernel), (name.replace("W", "b").replace("0", "1"), bias)]}
    file = written(tmp_path, {"class_name": "Sequential", "config": layers}, named, "1.2.2", "")
    with h5py.File(file, "a") as opened:
        del opened.attrs["backend"]
    x = array(2, 5, 2)
    k = kernel[::-1, 0] if name == "l_W" else kernel[:, 0]
    expected = np.stack([np.einsum("nti,tio->no", x[:, t : t + 3], k) + bias for t in range(3)], 1)
    np.testing.assert_allclose(predicted(file, x), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "differs"),
    [
        ({"border_mode": "same", "nb_row": 3, "nb_col": 5, "subsample": [1, 1]}, False),
        ({"border_mode": "same", "nb_row": 3, "nb_col": 2, "subsample": [1, 1]}, True),
        ({"border_mode": "same", "nb_row": 3, "nb_col": 3, "subsample": [1, 2]}, True),
        ({"border_mode": "valid", "nb_row": 2, "nb_col": 2, "subsample": [2, 2]}, False),
        ({"padding": "same", "kernel_size": [4], "strides": [1]}, True),
        ({"padding": "same", "pool_size": [3, 3], "strides": [1, 1]}, True),
    ],
)
def test_where_theano_padded_otherwise(config: dict[str, Any], differs: bool) -> None:
    assert pads_as_theano(Part("Convolution2D", "c", config, "")) is differs
    held = {"layer": {"class_name": "Convolution2D", "config": config}}
    assert pads_as_theano(Part("TimeDistributed", "t", held, "")) is differs
