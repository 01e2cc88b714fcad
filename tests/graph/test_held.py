"""Nested models that a layer holds: their names, what is frozen in them, problems at their lines."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.graph.build import build
from nnctl.graph.model import LayerGraph
from nnctl.graph.wanted import wanted
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec

DENSE = {"type": "Dense", "units": 2}
FIRST: list[Any] = ["model", "layers", 1, "layer", "layers"]


def spec(*layers: Any, kind: str = "Sequential", freeze: tuple[str, ...] = ()) -> ModelSpec:
    frames = {"type": "TimeDistributed", "name": "frames", "layer": {"type": kind, "layers": list(layers)}}
    before = {"type": "Dense", "units": 3, "name": "before"}
    config = {"inputs": {"x": {"shape": [4, 5, 3]}}, "layers": [before, frames], "freeze": list(freeze)}
    return ModelSpec.model_validate(config)


def built(*layers: Any, **options: Any) -> LayerGraph:
    return build(spec(*layers, **options))


def problem(*layers: Any, **options: Any) -> Problem:
    with pytest.raises(ConfigError) as caught:
        built(*layers, **options)
    (found,) = caught.value.problems
    return found


def test_weights_are_named_after_the_list() -> None:
    inner = {"type": "TimeDistributed", "layer": {"type": "Sequential", "layers": [DENSE]}}
    graph = built(DENSE, {"type": "Sequential", "layers": [DENSE]}, inner)
    names = ("dense", "sequential/dense", "time_distributed/layer/dense")
    wanted = [f"frames/layer/{name}/{w}" for name in names for w in ("kernel", "bias")]
    assert list(graph.weights) == ["before/kernel", "before/bias", *wanted]


@pytest.mark.parametrize("pattern", ["frames/layer/batch*", "*/dense", "frames", "frames/layer"])
def test_patterns_freeze_layers_in_it(pattern: str) -> None:
    graph = built(DENSE, "BatchNormalization", freeze=(pattern,))
    names = ("frames/layer/dense/kernel", "frames/layer/batch_normalization/beta")
    trains = tuple(graph.weights[name].trainable for name in names)
    frozen = {"frames/layer/batch*": (True, False), "*/dense": (False, True)}.get(pattern, (False, False))
    assert trains == frozen
    layer = graph.node("frames").layer
    assert graph.node("frames").trainable is (pattern != "frames")
    if pattern == "frames/layer/batch*":
        assert [entry.layer.trainable for entry in layer.children()["layer"].entries()] == [True, False]


def test_a_pattern_that_names_nothing_in_it() -> None:
    found = problem(DENSE, freeze=("frames/layer/dens",))
    assert found.suggestion == "frames/layer/dense"


@pytest.mark.parametrize(
    ("layers", "at", "message"),
    [
        (
            [DENSE, {"type": "Softmax", "axis": 7}],
            (1, "axis"),
            "layer 'frames/layer/softmax': Softmax",
        ),
        (["Flatten", "Flatten", "GlobalMaxPooling1D"], (2,), "it reads 'frames/layer/flatten_1' (15)"),
        ([{**DENSE, "bias_initializer": "orthogonal"}], (0, "bias_initializer"), "the bias of layer"),
        ([{"type": "Discretization", "bin_boundaries": [0.5]}], (0,), "so that 'before' before it would not"),
        ([DENSE, {"type": "Discretization", "bin_boundaries": [1]}], (1,), "so that 'frames/layer/dense' be"),
    ],
)
def test_problems_are_placed_in_its_list(layers: list[Any], at: tuple[Any, ...], message: str) -> None:
    found = problem(*layers)
    assert found.path[:7] == (*FIRST, *at)
    assert message in found.message


def test_its_first_layer_says_whether_numbers_of_classes_come_in() -> None:
    table = {"type": "Embedding", "input_dim": 7, "output_dim": 2}
    frames = {"type": "TimeDistributed", "layer": {"type": "Sequential", "layers": [table, "Flatten"]}}
    model = ModelSpec.model_validate({"inputs": {"x": {"shape": [4, 5]}}, "layers": [frames]})
    training = TrainingSpec.model_validate({"loss": "mse"})
    assert wanted(model, training).integer_inputs == {"x"}
    assert build(model).nodes[0].layer.looks_up() == (("layer", "layers", 0, "input_dim"), 7)
