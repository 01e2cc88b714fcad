"""Layer graphs from specs: names, shapes, shared and nested models, and every error placed."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.graph.build import build
from nnctl.graph.model import InputInfo, LayerGraph, Ref
from nnctl.layers.dense import Dense
from nnctl.spec.language.model import ModelSpec


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


PARTS = [
    dense(4, name="low"),
    {"type": "Sequential", "name": "trunk", "layers": [dense(3, name="a"), dense(3, name="b"), "ReLU"]},
    {"use": "trunk", "inputs": "trunk", "name": "again"},
    dense(2, name="head"),
]


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        ("low", {"low"}),
        (["trunk"], {"trunk/a", "trunk/b"}),
        (["trunk/[b-z]", "h*"], {"trunk/b", "head"}),
        (["*"], {"low", "dense", "trunk/a", "trunk/b", "head"}),
    ],
)
def test_layers_frozen_by_name_or_pattern(freeze: Any, frozen: set[str]) -> None:
    """Wherever they are called; `again` is no layer, but a call of trunk's."""
    graph = made([PARTS[0], dense(3), *PARTS[1:]], freeze=freeze)
    assert {info.owner for info in graph.weights.values() if not info.trainable} == frozen
    assert {node.owner for node in graph.nodes if not node.trainable} - frozen <= {"trunk/re_lu"}


def test_a_pattern_that_freezes_nothing() -> None:
    parts = [PARTS[0], "ReLU", dense(3), *PARTS[1:]]
    near = problems(parts, {"x": FIVE}, freeze=["low", "lwo", "trunk/c", "*elu", "again"])
    assert [(p.path[-1], p.suggestion) for p in near] == [(1, "low"), (2, "trunk/b"), (3, None), (4, None)]
    assert all(p.path[:2] == ("model", "freeze") and "with weights to freeze" in p.message for p in near)
    assert near[0].expected == "one of 'low', 'dense', 'trunk/a', 'trunk/b', 'head', or a pattern"
    # What could not be built may be what a pattern names.
    wrong = {"type": "Dense", "units": 2, "name": "bad", "kernel_initializer": "orthogonal"}
    trunk = [{"type": "Conv1D", "filters": 2, "kernel_size": 3}, wrong]
    parts = [dense(3), {"type": "Sequential", "name": "trunk", "layers": trunk}, wrong]
    found = failed(parts, freeze=["trunk", "trunk/bad", "bad", "beside"])
    assert [path for _, path in found if path[1] == "freeze"] == [("model", "freeze", 3)]
    inner = ["Input", {"type": "Input", "name": "more"}, dense(2, name="in")]
    trunk = {"type": "Functional", "name": "trunk", "layers": inner}
    ((message, _),) = failed([trunk], freeze=["trunk", "trunk/in"])
    assert message.startswith("'trunk' declares 2 inputs")


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


FIVE = InputInfo((5,), "float32")
TWO = {"a": FIVE, "b": InputInfo((4,), "int32")}


def problems(layers: list[Any], signature: Any = None, **more: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        build(ModelSpec.model_validate({"layers": layers, **more}), signature)
    return list(caught.value.problems)


def test_inputs_that_nobody_says() -> None:
    (problem,) = problems([dense(2)])
    assert problem.message == "the model's inputs are not known"
    assert problem.path == ("model",)
    assert problem.expected == "inputs: {x: {shape: [...]}}"


def test_an_input_whose_shape_nobody_says() -> None:
    layers = [{"type": "Input", "name": "x"}, dense(2)]
    (problem,) = problems(layers)
    assert problem.message == "the shape of input 'x' is not known"
    assert problem.path == ("model", "layers", 0)
    assert problem.expected == "shape: [...]"
    assert made(layers).inputs == {"x": FIVE}


def test_inputs_of_the_data_are_taken_unless_the_model_has_its_own() -> None:
    """From `inputs`, from Input layers; the type as declared, else as the data gives it, else floats."""
    assert made([dense(2, inputs="a")], signature=TWO).inputs == TWO
    declared = made([dense(2)], inputs={"b": {"shape": [4], "dtype": "float64"}}, signature=TWO)
    assert declared.inputs == {"b": InputInfo((4,), "float64")}
    layer = made([{"type": "Input", "name": "b"}, dense(2)], signature=TWO)
    assert layer.inputs == {"b": InputInfo((4,), "int32")}
    alone = build(ModelSpec.model_validate({"layers": [dense(2)], "inputs": {"b": [4]}}))
    assert alone.inputs == {"b": InputInfo((4,), "float32")}
    assert alone.node("dense").inputs == (Ref("b"),)


def test_of_inputs_with_problems_no_more_is_said() -> None:
    assert [p.path for p in problems([dense(2)], inputs={"a": {"shape": None}})] == [("model", "inputs", "a")]
    said = problems([dense(2)], TWO, inputs={"a": [6], "b": [4]})
    assert [p.path for p in said] == [("model", "inputs", "a"), ("model", "layers", 0)]


def test_an_input_that_the_data_does_not_give() -> None:
    first, *_ = problems([dense(2)], {"left": FIVE, "right": FIVE}, inputs={"lefd": [5]})
    assert first.message == "the data gives no input 'lefd'; it gives 'left', 'right'"
    assert first.path == ("model", "inputs", "lefd")
    assert first.suggestion == "left"
    assert first.at_key


def test_an_input_with_nothing_in_it() -> None:
    assert [p.message for p in problems(["Flatten"], {"x": InputInfo((0, 3), "float32")})] == [
        "input 'x' is (0, 3): there is nothing in it"
    ]


def test_lengths_that_vary_fit_any() -> None:
    for declared, given in (((None, 3), (5, 3)), ((5, 3), (None, 3)), ((None, 3), (None, 3))):
        signature = {"x": InputInfo(given, "float32")}
        assert (
            made([dense(2)], inputs={"x": list(declared)}, signature=signature).inputs["x"].shape == declared
        )
    for declared in ((None, 4), (None, 3, 1), (3,)):
        (problem,) = problems([dense(2)], {"x": InputInfo((5, 3), "float32")}, inputs={"x": list(declared)})
        assert "but the data gives (5, 3)" in problem.message


def test_what_hangs_on_an_entry_with_problems_of_its_own_is_not_told() -> None:
    """Entry 1 of the model; entries of that number inside others are built, and theirs are told."""
    layers = [
        dense(3, name="first"),
        dense(2, name="broken"),
        {"type": "Conv1D", "filters": 1, "kernel_size": 1, "name": "after"},
        {"use": "broken", "inputs": "first", "name": "again"},
        {"type": "Add", "inputs": ["again", "broken"], "name": "both"},
        {
            "type": "Sequential",
            "name": "inner",
            "inputs": "first",
            "layers": [dense(2), {"type": "Conv1D", "filters": 1, "kernel_size": 1, "name": "wrong"}],
        },
    ]
    spec = ModelSpec.model_validate({"layers": layers, "outputs": ["both", "first"]})
    with pytest.raises(ConfigError) as caught:
        build(spec, {"x": FIVE}, frozenset({1}))
    (problem,) = caught.value.problems
    assert problem.path == ("model", "layers", 5, "layers", 1)
    graph = build(ModelSpec.model_validate({"layers": layers[:5]}), {"x": FIVE}, frozenset({1}))
    assert [node.name for node in graph.nodes] == ["first"]
    assert graph.outputs == {}


def test_a_name_that_is_taken() -> None:
    layers = [dense(2, name="a"), dense(3, name="a"), dense(4, name="x", inputs="x")]
    assert [(p.message, p.path) for p in problems(layers, {"x": FIVE})] == [
        ("the name 'a' is taken", ("model", "layers", 1, "name")),
        ("the name 'x' is taken", ("model", "layers", 2, "name")),
    ]


def test_a_layer_that_is_not_above() -> None:
    (problem,) = problems([dense(2, name="dense_one"), {"use": "dense_won"}], {"x": FIVE})
    assert problem.message == "no layer above is called 'dense_won'"
    assert problem.path == ("model", "layers", 1, "use")
    assert problem.suggestion == "dense_one"
    (problem,) = problems([dense(2, name="dense_one"), dense(2, inputs=["dense_two"])], {"x": FIVE})
    assert problem.message == "no input or layer above is called 'dense_two'"
    assert problem.path == ("model", "layers", 1, "inputs", 0)
    assert problem.suggestion == "dense_one"


def test_which_input_the_first_layer_reads() -> None:
    (problem,) = problems([dense(2)], TWO)
    assert problem.message == "the first layer of a model with several inputs must say which it reads"
    assert problem.expected == "inputs: one or more of 'a', 'b'"


def test_a_layer_with_several_outputs_hands_on_its_first() -> None:
    lstm = {"type": "LSTM", "units": 2, "return_state": True, "name": "lstm"}
    graph = made([lstm, dense(3), dense(4, inputs="lstm:2")], signature={"x": InputInfo((6, 3), "float32")})
    assert [node.inputs for node in graph.nodes] == [(Ref("x"),), (Ref("lstm"),), (Ref("lstm", 2),)]
    (problem,) = problems([lstm, dense(3, inputs="lstm:3")], {"x": InputInfo((6, 3), "float32")})
    assert problem.message == "'lstm' has 3 outputs, counted from 0"


@pytest.mark.parametrize(
    ("layer", "wanted", "given"),
    [
        ({"type": "Add", "inputs": ["x"]}, "at least 2 inputs", 1),
        ({"type": "LSTM", "units": 2, "inputs": ["x"] * 4}, "1 to 3 inputs", 4),
        (dense(2, inputs=["x", "x"]), "1 input", 2),
        (dense(2, inputs=[]), "1 input", 0),
    ],
)
def test_how_many_inputs_a_layer_takes(layer: dict[str, Any], wanted: str, given: int) -> None:
    (problem,) = problems([{**layer, "name": "it"}], {"x": InputInfo((5, 3), "float32")})
    assert problem.message == f"{layer['type']} 'it' takes {wanted}, {given} given"
    assert problem.expected == f"inputs: {wanted}"


def test_what_a_layer_reads_is_named_beside_what_it_cannot_take() -> None:
    add = {"type": "Add", "name": "sum", "inputs": ["a", "b"]}
    (problem,) = problems([add], {"a": FIVE, "b": InputInfo((4,), "float32")})
    assert (
        problem.message
        == "layer 'sum': Add cannot combine (5) and (4): 5 is not 4 (it reads 'a' (5), 'b' (4))"
    )
    assert problem.expected == "inputs of one shape, or with 1 where they differ"
    softmax = {"type": "Softmax", "axis": 2}
    (problem,) = problems([softmax], {"x": FIVE})
    assert problem.path == ("model", "layers", 0, "axis")


def pair(*shapes: Any, **more: Any) -> dict[str, Any]:
    """Two inputs p and q with these shapes, added after a layer that both read."""
    p, q = shapes
    layers = [
        {"type": "Input", "name": "p", "shape": p},
        {"type": "Input", "name": "q", "shape": q},
        dense(2, name="same", inputs="p"),
        {"use": "same", "inputs": "q", "name": "twice"},
        {"type": "Sequential", "name": "deep", "layers": [dense(2, name="one")], "inputs": "same"},
        {"type": "Add", "inputs": ["deep", "twice"], "name": "sum"},
    ]
    return {"type": "Functional", "name": "pair", "layers": layers, **more}


def test_a_shared_model_calls_its_own_shared_and_nested_layers_again() -> None:
    graph = made(
        [
            pair([5], [None], inputs=["a", "b"]),
            {"use": "pair", "inputs": ["b", "a"], "name": "other"},
            {"type": "Concatenate", "inputs": ["pair", "other"]},
        ],
        signature={"a": FIVE, "b": FIVE},
    )
    assert [(node.name, node.owner, node.inputs) for node in graph.nodes[:-1]] == [
        ("pair/same", "pair/same", (Ref("a"),)),
        ("pair/twice", "pair/same", (Ref("b"),)),
        ("pair/deep/one", "pair/deep/one", (Ref("pair/same"),)),
        ("pair/sum", "pair/sum", (Ref("pair/deep/one"), Ref("pair/twice"))),
        ("other/same", "pair/same", (Ref("b"),)),
        ("other/twice", "pair/same", (Ref("a"),)),
        ("other/deep/one", "pair/deep/one", (Ref("other/same"),)),
        ("other/sum", "pair/sum", (Ref("other/deep/one"), Ref("other/twice"))),
    ]
    assert list(graph.weights) == [
        f"{owner}/{weight}" for owner in ("pair/same", "pair/deep/one") for weight in ("kernel", "bias")
    ]


def test_a_model_inside_wants_the_inputs_that_it_declares() -> None:
    (problem,) = problems([pair([5], [5], inputs=["a"])], {"a": FIVE})
    assert problem.message == "'pair' declares 2 inputs, 1 given"
    assert problem.path == ("model", "layers", 0)
    (problem,) = problems([pair([5], [4], inputs=["a", "a"])], {"a": FIVE})
    assert problem.message == "the input 'q' of 'pair' is declared as (4), but 'a' (5) comes in"
    assert problem.path == ("model", "layers", 0, "layers", 1)
    assert problem.expected == "an input of (4)"


def test_a_model_inside_that_declares_none_reads_one() -> None:
    inner = {"type": "Functional", "name": "inner", "layers": [dense(2)], "inputs": ["a", "a"]}
    (problem,) = problems([inner], {"a": FIVE})
    assert "must say which it reads" in problem.message


def test_an_output_of_a_model_inside_that_is_not_there() -> None:
    (problem,) = problems([pair([5], [5], inputs=["a", "a"], outputs=["same", "sun"])], {"a": FIVE})
    assert problem.message == "no input or layer above is called 'sun'"
    assert problem.path == ("model", "layers", 0, "outputs", 1)
    assert problem.suggestion == "sum"


def test_an_output_has_the_name_of_its_entry() -> None:
    """Also where that is a model whose last layer has a longer one; `outputs` names any."""
    nested = {"type": "Sequential", "name": "head", "layers": [dense(2), dense(1)]}
    assert made([dense(3), nested]).outputs == {"head": Ref("head/dense_1")}
    assert made([dense(3), nested], outputs="head").outputs == {"head": Ref("head/dense_1")}
    lstm = {"type": "LSTM", "units": 2, "return_state": True}
    time = {"x": InputInfo((6, 3), "float32")}
    assert made([lstm], signature=time).outputs == {"lstm": Ref("lstm")}
    assert made([lstm], signature=time, outputs=["lstm:1", "lstm"]).outputs == {
        "lstm:1": Ref("lstm", 1),
        "lstm": Ref("lstm"),
    }
    (problem,) = problems([dense(3)], {"x": FIVE}, outputs=["dense", "dens"])
    assert problem.path == ("model", "outputs", 1)


def test_what_a_layer_of_a_plugin_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told at its place, and nothing of what reads it; a fault of nnctl's own goes through."""

    def raises(self: Any, *inputs: Any) -> Any:
        raise RuntimeError("odd one out")

    monkeypatch.setattr(Dense, "compute_output_shape", raises)
    layers = ["Flatten", dense(2, name="odd"), {"type": "Softmax", "axis": 7}]
    with pytest.raises(RuntimeError):
        made(layers)
    monkeypatch.setattr("nnctl.graph.build.is_foreign", lambda layer: isinstance(layer, Dense))
    ((message, path),) = failed(layers)
    assert message.startswith("layer 'odd': Dense raised RuntimeError: odd one out")
    assert path == ("model", "layers", 1)


def test_frozen_and_trained_weights_are_counted() -> None:
    graph = made([dense(4, trainable=False), "BatchNormalization", dense(2, name="head")])
    assert graph.parameters() == (4 + 4 + 4 * 2 + 2, 5 * 4 + 4 + 4 + 4)
    assert [info.size for info in graph.weights_of("head")] == [8, 2]


def test_a_weight_s_part_that_does_not_fit_is_told_once_for_a_shared_layer() -> None:
    layers = [
        dense(3, name="shared", inputs="a", bias_initializer="orthogonal"),
        {"use": "shared", "inputs": "a", "name": "again"},
    ]
    (problem,) = problems(layers, {"a": FIVE})
    assert problem.path == ("model", "layers", 0, "bias_initializer")
    assert problem.message.startswith("the bias of layer 'shared': ")
