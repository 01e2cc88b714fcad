"""Exported `.keras` files opened by real Keras in safe mode: the same model, the same predictions."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")
pytest.importorskip("jax")

from nnctl.core.errors import ConfigError  # noqa: E402
from nnctl.data.open import open_data  # noqa: E402
from nnctl.formats.keras.archive import keras_archive, keras_weights_file  # noqa: E402
from nnctl.formats.keras.order import ordered  # noqa: E402
from nnctl.formats.keras.scopes import read_scope  # noqa: E402
from nnctl.graph.build import build  # noqa: E402
from nnctl.graph.model import InputInfo  # noqa: E402
from nnctl.graph.wanted import wanted  # noqa: E402
from nnctl.spec.load import load  # noqa: E402
from tests.formats.keras_models import MODELS  # noqa: E402
from tests.formats.layer_models import side_by_side  # noqa: E402
from tests.formats.models import Model, from_spec, model  # noqa: E402
from tests.layers import keras_cases  # noqa: E402
from tests.sampling import a_day, everyday  # noqa: E402

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("compile_quickly")]

CONFIGS = sorted(Path("configs").glob("*.yaml"))
EVERYDAY = ("diabetes", "digits_pairs", "penguins", "sentences")


def exported(made: Model, path: Path, name: str = "model") -> Any:
    """The model as Keras opens it from an exported file."""
    path.write_bytes(keras_archive(made.spec, made.graph, made.weights, name=name, dtype=made.dtype))
    return keras.saving.load_model(path)


def same(made: Model, theirs: Any, inputs: Mapping[str, Any], tolerance: float = 1e-6) -> None:
    """Keras's predictions are nnctl's."""
    found = theirs.predict(
        list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())), verbose=0
    )
    outputs = found if isinstance(found, list) else [found]
    ours = made.predict(inputs)
    assert len(outputs) == len(ours)
    for (name, expected), output in zip(ours.items(), outputs, strict=True):
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(output, expected, rtol=0, atol=tolerance * scale, err_msg=name)


@pytest.mark.parametrize("most", [1, pytest.param(99, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", keras_cases.FAMILIES)
def test_layers(family: str, most: int, tmp_path: Path) -> None:
    """Of each layer one case every day: Keras traces every layer anew."""
    made = model(side_by_side(a_day(keras_cases.FAMILIES[family], keras_cases.kind, most)))
    same(made, exported(made, tmp_path / "m.keras"), made.inputs(largest=3))


def test_a_backward_layer_is_its_own_where_an_address_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it loads, Keras takes a layer for one that it has written, if that had the same address."""
    serialization = importlib.import_module("keras.src.saving.serialization_lib")
    record = serialization.record_object_after_serialization

    def as_if_seen(written: Any, config: dict[str, Any]) -> None:
        record(written, config)
        record(written, config)

    monkeypatch.setattr(serialization, "record_object_after_serialization", as_if_seen)
    made = model(side_by_side(keras_cases.BIDIRECTIONAL[:1]))
    same(made, exported(made, tmp_path / "m.keras"), made.inputs(largest=3))


@pytest.mark.parametrize("case", keras_cases.NOT_EXPORTED, ids=str)
def test_what_keras_would_not_predict_is_refused(case: keras_cases.Case, tmp_path: Path) -> None:
    made = model(side_by_side([case]))
    with pytest.raises(ConfigError, match=r"Keras cannot hold the layer 'case_0': (there|in inf)"):
        exported(made, tmp_path / "m.keras")


def test_no_layer_is_left_out() -> None:
    assert not keras_cases.uncovered()


@pytest.mark.parametrize("name", MODELS)
def test_models(name: str, tmp_path: Path) -> None:
    made = model(MODELS[name])
    theirs = exported(made, tmp_path / "m.keras", name="a/b")
    same(made, theirs, made.inputs())
    assert theirs.name == "a_b"
    trainable = sum(info.size for info in made.graph.weights.values() if info.trainable)
    assert theirs.count_params() == sum(map(np.size, made.weights.values()))
    assert sum(int(np.prod(w.shape)) for w in theirs.trainable_weights) == trainable


def random_graph(seed: int) -> dict[str, Any]:
    """Layers of one class and one shape, wired by chance: nothing but the order tells their weights apart."""
    rng = np.random.default_rng(seed)
    tensors, layers, dense = ["x", "y"], [], []
    for number in range(14):
        name, kind = f"n{number}", rng.integers(4)
        reads = [str(word) for word in rng.choice(tensors, 2)]
        if kind == 0:
            layers.append({"type": "Add", "name": name, "inputs": reads})
        elif kind == 1 and dense:
            layers.append({"use": str(rng.choice(dense)), "name": name, "inputs": reads[0]})
        else:
            layers.append({"type": "Dense", "units": 3, "name": name, "inputs": reads[0]})
            dense.append(name)
        tensors.append(name)
    outputs = {str(word) for word in rng.choice(tensors[5:], 3)}
    return {"inputs": {"x": [3], "y": [3]}, "layers": layers, "outputs": sorted(outputs)}


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed: int, tmp_path: Path) -> None:
    made = model(random_graph(seed))
    theirs = exported(made, tmp_path / "m.keras")
    parts = ordered(read_scope(made.spec, made.graph, made.dtype))
    assert [layer.name for layer in theirs.layers] == [part.name for part in parts]
    for layer in theirs.layers:
        ours = [made.weights[info.name] for info in made.graph.weights_of(layer.name)]
        for weight, expected in zip(layer.get_weights(), ours, strict=True):
            np.testing.assert_array_equal(weight, expected)


@pytest.mark.parametrize("name", ["chain", "nested", "crossing"])
def test_weights_alone(name: str, tmp_path: Path) -> None:
    made = model(MODELS[name], seed=1)
    theirs = exported(model(MODELS[name], seed=2), tmp_path / "m.keras")
    path = tmp_path / "m.weights.h5"
    path.write_bytes(b"".join(keras_weights_file(made.spec, made.graph, made.weights, made.dtype)))
    theirs.load_weights(path)
    same(made, theirs, made.inputs())


@pytest.mark.parametrize("path", everyday(CONFIGS, EVERYDAY, lambda path: path.stem))
def test_configs(path: Path, tmp_path: Path) -> None:
    experiment = load(path).experiment
    asks = wanted(experiment.model, experiment.training)
    data = open_data(
        experiment.data,
        path.parent,
        experiment.seed,
        input_shapes=asks.inputs,
        outputs=asks.outputs,
        integer_inputs=asks.integer_inputs,
        categorical=asks.categorical,
    )
    given = {name: InputInfo(s.shape, s.dtype) for name, s in data.inputs.items()}
    made = from_spec(experiment.model, build(experiment.model, given), experiment.dtype)
    for weight in made.weights.values():
        weight *= weight.dtype.type(0.3)  # With larger ones the last bits of a deep or recurrent model grow.
    theirs = exported(made, tmp_path / "m.keras")
    assert [layer.name for layer in theirs.inputs] == list(made.graph.inputs)
    assert {layer.name for layer in theirs.layers} >= set(made.graph.outputs)
    same(made, theirs, made.inputs(largest=3), 3e-6)


def test_training_goes_on_in_keras(tmp_path: Path) -> None:
    """Regularizers, constraints and frozen layers are there: the penalty is ours, frozen weights stay."""
    made = model(MODELS["regularized"])
    theirs = exported(made, tmp_path / "m.keras")
    kernel, bias = (made.weights[f"first/{name}"].astype(np.float64) for name in ("kernel", "bias"))
    penalty = 0.5 * np.abs(kernel).sum() + 0.25 * np.square(bias).sum()
    assert float(sum(theirs.losses)) == pytest.approx(penalty, rel=1e-5)
    assert not theirs.get_layer("frozen").trainable_weights
    theirs.compile("sgd", "mse")
    x = next(iter(made.inputs().values()))
    theirs.fit(x, np.ones((len(x), 2), np.float32), verbose=0)
    updated = np.asarray(theirs.get_layer("first").kernel)
    assert (np.sqrt(np.square(updated).sum(axis=0)) <= 0.1 + 1e-6).all()
