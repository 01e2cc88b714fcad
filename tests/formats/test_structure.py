"""A structure written as YAML, or as Keras's JSON, comes back as the same model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.formats.keras.json_text import keras_json
from nnctl.formats.structure import as_yaml, structure
from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.load import load_model
from nnctl.workflow.keras_structure import keras_structure
from tests.formats.keras_models import MODELS
from tests.formats.models import Model, exportable, model

UNNAMED_END = {
    # The output is a layer inside the last container: it has no name that `outputs` could say.
    "inputs": {"x": [4]},
    "layers": ["Softmax", {"type": "Sequential", "layers": ["ReLU", {"type": "Dense", "units": 3}]}],
}
STRUCTURES = {**MODELS, "unnamed end": UNNAMED_END}


def described(graph: LayerGraph) -> dict[str, Any]:
    """All that makes a model, but for which names were written and which were given."""
    return {
        "inputs": graph.inputs,
        "outputs": graph.outputs,
        "nodes": [
            (n.name, n.owner, n.inputs, n.input_shapes, n.output_shapes, n.trainable, type(n.layer).__name__)
            for n in graph.nodes
        ],
        "layers": [{**n.layer.config(), "name": None} for n in graph.nodes],
        "weights": [(w.name, w.owner, w.weight, w.trainable) for w in graph.weights.values()],
    }


@pytest.mark.parametrize("name", STRUCTURES)
def test_comes_back(name: str, tmp_path: Path) -> None:
    spec = ModelSpec.model_validate(STRUCTURES[name])
    graph = build(spec)
    path = tmp_path / "model.yaml"
    path.write_bytes(as_yaml(spec, graph))
    again, _ = load_model(path)
    assert described(build(again)) == described(graph)
    assert as_yaml(again, build(again)) == path.read_bytes()


@pytest.mark.parametrize("name", MODELS)
def test_comes_back_from_keras_json(name: str, tmp_path: Path) -> None:
    """The same weights, frozen or not, and the same predictions."""
    made = model(MODELS[name])
    path = tmp_path / "model.json"
    path.write_bytes(keras_json(exportable(made)))
    section = keras_structure(path)
    again = ModelSpec.model_validate(section)
    graph = build(again)
    assert graph.inputs == made.graph.inputs
    found, expected = (
        {n: (w.weight.shape, w.trainable) for n, w in g.weights.items()} for g in (graph, made.graph)
    )
    assert found == expected
    inputs = made.inputs()
    ours = made.predict(inputs).values()
    for array, same in zip(Model(again, graph, made.weights).predict(inputs).values(), ours, strict=True):
        np.testing.assert_array_equal(array, same)


def test_other_files_are_not_of_keras(tmp_path: Path) -> None:
    for text in ("layers: [Flatten]", '{"layers": ["Flatten"]}', "{layers: [Flatten]}", "[]", ""):
        (tmp_path / "m").write_text(text)
        assert keras_structure(tmp_path / "m") is None


def test_what_does_not_come_over_is_told(tmp_path: Path) -> None:
    whole = json.loads(keras_json(exportable(model(MODELS["chain"]))))
    layers = whole["config"]["layers"]
    layers[1]["class_name"] = "Lambda"
    (tmp_path / "m.json").write_text(json.dumps(whole))
    with pytest.raises(ConfigError, match=r"m\.json: .*Lambda"):
        keras_structure(tmp_path / "m.json")


def test_shapes_and_names_are_written_out() -> None:
    """What was read off the data stands in the file: the model is whole without it."""
    spec = ModelSpec.model_validate({"layers": ["Flatten", {"type": "Dense", "units": 3}]})
    graph = build(spec, {"image": InputInfo((2, 4, 5), "uint8")})
    found = structure(spec, graph)
    assert found["inputs"] == {"image": {"shape": [2, 4, 5], "dtype": "uint8"}}
    assert [entry["name"] for entry in found["layers"]] == ["flatten", "dense"]
    assert found["outputs"] == ["dense"]
    assert list(found) == ["inputs", "layers", "outputs"]


def test_text_is_kept_as_it_is(tmp_path: Path) -> None:
    name = "größe \"x\" 'y' 中 🙂"
    spec = ModelSpec.model_validate(
        {"inputs": {name: [2]}, "layers": [{"type": "Dense", "units": 1, "name": "no"}]}
    )
    graph = build(spec)
    path = tmp_path / "model.txt"
    path.write_bytes(as_yaml(spec, graph))
    again, _ = load_model(path)
    assert list(again.inputs or {}) == [name]
    assert again.outputs == ("no",)
