"""What a layer says of its place in Keras's files: parts, children, call arguments; where masks are from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.core.shapes import Shape
from nnctl.formats.keras.archive import keras_archive
from nnctl.formats.keras.masks import check_masks_stay, mask_sources
from nnctl.formats.keras.weights import own_first, own_paths
from nnctl.graph.build import build
from nnctl.graph.model import Ref
from nnctl.initializers.constant import Zeros
from nnctl.layers.base import Layer, Weight
from nnctl.layers.bidirectional import Bidirectional
from nnctl.layers.context import LayerContext
from nnctl.layers.dense import Dense
from nnctl.layers.in_keras import InKeras
from nnctl.layers.lstm import LSTM
from nnctl.ops.base import Value
from nnctl.spec.language.model import ModelSpec
from tests.formats.keras_models import MODELS
from tests.formats.models import model


class MultiHeadAttention(Layer):
    """Enough of Keras's layer to be written: named call arguments, weights of four parts."""

    __module__ = "nnctl.layers.multi_head_attention"
    in_keras: ClassVar[InKeras] = InKeras(
        parts={part: f"{part}_dense" for part in ("query", "key", "value", "output")},
        arguments=("query", "value", "key"),
    )

    num_heads: int = 2
    key_dim: int = 3

    def compute_output_shape(self, query: Shape, value: Shape, key: Shape | None = None) -> Shape:
        return query

    def weights(self, query: Shape, value: Shape, key: Shape | None = None) -> Mapping[str, Weight]:
        heads, size = self.num_heads, self.key_dim
        widths = {"query": query[-1], "key": (key or value)[-1], "value": value[-1]}
        made: dict[str, Weight] = {}
        for part, width in widths.items():
            made[f"{part}/kernel"] = Weight((width or 0, heads, size), Zeros())
            made[f"{part}/bias"] = Weight((heads, size), Zeros())
        made["output/kernel"] = Weight((heads, size, query[-1] or 0), Zeros())
        made["output/bias"] = Weight((query[-1] or 0,), Zeros())
        return made

    def call(self, ctx: LayerContext, query: Value, value: Value, key: Value | None = None) -> Value:
        return query


class TimeDistributed(Layer):
    """Enough of Keras's wrapper around one layer to be written."""

    __module__ = "nnctl.layers.time_distributed"

    layer: Any = None

    def children(self) -> Mapping[str, Layer]:
        return {"layer": self.layer}

    def compute_output_shape(self, x: Shape) -> Shape:
        return (x[0], *self.layer.compute_output_shape(x[1:]))

    def weights(self, x: Shape) -> Mapping[str, Weight]:
        return {f"layer/{key}": weight for key, weight in self.layer.weights(x[1:]).items()}

    def call(self, ctx: LayerContext, x: Value) -> Value:
        return x


DESCRIBED: dict[str, Any] = {
    "inputs": {"x": [6, 2], "q": [4, 3], "k": [6, 5], "h": [3], "c": [3]},
    "layers": [
        {"layer": MultiHeadAttention(name="mha"), "inputs": ["q", "x", "k"]},
        {"layer": MultiHeadAttention(name="self"), "inputs": ["x", "x"]},
        {"layer": Bidirectional(name="both", layer=LSTM(units=3)), "inputs": ["x", *"hchc"]},
        {"layer": Bidirectional(name="free", layer=LSTM(units=2, trainable=False)), "inputs": "x"},
        {
            "layer": TimeDistributed(name="each", layer=Bidirectional(layer=LSTM(units=4))),
            "inputs": "four",
        },
        {"layer": TimeDistributed(name="rows", layer=Dense(units=3)), "inputs": "x"},
    ],
    "outputs": ["mha", "self", "both", "free", "each", "rows"],
}
DESCRIBED["inputs"]["four"] = [3, 5, 2]


@pytest.mark.keras
def test_keras_opens_wrappers_and_layers_of_several_arguments(tmp_path: Path) -> None:
    """Each weight is where Keras looks for it, and each input is the argument that it is here."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    made = model(DESCRIBED)
    path = tmp_path / "m.keras"
    path.write_bytes(keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float32"))
    theirs = keras.saving.load_model(path)
    for node in made.graph.nodes:
        layer = theirs.get_layer(node.name)
        ours = {info.field: made.weights[info.name] for info in made.graph.weights_of(node.name)}
        assert ours, node.name
        found = {_field(variable.path): np.asarray(variable) for variable in layer.weights}
        assert found.keys() == ours.keys()
        for name, values in ours.items():
            np.testing.assert_array_equal(found[name], values, err_msg=f"{node.name}: {name}")
    arguments = theirs.get_layer("mha")._inbound_nodes[0].arguments
    assert [tensor.name for tensor in arguments.args] == ["q", "x", "k"]
    states = theirs.get_layer("both")._inbound_nodes[0].arguments.kwargs["initial_state"]
    assert [tensor.name for tensor in states] == list("hchc")
    assert theirs.get_layer("free").forward_layer.trainable is False
    assert theirs.get_layer("both").forward_layer.trainable is True


@pytest.mark.keras
def test_keras_is_told_the_arguments_of_calls(tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    made = model(MODELS["calls"])
    path = tmp_path / "m.keras"
    path.write_bytes(keras_archive(made.spec, made.graph, made.weights, name="m", dtype="float32"))
    theirs = keras.saving.load_model(path)

    def told(owner: Any, name: str) -> list[Any]:
        nodes = owner.get_layer(name)._inbound_nodes
        return [node.arguments.kwargs.get("training", "nothing") for node in nodes]

    assert told(theirs, "norm") == [False, "nothing", False]
    assert told(theirs, "lstm") == [False]
    assert told(theirs, "quiet")[-1] is False
    inner = theirs.get_layer("quiet")
    assert told(inner, "dropout") == [False]
    assert told(inner, "d") == ["nothing"]


def _field(path: str) -> str:
    """A weight's name here, from Keras's path to its variable."""
    names = {"forward_lstm": "forward_layer", "lstm": "backward_layer", "dense": "layer"}
    names |= {"attention_output": "output", "bidirectional": "layer", "lstm_cell": ""}
    return "/".join(filter(None, (names.get(word, word) for word in path.split("/")[1:])))


def test_weights_are_counted_in_their_group() -> None:
    both = Bidirectional(layer=LSTM(units=2))
    names = ["forward_layer/kernel", "backward_layer/kernel", "own", "forward_layer/bias", "other/kernel"]
    assert list(own_paths(both, names)) == [
        "forward_layer/cell/vars/0",
        "backward_layer/cell/vars/0",
        "vars/0",
        "forward_layer/cell/vars/1",
        "other/vars/0",
    ]
    each = TimeDistributed(layer=both)
    assert list(own_paths(each, ["layer/backward_layer/bias"])) == ["layer/backward_layer/cell/vars/0"]
    assert list(own_paths(MultiHeadAttention(), ["query/kernel", "output/kernel", "query/bias"])) == [
        "query_dense/vars/0",
        "output_dense/vars/0",
        "query_dense/vars/1",
    ]


def test_a_layer_s_own_weights_come_before_those_of_what_it_holds() -> None:
    """And a group's before those of the groups below it; groups are in the order of their first weights."""
    places = ["b/vars/0", "a/c/vars/0", "b/vars/1", "vars/0", "a/vars/0", "b/d/vars/0", "vars/1"]
    expected = ["vars/0", "vars/1", "b/vars/0", "b/vars/1", "b/d/vars/0", "a/vars/0", "a/c/vars/0"]
    assert own_first(places) == expected


class Odd(Layer):
    """A layer whose mask no other layer's rule gives."""

    def compute_output_shape(self, x: Shape) -> list[Shape]:
        return [x, x]

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> list[Value | None]:
        return [None, ctx.mask]


def table(name: str, reads: str) -> dict[str, Any]:
    return {
        "type": "Embedding",
        "input_dim": 5,
        "output_dim": 2,
        "mask_zero": True,
        "name": name,
        "inputs": reads,
    }


GRU = {"type": "GRU", "units": 2, "inputs": "eb"}

MASKS: dict[str, Any] = {
    "inputs": {
        "a": {"shape": [5], "dtype": "int32"},
        "b": {"shape": [None], "dtype": "int32"},
        "x": [5, 2],
        "z": {"shape": [3, 4], "dtype": "int32"},
    },
    "layers": [
        table("ea", "a"),
        table("ea2", "a"),
        table("eb", "b"),
        table("ez", "z"),
        {"type": "Embedding", "input_dim": 5, "output_dim": 2, "name": "plain", "inputs": "a"},
        {"type": "Dropout", "rate": 0.5, "name": "dropped", "inputs": "ea"},
        {"type": "Add", "name": "same", "inputs": ["ea", "dropped"]},
        {"type": "Add", "name": "twice", "inputs": ["ea", "ea2"]},
        {"type": "Add", "name": "two", "inputs": ["ea", "eb"]},
        {"type": "Add", "name": "half", "inputs": ["ea", "x"]},
        {"type": "Concatenate", "name": "wide", "inputs": ["eb", "ea"]},
        {"type": "Concatenate", "name": "again", "inputs": ["ea", "ea2", "dropped"]},
        {"type": "Concatenate", "name": "open", "inputs": ["ea", "x"]},
        {"type": "Concatenate", "name": "long", "axis": 1, "inputs": ["ea", "ea"]},
        {"type": "Concatenate", "name": "longer", "axis": 1, "inputs": ["x", "ea"]},
        {"type": "Concatenate", "name": "none", "axis": 1, "inputs": ["x", "x"]},
        {**GRU, "return_sequences": True, "return_state": True, "name": "all"},
        {**GRU, "name": "last"},
        {"type": "Dense", "units": 2, "name": "deep", "inputs": "ez"},
        {"type": "Flatten", "name": "flat", "inputs": "ea"},
        {"layer": Odd(name="odd"), "inputs": "eb"},
    ],
}  # fmt: skip


def test_where_masks_are_from() -> None:
    a, b, z = Ref("a"), Ref("b"), Ref("z")
    several = ("two", "wide", "long", "longer")
    expected = {
        **dict.fromkeys([Ref(n) for n in ("ea", "ea2", "dropped", "same", "twice", "again")], a),
        **dict.fromkeys([Ref(n) for n in ("eb", "all")], b),
        **dict.fromkeys([Ref(n) for n in ("ez", "deep")], z),
        Ref("odd", 1): b,
        **dict.fromkeys(map(Ref, several), "several"),
    }
    assert mask_sources(build(ModelSpec.model_validate(MASKS))) == expected


CONV = {"type": "Conv1D", "filters": 2, "inputs": "f"}
HEADS = {"type": "MultiHeadAttention", "num_heads": 1, "key_dim": 2}


@pytest.mark.parametrize(
    ("entries", "missing"),
    [
        ([{**HEADS, "inputs": ["e", "e"]}], None),
        ([{**HEADS, "inputs": ["e", "e"]}, {"type": "Add", "inputs": ["e", "multi_head_attention"]}], None),
        (
            [
                {**HEADS, "inputs": ["e", "e"]},
                {"type": "Add", "inputs": ["e", "multi_head_attention"]},
                {**GRU, "inputs": "add"},
            ],
            "gru",
        ),
        ([{**HEADS, "inputs": ["e", "e"]}, {**GRU, "inputs": "multi_head_attention"}], None),
        ([{**HEADS, "inputs": ["e", "e"]}, {"type": "Flatten", "inputs": "e"}], None),
        ([{**HEADS, "inputs": ["f", "f"]}, {**CONV, "kernel_size": 3}], None),
        ([{**HEADS, "inputs": ["f", "f"]}, {**CONV, "kernel_size": 99, "name": "wide"}], "wide"),
        ([{**HEADS, "inputs": ["x", "e"], "name": "a"}, {**HEADS, "inputs": ["x", "e"], "name": "b"}], "a"),
        ([{**HEADS, "inputs": ["x", "x"]}, {**GRU, "inputs": "e"}], None),
    ],
)
def test_masks_that_keras_would_lose(entries: list[dict[str, Any]], missing: str | None) -> None:
    """Its MultiHeadAttention takes the masks off what it reads."""
    inputs = {"n": {"shape": [5], "dtype": "int32"}, "m": {"shape": [None], "dtype": "int32"}, "x": [5, 2]}
    tables = [table("e", "n"), table("f", "m")]
    graph = build(ModelSpec.model_validate({"inputs": inputs, "layers": [*tables, *entries]}))
    if missing is None:
        check_masks_stay(graph)
        return
    with pytest.raises(ConfigError, match=f"and '{missing}' would miss it") as caught:
        check_masks_stay(graph)
    assert caught.value.problems[0].path == graph.node(missing).path
