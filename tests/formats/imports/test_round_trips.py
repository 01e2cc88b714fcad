"""nnctl to Keras and back: the same weights to the bit, the same graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.formats.keras.archive import keras_archive
from nnctl.graph.model import LayerGraph
from nnctl.runs.state import weights_sha256
from nnctl.workflow.import_model import import_model
from nnctl.workflow.stored import open_stored
from tests.formats.keras_models import MODELS
from tests.formats.models import Model, model


def shape_of(graph: LayerGraph) -> list[tuple[object, ...]]:
    """What `plan` shows of a model: its calls, what they read and give, whose weights they use."""
    return [
        (
            node.name,
            node.layer.kind,
            node.owner,
            node.inputs,
            node.input_shapes,
            node.output_shapes,
            node.trainable,
        )
        for node in graph.nodes
    ]


def back(made: Model, place: Path) -> Model:
    """The model as it is imported from the file that it was exported to."""
    file = place / "m.keras"
    file.write_bytes(keras_archive(made.spec, made.graph, made.weights, name="m", dtype=made.dtype))
    import_model(file, place / "run")
    stored = open_stored(str(place / "run"))
    return Model(stored.loaded.experiment.model, stored.model, dict(stored.file.state.weights), made.dtype)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "unused call"])
def test_the_same_graph_and_bits(name: str, tmp_path: Path) -> None:
    made = model(MODELS[name])
    found = back(made, tmp_path)
    assert shape_of(found.graph) == shape_of(made.graph)
    assert weights_sha256(found.weights) == weights_sha256(made.weights)
    assert list(found.graph.outputs.values()) == list(made.graph.outputs.values())


def test_a_call_that_nothing_needs_is_left(tmp_path: Path) -> None:
    """Keras leaves it; the layer is then defined by its next call, behind the others."""
    made = model(MODELS["unused call"])
    found = back(made, tmp_path)
    assert [node.name for node in found.graph.nodes] == ["b", "a", "d"]
    assert weights_sha256(dict(sorted(found.weights.items()))) == weights_sha256(
        dict(sorted(made.weights.items()))
    )


def test_a_weight_that_is_one_number(tmp_path: Path) -> None:
    """Normalization's count has no axes, and is given none."""
    made = model(
        {"inputs": {"x": {"shape": [3]}}, "layers": ["Normalization", {"type": "Dense", "units": 2}]}
    )
    found = back(made, tmp_path)
    assert {name: array.shape for name, array in found.weights.items()} == {
        name: array.shape for name, array in made.weights.items()
    }
    assert weights_sha256(found.weights) == weights_sha256(made.weights)
