"""Layer graphs from specs: names, shapes, shared and nested models, and every error placed."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError
from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph, Ref
from nnctl.spec.model import ModelSpec


def made(layers: list[Any], **more: Any) -> LayerGraph:
    signature = more.pop("signature", {"x": InputInfo((5,), "float32")})
    return build(ModelSpec.model_validate({"layers": layers, **more}), signature)


def failed(layers: list[Any], **more: Any) -> list[tuple[str, tuple[Any, ...]]]:
    with pytest.raises(ConfigError) as caught:
        made(layers, **more)
    return [(p.message, p.path) for p in caught.value.problems]


def dense(units: int, **more: Any) -> dict[str, Any]:
    return {"type": "Dense", "units": units, **more}


def test_a_plain_list_is_a_chain_numbered_as_keras_does() -> None:
    graph = made([dense(4), dense(3), {"type": "Dropout", "rate": 0.1}, dense(2)])
    assert [n.name for n in graph.nodes] == ["dense", "dense_1", "dropout", "dense_2"]
    assert [n.inputs for n in graph.nodes] == [(Ref(p),) for p in ("x", "dense", "dense_1", "dropout")]
    assert graph.outputs == {"dense_2": Ref("dense_2")}
    assert list(graph.weights) == [
        f"{n}/{w}" for n in ("dense", "dense_1", "dense_2") for w in ("kernel", "bias")
    ]
    assert graph.parameters() == (5 * 4 + 4 + 4 * 3 + 3 + 3 * 2 + 2, 0)


def test_branches_merge_by_name() -> None:
    graph = made(
        [
            dense(4, name="left"),
            dense(4, inputs="x", name="right"),
            {"type": "Add", "inputs": ["left", "right"]},
            {"type": "Concatenate", "inputs": ["add", "x"], "name": "both"},
        ],
        outputs=["both", "left"],
    )
    assert graph.output_shapes() == {"both": (9,), "left": (4,)}


def test_use_calls_a_layer_again_with_its_weights() -> None:
    graph = made(
        [
            dense(3, name="shared", inputs="a"),
            {"use": "shared", "inputs": "b", "name": "again"},
            {"type": "Concatenate", "inputs": ["shared", "again"]},
        ],
        signature={"a": InputInfo((5,), "float32"), "b": InputInfo((5,), "float32")},
    )
    assert graph.node("again").owner == "shared"
    assert list(graph.weights) == ["shared/kernel", "shared/bias"]


def test_a_shared_layer_must_fit_every_input() -> None:
    problems = failed(
        [
            dense(3, name="shared", inputs="a"),
            {"use": "shared", "inputs": "b", "name": "again"},
            {"type": "Concatenate", "inputs": ["shared", "again"]},
        ],
        signature={"a": InputInfo((5,), "float32"), "b": InputInfo((4,), "float32")},
    )
    assert problems == [
        (
            "'shared' was built on 'a' (5), with a kernel of (5, 3); on 'b' (4) it would need (4, 3)",
            ("model", "layers", 1),
        )
    ]


def test_nested_models_and_their_second_call() -> None:
    inner = [dense(4), "BatchNormalization", dense(2)]
    graph = made(
        [
            {"type": "Sequential", "name": "encoder", "layers": inner, "inputs": "a"},
            {"use": "encoder", "inputs": "b", "name": "other"},
            {"type": "Concatenate", "inputs": ["encoder", "other"]},
        ],
        signature={"a": InputInfo((5,), "float32"), "b": InputInfo((5,), "float32")},
    )
    names = [n.name for n in graph.nodes]
    assert names[:3] == ["encoder/dense", "encoder/batch_normalization", "encoder/dense_1"]
    assert names[3:6] == ["other/dense", "other/batch_normalization", "other/dense_1"]
    assert [n.owner for n in graph.nodes[3:6]] == names[:3]
    assert graph.node("concatenate").output_shapes == ((4,),)


def test_a_functional_with_two_inputs_and_two_outputs() -> None:
    graph = made(
        [
            {
                "type": "Functional",
                "name": "pair",
                "inputs": ["a", "b"],
                "outputs": ["sum", "own"],
                "layers": [
                    {"type": "Input", "name": "p", "shape": [5]},
                    {"type": "Input", "name": "q", "shape": [5]},
                    {"type": "Add", "inputs": ["p", "q"], "name": "sum"},
                    dense(2, inputs="q", name="own"),
                ],
            },
            {"type": "Concatenate", "inputs": ["pair", "pair:1"]},
        ],
        signature={"a": InputInfo((5,), "float32"), "b": InputInfo((5,), "float32")},
    )
    assert graph.node("concatenate").inputs == (Ref("pair/sum"), Ref("pair/own"))
    assert graph.node("concatenate").output_shapes == ((7,),)


def test_frozen_layers_and_containers() -> None:
    graph = made(
        [
            dense(4, trainable=False),
            {"type": "Sequential", "trainable": False, "layers": [dense(3)]},
            "BatchNormalization",
            dense(2),
        ]
    )
    trainable = {name for name, info in graph.weights.items() if info.trainable}
    assert trainable == {
        "batch_normalization/gamma",
        "batch_normalization/beta",
        "dense_1/kernel",
        "dense_1/bias",
    }


def test_every_shape_error_is_reported_once() -> None:
    problems = failed(
        [
            {"type": "Conv2D", "filters": 3, "kernel_size": 3, "name": "c"},
            dense(3, name="after"),
            dense(4, inputs="x", name="fine"),
            {"type": "Add", "inputs": ["fine", "x"], "name": "bad"},
            {"type": "Concatenate", "inputs": ["after", "bad"]},
        ]
    )
    assert [path for _, path in problems] == [("model", "layers", 0), ("model", "layers", 3)]
    assert "3 axes" in problems[0][0]
    assert "(5)" in problems[0][0]


def test_inputs_that_contradict_the_data() -> None:
    problems = failed([dense(2)], inputs={"x": [6]})
    assert problems == [("input 'x' is declared as (6), but the data gives (5)", ("model", "inputs", "x"))]


def test_too_many_inputs_for_a_layer() -> None:
    problems = failed([dense(2, name="a"), dense(2, inputs=["a", "x"], name="b")])
    assert problems == [("Dense 'b' takes 1 input, 2 given", ("model", "layers", 1))]


def test_an_output_index_that_is_not_there() -> None:
    problems = failed([dense(2, name="a"), dense(2, inputs="a:1")])
    assert problems == [("'a' has 1 output, counted from 0", ("model", "layers", 1, "inputs", 0))]


def test_a_nested_model_must_fit_every_input() -> None:
    """Said once: at the call, with what it was built on and the way out."""
    inner = [{"type": "Input", "name": "i", "shape": [5]}, dense(2)]
    for layers, words in (([dense(2)], "was built on 'a' (5)"), (inner, "is declared as (5), but 'b' (4)")):
        kind = "Functional" if layers is inner else "Sequential"
        (problem,) = failed(
            [
                {"type": kind, "name": "encoder", "layers": layers, "inputs": "a"},
                {"use": "encoder", "inputs": "b", "name": "other"},
                {"type": "Concatenate", "inputs": ["encoder", "other"]},
            ],
            signature={"a": InputInfo((5,), "float32"), "b": InputInfo((4,), "float32")},
        )
        assert words in problem[0]
        assert problem[1][:3] == ("model", "layers", 1)


def test_an_axis_twice_is_no_axis() -> None:
    for axis in ([1, 1], [1, -1], [-1, -1]):
        entry = {"type": "LayerNormalization", "axis": axis}
        (problem,) = failed([entry], signature={"a": InputInfo((5,), "float32")})
        assert "twice" in problem[0]
        assert problem[1] == ("model", "layers", 0, "axis")
