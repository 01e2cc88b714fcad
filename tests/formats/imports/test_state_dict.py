"""State dicts of PyTorch, with what its modules gave: `files/torch_2.14.1.tar.xz`."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.spec.yaml.emit import block
from nnctl.workflow.import_model import ImportedRun, import_model
from nnctl.workflow.stored import open_stored
from tests.formats.models import Model

ARCHIVE = Path(__file__).parent / "files" / "torch_2.14.1.tar.xz"
NORM = {"type": "BatchNormalization", "epsilon": 1e-5}
LAYERS: dict[str, list[Any]] = {
    "table": [
        {"type": "Dense", "name": "block_0", "units": 4, "activation": "tanh"},
        {"type": "Dense", "name": "block_2", "units": 7, "activation": "relu"},
        {**NORM, "name": "norm"},
        {"type": "Dense", "name": "out", "units": 3},
    ],
    "pictures": [
        {"type": "Conv2D", "name": "conv", "filters": 6, "kernel_size": [3, 2], "groups": 2, "inputs": "x0"},
        {**NORM, "name": "norm"},
        "ReLU",
        "MaxPooling2D",
        {"type": "DepthwiseConv2D", "name": "depth", "kernel_size": 2, "depth_multiplier": 2},
        {"type": "Conv2D", "name": "second", "filters": 5, "kernel_size": 1, "use_bias": False},
        "Flatten",
        {"type": "Concatenate", "inputs": ["x1", "flatten"]},
        {**NORM, "name": "last"},
        {"type": "Dropout", "rate": 0.5},
        {"type": "Dense", "name": "out", "units": 3},
    ],
    "flat": ["Flatten", {"type": "Dense", "name": "out", "units": 4}],
    "larger": [
        {"type": "Conv2DTranspose", "name": "up", "filters": 5, "kernel_size": 2, "strides": 2},
        {"type": "PReLU", "name": "act", "shared_axes": [1, 2]},
        {"type": "Conv2DTranspose", "name": "rise", "filters": 4, "kernel_size": [3, 2]},
        {"type": "GroupNormalization", "name": "norm", "groups": 2, "epsilon": 1e-5},
    ],
    "texts": [
        {"type": "Embedding", "name": "words", "input_dim": 9, "output_dim": 5},
        {
            "type": "Bidirectional",
            "name": "both",
            "layer": {"type": "LSTM", "units": 3, "return_sequences": True},
        },
        {"type": "LayerNormalization", "name": "norm", "epsilon": 1e-5},
        {"type": "GRU", "name": "gates", "units": 4, "return_sequences": True},
        {"type": "SimpleRNN", "name": "plain", "units": 2, "return_sequences": True},
        "Flatten",
        {"type": "Dense", "name": "out", "units": 3},
    ],
    "signals": [
        {"type": "Conv1D", "name": "conv", "filters": 4, "kernel_size": 3, "activation": "relu"},
        "Flatten",
        {"type": "Dense", "name": "out", "units": 2},
    ],
    "crossing": [
        {"type": "MultiHeadAttention", "name": "heads", "num_heads": 3, "key_dim": 2, "inputs": ["x0", "x1"]}
    ],
    "rows": ["Flatten", {"type": "Dense", "name": "out", "units": 3}],
    "pairs": [
        {"type": "Conv1D", "name": "conv", "filters": 2, "kernel_size": 2},
        "Flatten",
        {"type": "Dense", "name": "out", "units": 3},
    ],
    "places": [
        {"type": "Conv1D", "name": "conv", "filters": 3, "kernel_size": 2},
        "Flatten",
        {"type": "Dense", "name": "out", "units": 2},
    ],
    "attention": [
        {"type": "MultiHeadAttention", "name": "heads", "num_heads": 2, "key_dim": 3, "inputs": ["x0", "x0"]},
        {"type": "Add", "inputs": ["x0", "heads"]},
        {"type": "LayerNormalization", "name": "norm", "epsilon": 1e-5},
        {
            "type": "MultiHeadAttention",
            "name": "between",
            "num_heads": 3,
            "key_dim": 2,
            "use_bias": False,
            "inputs": ["norm", "x0"],
        },
        {"type": "TimeDistributed", "name": "out", "layer": {"type": "Dense", "units": 4}},
    ],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("torch")
    with tarfile.open(ARCHIVE) as opened:
        opened.extractall(place, filter="data")
    return place


def config(layers: list[Any], arrays: dict[str, Any], place: Path) -> Path:
    """A config whose data are the arrays: `x0`, ..., and `y0` as the target."""
    np.savez(place / "data.npz", **arrays)
    inputs = {
        name: {"shape": list(x.shape[1:]), **({"dtype": "int32"} if x.dtype.kind == "i" else {})}
        for name, x in arrays.items()
        if name.startswith("x")
    }
    sections = {
        "nnctl": 1,
        "data": {"source": "data.npz", "inputs": {name: name for name in inputs}, "target": "y0"},
        "model": {"inputs": inputs, "layers": layers},
        "training": {"epochs": 1, "loss": "mse", "optimizer": "adam"},
    }
    (place / "config.yaml").write_text(block(sections))
    return place / "config.yaml"


def taken(name: str, files: Path, place: Path, layers: list[Any] | None = None) -> ImportedRun:
    file = config(layers or LAYERS[name], dict(np.load(files / f"{name}.npz")), place)
    return import_model(file, place / "run", weights=files / f"{name}.safetensors")


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_what_pytorch_gave(name: str, files: Path, tmp_path: Path) -> None:
    result = taken(name, files, tmp_path)
    turned = int(name in ("pictures", "flat", "signals", "pairs", "places"))
    assert [note.partition(": ")[2] for note in result.notes] == [
        "its rows are reordered: PyTorch flattens channels first"
    ] * turned
    stored = open_stored(result.run)
    made = Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights))
    arrays = np.load(files / f"{name}.npz")
    (found,) = made.predict({f"x{n}": arrays[f"x{n}"] for n in range(len(stored.model.inputs))}).values()
    np.testing.assert_allclose(found, arrays["y0"], rtol=0, atol=1e-5)


def test_names_that_are_missing_or_left(files: Path, tmp_path: Path) -> None:
    layers = [*LAYERS["table"][:3], {"type": "Dense", "name": "head", "units": 3}]
    with pytest.raises(ConfigError) as caught:
        taken("table", files, tmp_path, layers)
    assert [problem.message.partition(": ")[2] for problem in caught.value.problems] == [
        "head/kernel: the file has no weight of that name",
        "head/bias: the file has no weight of that name",
        "out.bias: the model has no weight of that name",
        "out.weight: the model has no weight of that name",
    ]


def test_shapes_that_do_not_fit(files: Path, tmp_path: Path) -> None:
    layers = [*LAYERS["table"][:1], {**LAYERS["table"][1], "units": 6}, *LAYERS["table"][2:]]
    with pytest.raises(ConfigError) as caught:
        taken("table", files, tmp_path, layers)
    assert "block_2/kernel: has the shape [4, 7], but the model needs [4, 6]" in str(caught.value)
