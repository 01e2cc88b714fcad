"""What an entry says about a call: inputs by their names, arguments, and what is wrong with them."""

from __future__ import annotations

import pytest

from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, layers
from nnctl.layers.call_arguments import Flag
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value
from nnctl.spec.output.resolved import config_sha256
from nnctl.spec.output.schema import json_schema

from .conftest import Load, Problems, said

GRAPH = """\
nnctl: 1
data: {source: {type: csv, path: d.csv}}
model:
  inputs: {left: [4], right: [4]}
  layers:
    - {type: Mixer, name: mix, inputs: {first: left, second: right}, twice: true}
    - {use: mix, name: again, inputs: {second: mix, first: left}, twice: false}
    - {type: Dropout, rate: 0.5, training: false}
    - {use: dropout, inputs: again, training: null}
    - {type: Concatenate, inputs: [dropout, dropout_1]}
    - {type: Dense, units: 1}
training: {loss: mse}
"""


@pytest.fixture(autouse=True)
def _mixer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer whose inputs have names, for as long as a test runs."""

    class Mixer(Layer):
        """A layer with names for its inputs, and an argument of its call."""

        twice: Flag = False
        """Whether it mixes twice."""

        def compute_output_shape(self, first: Shape, second: Shape, third: Shape | None = None) -> Shape:
            return first

        def call(self, ctx: LayerContext, first: Value, second: Value, third: Value | None = None) -> Value:
            return first

    layers.names()
    monkeypatch.setitem(layers._classes, "Mixer", Mixer)
    monkeypatch.setitem(layers._aliases, "mixer", "Mixer")


def test_what_an_entry_says_comes_back(loads: Load) -> None:
    experiment = loads(GRAPH).experiment
    assert experiment.model.layers is not None
    mix, again, dropout, second, *_ = experiment.model.layers
    assert mix.inputs == {"first": "left", "second": "right"}
    assert (mix.reads, mix.input_names) == (("left", "right"), ("first", "second"))
    assert (again.reads, again.input_names) == (("mix", "left"), ("second", "first"))
    assert mix.layer.given_arguments() == {"twice": True}
    assert mix.layer.called(again.arguments).given_arguments() == {}
    assert dropout.layer.given_arguments() == {"training": False}
    assert second.arguments == {"training": None}
    written = experiment.config()["model"]["layers"]
    assert written[0]["inputs"] == {"first": "left", "second": "right"}
    assert written[0]["twice"] is True
    assert written[1] == {"use": "mix", "name": "again", "inputs": {"second": "mix", "first": "left"}} | {
        "twice": False
    }
    assert written[2]["training"] is False


def test_what_is_left_out_is_not_written(loads: Load) -> None:
    """So that the resolved config of a model is the same as before its layers had arguments of calls."""
    plain = GRAPH.replace(", twice: true", "").replace(", training: false", "")
    layers = loads(plain).experiment.config()["model"]["layers"]
    assert not {"twice", "training"} & ({*layers[0], *layers[2]})
    default = GRAPH.replace("twice: true", "twice: false").replace("training: false", "training: null")
    assert config_sha256(loads(plain).experiment) == config_sha256(loads(default).experiment)


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("{first: left, second: right}", "{first: left, secnd: right}",
         ["6:40 Mixer needs 'second'", "6:54 Mixer has no input 'secnd'"]),
        ("{first: left, second: right}", "{second: right}", ["6:40 Mixer needs 'first'"]),
        ("{first: left, second: right}", "{first: left, second: rigt}",
         ["6:62 no input or layer above is called 'rigt'"]),
        ("{first: left, second: right}", "{first: left, second: [right]}",
         ["4:23 nothing reads the input 'right'", "6:62 'second' cannot be [right]"]),
        ("{second: mix, first: left}", "{second: mix, fist: left}",
         ["7:39 Mixer needs 'first'", "7:53 Mixer has no input 'fist'"]),
        ("inputs: again", "inputs: {x: again}", ["9:30 the inputs of Dropout have no names"]),
        ("twice: true", "twice: 1", ["6:77 'twice' cannot be 1"]),
        ("twice: true", "twise: true", ["6:70 Mixer has no key 'twise'"]),
        ("twice: false", "twice: 3", ["7:74 'twice' cannot be 3"]),
        ("twice: false", "twise: false", ["7:67 a call of Mixer has no key 'twise'"]),
        ("twice: false", "training: false", ["7:67 a call of Mixer has no key 'training'"]),
        ("training: false", "training: true", ["8:44 'training' cannot be true"]),
        ("training: null", "training: true", ["9:47 'training' cannot be true"]),
        ("training: null", "rate: 0.1", ["9:37 a call of Dropout has no key 'rate'"]),
        ("use: mix,", "use: mx, b: 3,", ["7:13 no layer above is called 'mx'"]),
    ],
)  # fmt: skip
def test_what_is_wrong(problems: Problems, old: str, new: str, messages: list[str]) -> None:
    assert old in GRAPH
    assert said(problems(GRAPH.replace(old, new))) == messages


@pytest.mark.parametrize(
    ("old", "new", "suggestion", "expected"),
    [
        ("second: right}", "secnd: right}", "second", "one of first, second or third"),
        ("twice: false", "twise: false", "twice", "one of use, name, inputs or twice"),
        ("twice: false", "twice: 3", None, "true or false"),
        ("training: false", "training: true", None, "false"),
    ],
)
def test_the_way_out(problems: Problems, old: str, new: str, suggestion: str, expected: str) -> None:
    found = problems(GRAPH.replace(old, new))[-1]
    assert (found.suggestion, found.expected) == (suggestion, expected)


def test_the_schema_knows_names_and_arguments() -> None:
    entry = json_schema()["$defs"]["entry"]["anyOf"]
    mixer = next(p for p in entry if "Mixer" in p.get("properties", {}).get("type", {}).get("enum", ()))
    named = mixer["properties"]["inputs"]["anyOf"][2]
    assert list(named["properties"]) == ["first", "second", "third"]
    assert named["required"] == ["first", "second"]
    dense = next(p for p in entry if "Dense" in p.get("properties", {}).get("type", {}).get("enum", ()))
    assert len(dense["properties"]["inputs"]["anyOf"]) == 2
    call = entry[-1]["properties"]
    assert call["twice"] == mixer["properties"]["twice"]
    assert call["training"]["enum"] == [False, None]
    assert call["inputs"]["anyOf"][2] == {"type": "object", "additionalProperties": {"type": "string"}}
