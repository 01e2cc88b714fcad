"""What a model asks of its data: inputs, outputs, who reads whole numbers, whose target is classes."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ShapeError
from nnctl.graph.wanted import wanted
from nnctl.losses.regression import MeanSquaredError
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec

TABLE = {"type": "Embedding", "input_dim": 5, "output_dim": 2}
DENSE = {"type": "Dense", "units": 1}


def asked(layers: list[Any], loss: Any = "mse", **more: Any) -> Any:
    model = ModelSpec.model_validate({"layers": layers, **more})
    return wanted(model, TrainingSpec.model_validate({"loss": loss}))


def test_inputs_and_outputs() -> None:
    found = asked([DENSE, {**DENSE, "name": "last"}])
    assert (found.inputs, found.outputs) == ({}, ("last",))
    found = asked([{**DENSE, "inputs": "a"}], inputs={"a": [3], "b": {"shape": None}}, outputs=["b"])
    assert (found.inputs, found.outputs) == ({"a": (3,), "b": None}, ("b",))
    layers = [{"type": "Input", "name": "x", "shape": [4]}, {"type": "Input", "name": "y"}, DENSE]
    assert asked(layers).inputs == {"x": (4,), "y": None}


INTEGERS: list[tuple[list[Any], dict[str, Any], list[str]]] = [
    ([TABLE], {}, ["input"]),
    ([DENSE, TABLE], {}, []),
    ([TABLE], {"inputs": {"words": [3]}}, ["words"]),
    ([TABLE, {**TABLE, "inputs": ["b", "embedding"]}], {"inputs": {"a": [3], "b": [3]}}, ["a", "b"]),
    ([DENSE, {**TABLE, "inputs": "words"}], {"inputs": {"words": [3]}}, ["words"]),
    ([{**TABLE, "type": "ReversibleEmbedding"}], {}, ["input"]),
    ([{**TABLE, "type": "ReversibleEmbedding", "reverse": True}], {}, []),
    ([DENSE, {**TABLE, "inputs": "dense"}], {"inputs": {"words": [3]}}, []),
    ([{"type": "Sequential", "layers": [TABLE, DENSE]}], {}, ["input"]),
    ([{"type": "Sequential", "layers": [DENSE, TABLE]}], {}, []),
    (
        [{"type": "Functional", "layers": [{"type": "Input", "name": "i"}, TABLE], "inputs": "a"}],
        {"inputs": {"a": [3]}},
        ["a"],
    ),
    ([{"type": "Functional", "layers": [{"type": "Input", "name": "i"}]}], {}, []),
    ([{"type": "Input", "name": "x", "shape": [3]}, {**TABLE, "inputs": "x"}], {}, ["x"]),
    (
        [DENSE],
        {"inputs": {"a": {"shape": [3], "dtype": "int32"}, "b": {"shape": [3], "dtype": "float64"}}},
        ["a"],
    ),
    ([DENSE], {"inputs": {"a": {"shape": [3], "dtype": "uint8"}, "b": [3]}}, ["a"]),
]


@pytest.mark.parametrize(("layers", "more", "names"), INTEGERS, ids=str)
def test_which_inputs_are_whole_numbers(layers: list[Any], more: dict[str, Any], names: list[str]) -> None:
    """What an Embedding looks up, directly or first thing in a model inside, and what is declared so."""
    assert sorted(asked(layers, **more).integer_inputs) == names


def test_whose_target_is_classes() -> None:
    """By what is written for it: one loss for all, by name, in order; where it does not fit, it is none."""
    sparse = "sparse_categorical_crossentropy"
    two = {"layers": [{**DENSE, "name": "a"}, {**DENSE, "name": "b"}], "outputs": ["a", "b"]}
    assert asked(**two, loss=sparse).categorical == {"a": True, "b": True}
    assert asked(**two, loss={"a": sparse}).categorical == {"a": True}
    assert asked(**two, loss={"a": sparse, "b": None}).categorical == {"a": True}
    assert asked(**two, loss=["mse", sparse]).categorical == {"a": False, "b": True}
    assert asked(**two, loss=["mse"]).categorical == {"a": False}


def test_a_loss_that_fits_no_row_of_two_wants_no_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    def target(self: Any, output: Any) -> Any:
        raise ShapeError("three at least")

    monkeypatch.setattr(MeanSquaredError, "target", target)
    assert asked([{**DENSE, "name": "a"}]).categorical == {"a": False}
