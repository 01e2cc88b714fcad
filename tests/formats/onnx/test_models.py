"""Whole models as ONNX: names, views, lengths, and what a file is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.formats.onnx import traced
from nnctl.formats.onnx.model import onnx_file
from tests.formats.keras_models import MODELS
from tests.formats.models import exportable, model
from tests.formats.onnx.running import agree, operators, outputs, same
from tests.sampling import everyday

EVERYDAY = ("chain", "lengths", "nested states", "held", "crossing")


@pytest.mark.parametrize("name", everyday(MODELS, EVERYDAY))
def test_models(name: str) -> None:
    same(model(MODELS[name]), (3, 1, 7), (6, 9), 5)


def stack(shape: list[int | None], *layers: Any, dtype: str | None = None) -> Any:
    """A chain on one input."""
    given = {"shape": shape} | ({"dtype": dtype} if dtype else {})
    return model({"inputs": {"x": given}, "layers": list(layers)})


def conv(filters: int, **fields: Any) -> dict[str, Any]:
    return {"type": "Conv2D", "filters": filters, "kernel_size": 3, **fields}


def test_images_change_their_layout_twice() -> None:
    """Once on the way in and once on the way out, whatever lies between."""
    made = stack(
        [9, 8, 2],
        conv(4, padding="same", activation="relu", name="a"),
        "BatchNormalization",
        conv(4, padding="same", strides=2, name="b"),
        {"type": "MaxPooling2D", "pool_size": 2, "strides": 1, "padding": "same", "name": "p"},
        {"type": "Concatenate", "inputs": ["b", "p"], "name": "c"},
        {"type": "Add", "inputs": ["c", "c"]},
        {"type": "ZeroPadding2D", "padding": [[1, 0], [0, 2]]},
        {"type": "Cropping2D", "cropping": [[0, 1], [1, 0]]},
        "UpSampling2D",
    )
    assert operators(same(made)).count("Transpose") == 2


def test_a_block_that_weighs_channels_stays_in_its_layout() -> None:
    made = stack(
        [6, 5, 3],
        conv(4, name="y"),
        {"type": "GlobalAveragePooling2D", "keepdims": True},
        {"type": "Dense", "units": 4, "activation": "sigmoid", "name": "s"},
        {"type": "Multiply", "inputs": ["y", "s"]},
        "GlobalMaxPooling2D",
    )
    assert operators(same(made)).count("Transpose") == 1


def test_nothing_is_repeated_that_broadcasts() -> None:
    made = model(
        {
            "inputs": {"x": [4, 3], "y": [1, 3], "z": [4, 1]},
            "layers": [{"type": "Add", "inputs": ["x", "y", "z"]}],
        }
    )
    assert "Expand" not in operators(same(made))
    both = model(
        {"inputs": {"y": [1, 3], "z": [4, 1]}, "layers": [{"type": "Multiply", "inputs": ["y", "z"]}]}
    )
    same(both)


def test_a_sequence_is_multiplied_as_it_is() -> None:
    """A Dense over steps is one product, without its rows being made."""
    made = stack(
        [None, 3], {"type": "Dense", "units": 4, "activation": "gelu"}, {"type": "Dense", "units": 2}
    )
    assert operators(same(made, lengths=(1, 5)))[:-1] == ["MatMul", "Add", "Gelu", "MatMul", "Add"]


def test_both_directions_are_one_operator() -> None:
    made = stack(
        [None, 3],
        {"type": "Bidirectional", "layer": {"type": "LSTM", "units": 4, "return_sequences": True}},
        {"type": "Bidirectional", "layer": {"type": "GRU", "units": 2}, "merge_mode": "sum"},
    )
    file = same(made, lengths=(1, 5))
    found = {n.op_type: n for n in file.graph.node if n.op_type in ("LSTM", "GRU")}
    assert operators(file).count("LSTM") == operators(file).count("GRU") == 1
    for node in found.values():
        (direction,) = (a.s for a in node.attribute if a.name == "direction")
        assert direction == b"bidirectional"
    assert "Slice" not in operators(file)


def test_directions_whose_steps_stand_one_by_one() -> None:
    """What the backward one gives is turned over as a whole."""
    layer = {"type": "LSTM", "units": 4, "return_sequences": True, "activation": "gelu"}
    assert "Slice" in operators(same(stack([4, 3], {"type": "Bidirectional", "layer": layer})))


def test_regularized_steps_of_any_length() -> None:
    """A penalty by steps is no part of inference."""
    layer = {"type": "Dense", "units": 3, "activity_regularizer": {"type": "L2", "l2": 0.1}}
    same(stack([None, 2], {"type": "TimeDistributed", "layer": layer}), (2,), (3, 4))


def test_strides_beyond_the_window() -> None:
    """Between the windows of a transposed convolution, and behind the last one, are zeros."""
    layer = {"type": "Conv2DTranspose", "filters": 2, "kernel_size": [1, 2], "strides": [2, 3]}
    file = same(stack([4, 3, 2], layer))
    assert "Pad" in operators(file)
    same(stack([4, 3, 2], {**layer, "kernel_size": 4, "padding": "same", "output_padding": 1}))


WORDS = {"type": "Embedding", "input_dim": 5, "output_dim": 3, "mask_zero": True}


@pytest.mark.parametrize("layer", ["LSTM", "GRU", "SimpleRNN"])
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_steps_anywhere(layer: str, backwards: bool) -> None:
    """At the start, between others, at the end; all of them, and none."""
    made = model(
        {
            "inputs": {"words": {"shape": [None], "dtype": "int32"}, "h": [4]},
            "layers": [
                {**WORDS, "name": "e", "inputs": "words"},
                {
                    "type": layer, "units": 4, "return_sequences": True, "return_state": True,
                    "go_backwards": backwards, "name": "r", "inputs": "e",
                },
            ],
            "outputs": ["r:0", "r:1"],
        }
    )  # fmt: skip
    words = np.array([[0, 2, 0, 1, 3, 0], [0] * 6, [1, 2, 3, 4, 1, 2], [4, 0, 0, 0, 0, 0]], np.int32)
    inputs = {"words": words, "h": np.ones((4, 4), np.float32)}
    agree(made.predict(inputs), outputs(onnx_file(exportable(made)), inputs))


def test_causal_attention_of_any_length() -> None:
    heads = {"type": "MultiHeadAttention", "num_heads": 2, "key_dim": 3}
    made = model(
        {
            "inputs": {"x": [None, 4]},
            "layers": [
                {**heads, "use_causal_mask": True, "inputs": ["x", "x"], "name": "a"},
                {**heads, "sliding_window": 2, "inputs": ["a", "a"], "name": "b"},
                {"type": "Attention", "use_causal_mask": True, "inputs": ["b", "b"]},
            ],
        }
    )
    same(made, (1, 3), (1, 2, 7))


def test_strides_over_any_length() -> None:
    """`same` puts zeros around as the length asks for; valid windows leave over what does not fit."""
    made = stack(
        [None, 2],
        {"type": "Conv1D", "filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"type": "Conv1D", "filters": 2, "kernel_size": 2, "strides": 3, "padding": "causal"},
        {"type": "MaxPooling1D", "pool_size": 2, "padding": "same"},
        {"type": "AveragePooling1D", "pool_size": 3, "strides": 2, "padding": "same"},
        "GlobalMaxPooling1D",
    )
    same(made, (1, 3), (5, 6, 7, 8, 9, 12, 13))
    halved = stack(
        [None, None, 2], conv(3, strides=2, padding="same"), "MaxPooling2D", "GlobalAveragePooling2D"
    )
    same(halved, (2,), (5, 6, 7, 8))


def test_lengths_are_halved_and_doubled_again() -> None:
    made = model(
        {
            "inputs": {"x": [None, 2]},
            "layers": [
                {"type": "Conv1D", "filters": 3, "kernel_size": 3, "padding": "same", "name": "a"},
                {"type": "MaxPooling1D", "name": "p"},
                {"type": "UpSampling1D", "name": "u"},
                {"type": "Concatenate", "inputs": ["u", "a"]},
            ],
        }
    )
    same(made, (1, 2), (2, 6, 8))


def test_sequences_of_unlike_lengths() -> None:
    made = model(
        {
            "inputs": {"x": [None, 2], "y": [None, 3]},
            "layers": [
                {"type": "GRU", "units": 4, "return_sequences": True, "inputs": "x", "name": "a"},
                {"type": "Dense", "units": 4, "inputs": "y", "name": "b"},
                {"type": "Concatenate", "axis": 1, "inputs": ["a", "b"]},
            ],
        }
    )
    file = same(made, (2,), (3, 4))
    shapes = [[d.dim_param for d in v.type.tensor_type.shape.dim][:2] for v in file.graph.input]
    assert shapes == [["batch", "x_axis_1"], ["batch", "y_axis_1"]]
    (shape,) = ([d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in file.graph.output)
    assert shape == ["batch", "concatenate_axis_1", 4]
    (same_axes,) = (
        [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in same(stack([None, 3], {"type": "Dense", "units": 2}), (1,), (4,)).graph.output
    )
    assert same_axes == ["batch", "x_axis_1", 2]


def test_lengths_that_have_to_be_alike() -> None:
    """They are one then, the first input's."""
    made = model(
        {
            "inputs": {"x": [None, 2], "y": [None, 2]},
            "layers": [{"type": "Add", "inputs": ["x", "y"]}, "GlobalMaxPooling1D"],
        }
    )
    same(made, (2,), (3, 4))


def test_steps_that_stand_one_by_one_need_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "_ODD", (13, 25, 7))
    layer = {"type": "LSTM", "units": 2, "activation": "gelu"}
    same(stack([3, 2], layer))
    with pytest.raises(ConfigError, match=r"'lstm'.*takes its steps one after another") as caught:
        same(stack([None, 2], layer))
    assert caught.value.problems[0].path == ("model", "layers", 0)


def test_doubles_are_written_as_floats() -> None:
    made = stack([3], {"type": "Dense", "units": 2})
    made.dtype, made.weights = "float64", {n: w.astype(np.float64) for n, w in made.weights.items()}
    x = np.array([[1.0, -2.0, 3.0]])
    (y,) = outputs(onnx_file(exportable(made)), {"x": x.astype(np.float32)}).values()
    (ours,) = made.predict({"x": x}).values()
    np.testing.assert_allclose(y, ours, rtol=1e-6)
