"""A structure written as YAML or JSON comes back as the same model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nnctl.formats.structure import as_json, as_yaml, structure
from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.load import load_model
from tests.formats.keras_models import MODELS

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


@pytest.mark.parametrize("write", [as_yaml, as_json])
@pytest.mark.parametrize("name", STRUCTURES)
def test_comes_back(name: str, write: Any, tmp_path: Path) -> None:
    spec = ModelSpec.model_validate(STRUCTURES[name])
    graph = build(spec)
    path = tmp_path / "model.json"
    path.write_bytes(write(spec, graph))
    again, _ = load_model(path)
    assert described(build(again)) == described(graph)
    assert write(again, build(again)) == path.read_bytes()


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
    for write in (as_yaml, as_json):
        path = tmp_path / "model.txt"
        path.write_bytes(write(spec, graph))
        again, _ = load_model(path)
        assert list(again.inputs or {}) == [name]
        assert again.outputs == ("no",)
    assert json.loads(as_json(spec, graph))["inputs"][name]["shape"] == [2]
