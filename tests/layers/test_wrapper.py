"""Layers that hold layers: weights and streams of each child's own, problems at their place in the child."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.shapes import Shape
from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph
from nnctl.layers.base import Layer, Weight, layers
from nnctl.layers.context import LayerContext
from nnctl.layers.wrapper import Child, Wrapper
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add
from nnctl.spec.language.model import ModelSpec
from tests.layers.harness import case, check, make


class Beside(Wrapper):
    """The sum of two layers: `layer` and `other`, or `layer` twice, with weights of their own."""

    other: Child | None = None

    def children(self) -> Mapping[str, Layer]:
        return {"first": self.layer, "other": self.other or self.layer}

    def compute_output_shape(self, x: Shape) -> Shape:
        first, _ = (self.shapes_of(name, x) for name in self.children())
        (shape,) = first
        return shape

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return {k: w for name in self.children() for k, w in self.weights_of(name, x).items()}

    def call(self, ctx: LayerContext, x: Value) -> Value:
        (first,), (other,) = (self.outputs_of(ctx, name, x) for name in self.children())
        return add(first, other)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(layers._classes, "Beside", Beside)


def built(**fields: Any) -> LayerGraph:
    spec = ModelSpec.model_validate({"layers": [{"type": "Beside", **fields}]})
    return build(spec, {"x": InputInfo((4, 3), "float32")})


def problems(**fields: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        built(**fields)
    return list(caught.value.problems)


DENSE = {"type": "Dense", "units": 2}


def test_each_child_has_weights_of_its_own() -> None:
    graph = built(layer=DENSE, other={"type": "Dense", "units": 2, "use_bias": False})
    assert list(graph.weights) == [f"beside/{w}" for w in ("first/kernel", "first/bias", "other/kernel")]
    check({"type": "Beside", "layer": DENSE}, (4, 3))


def test_a_wrapper_in_a_wrapper() -> None:
    config = {"type": "Beside", "layer": DENSE}
    assert "beside/other/first/kernel" in built(layer=config).weights
    check({"type": "Beside", "layer": config}, (4, 3))


def test_a_frozen_child_stays_as_it_is() -> None:
    graph = built(layer={**DENSE, "trainable": False}, other=DENSE)
    trainable = {name.removeprefix("beside/"): info.trainable for name, info in graph.weights.items()}
    assert trainable == {
        "first/kernel": False,
        "first/bias": False,
        "other/kernel": True,
        "other/bias": True,
    }
    frozen = {"type": "BatchNormalization", "trainable": False}
    made = case({"type": "Beside", "layer": frozen}, [(3,)], training=True)
    before = {k: w.copy() for k, w in made.weights.items()}
    made.run()
    assert all(np.array_equal(before[k], w) for k, w in made.weights.items())


def test_children_draw_from_streams_of_their_own() -> None:
    """Also where they have one seed."""
    dropout = {"type": "Dropout", "rate": 0.5, "seed": 3}
    made = case({"type": "Beside", "layer": dropout}, [(40,)], training=True)
    made.inputs = [np.ones((3, 40))]
    assert set(np.unique(made.run().outputs[0])) == {0.0, 2.0, 4.0}


def test_penalties_of_children_count() -> None:
    dense = {**DENSE, "activity_regularizer": "l2"}
    once, twice = case(dense, [(3,)]), case({"type": "Beside", "layer": dense}, [(3,)])
    twice.weights = {f"{name}/{k}": w for name in ("first", "other") for k, w in once.weights.items()}
    (penalty,) = once.run().losses
    assert twice.run().losses == [penalty, penalty]


def test_what_does_not_fit_a_child_is_said_of_its_field() -> None:
    (problem,) = problems(layer={"type": "Softmax", "axis": 5})
    assert problem.path == ("model", "layers", 0, "layer", "axis")
    (problem,) = problems(layer=DENSE, other={"type": "Softmax", "axis": 5})
    assert problem.path == ("model", "layers", 0, "other", "axis")
    inner = {"type": "Beside", "layer": DENSE, "other": {"type": "Softmax", "axis": 5}}
    (problem,) = problems(layer=inner)
    assert problem.path == ("model", "layers", 0, "layer", "other", "axis")
    assert problem.message.startswith("layer 'beside': Softmax is told to work along axis 5")


def test_what_cannot_fill_a_child_is_said_of_its_field() -> None:
    found = problems(layer={**DENSE, "bias_initializer": "orthogonal"})
    where = ("model", "layers", 0, "layer", "bias_initializer")
    assert [problem.path[: len(where)] for problem in found] == [where, where]
    assert "the first/bias of layer 'beside'" in found[0].message


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ({"type": "Input", "shape": [3]}, "Input cannot be inside another layer"),
        ({"type": "Sequential", "layers": [DENSE, "MixUp"]}, "MixUp cannot be inside another layer"),
        ({"type": "Sequential", "layers": ["Normalization"]}, "no layer can be around it"),
        ({"type": "Sequential", "layers": [DENSE], "training": False}, "'training' is said of a call"),
        ({"type": "Dropout", "rate": 0.5, "training": False}, "'training' is said of a call"),
    ],
)
def test_what_cannot_be_held(child: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        make({"type": "Beside", "layer": child})


def test_a_config_with_a_child_is_read_again_as_it_was_written() -> None:
    layer = make({"type": "Beside", "layer": {**DENSE, "activation": "relu"}, "other": "Flatten"})
    assert make({"type": "Beside", **layer.config()}) == layer


def test_a_layer_s_family_is_all_that_it_holds() -> None:
    config = {"type": "Beside", "layer": {"type": "Beside", "layer": DENSE}, "other": "Flatten"}
    assert [layer.kind for layer in make(config).family()] == [
        "Beside",
        "Beside",
        "Dense",
        "Dense",
        "Flatten",
    ]
    assert [layer.kind for layer in make(DENSE).family()] == ["Dense"]
