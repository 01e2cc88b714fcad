"""Names in a model: what entries are called, what they may read, what the sections say by name."""

from __future__ import annotations

import pytest

from nnctl.layers.entry import entry_names, number_names
from nnctl.spec.diagnosis.layer_list import LayerList
from nnctl.spec.diagnosis.wiring import name_problems
from nnctl.spec.language.names import named_entries
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.source_text import SourceText

from .conftest import Load, Problems, said

GRAPH = """\
nnctl: 1
data: {source: {type: csv, path: d.csv}}
model:
  inputs: {left: [4], right: [4]}
  layers:
    - {type: Sequential, name: encoder, layers: [Flatten, {type: Dense, units: 3}], inputs: left}
    - {use: encoder, inputs: right, name: again}
    - {type: Concatenate, inputs: [encoder, again]}
    - {type: Dense, units: 2, name: a}
    - {type: Dense, units: 1, name: b, inputs: concatenate}
  outputs: [a, b]
training:
  loss: {a: mse, b: null}
  metrics: {a: [mae]}
"""


def test_a_graph_with_shared_weights_and_two_outputs(loads: Load) -> None:
    model = loads(GRAPH).experiment.model
    assert model.layers is not None
    assert entry_names(model.layers) == ["encoder", "again", "concatenate", "a", "b"]
    assert model.layers[1].use == "encoder"
    assert model.layers[2].inputs == ("encoder", "again")
    assert model.outputs == ("a", "b")


def test_numbering() -> None:
    given = [(None, "dense"), ("dense_1", "dense"), (None, "dense"), (None, "relu"), (None, "dense")]
    assert number_names(given) == ["dense", "dense_1", "dense_2", "relu", "dense_3"]
    assert number_names([(None, "dense")], taken=["dense"]) == ["dense_1"]
    assert number_names([(None, "x"), ("x", "y")]) == ["x_1", "x"]
    # A second call of dense_1 has the number of what it calls before its own.
    again = [(None, "dense"), (None, "dense"), (None, "dense_1"), (None, "dense"), (None, "dense_1")]
    assert number_names(again) == ["dense", "dense_1", "dense_1_1", "dense_2", "dense_1_2"]


@pytest.mark.parametrize(
    ("old", "new", "message", "suggestion"),
    [
        (
            "inputs: [encoder, again]", "inputs: [encodr, again]",
            "8:36 no input or layer above is called 'encodr'", "encoder",
        ),
        (
            "inputs: [encoder, again]", "inputs: [a, again]",
            "8:36 'a' comes later; a layer reads entries above it", None,
        ),
        (
            "inputs: [encoder, again]", "inputs: [encoder, concatenate]",
            "8:45 'concatenate' is this entry itself; it reads entries above it", None,
        ),
        (
            "name: a}", "name: a, inputs: a}",
            "9:48 'a' is this entry itself; it reads entries above it", None,
        ),
        ("inputs: concatenate", "inputs: 'concatenate:x'", "10:48 'concatenate:x' names no output", None),
        ("inputs: concatenate", "inputs: 3", "10:48 'inputs' cannot be 3", None),
        ("use: encoder", "use: encodr", "7:13 no layer above is called 'encodr'", "encoder"),
        ("use: encoder", "use: left", "7:13 'left' is an input; `use` calls a layer again", None),
        ("use: encoder", "use: b", "7:13 'b' comes later; a layer reads entries above it", None),
        ("use: encoder", "use: null", "7:7 a layer needs 'type'", None),
        ("use: encoder", "use: encoder, units: 3", "7:22 a call of Sequential has no key 'units'", None),
        ("name: b", "name: a", "10:37 the name 'a' is already that of the entry in line 9", None),
        ("name: b", "name: left", "10:37 the name 'left' is already that of an input", None),
        ("name: b", "name: b/c", "10:37 'b/c' cannot be a name: it holds '/'", None),
        ("name: b", "name: 'b:0'", "10:37 'b:0' cannot be a name: it holds ':'", None),
        ("name: b", "name: b.c", "10:37 'b.c' cannot be a name: it holds '.'", None),
        (
            "name: b", "name: ' '",
            "10:37 ' ' cannot be a name: it is empty or begins or ends with a space", None,
        ),
        ("name: b", "name: '7'", "10:37 '7' cannot be a name: it is a number", None),
        ("right: [4]}", "'r/t': [4], right: [4]}", "4:23 'r/t' cannot be a name: it holds '/'", None),
        ("right: [4]}", "right: [4], middle: [2]}", "4:35 nothing reads the input 'middle'", None),
        (", inputs: left}", "}", "6:7 the first entry must say what it reads: there are 2 inputs", None),
        (
            ", inputs: concatenate}", "}\n    - Flatten",
            "11:7 nothing reads 'flatten', and it is no output", None,
        ),
        ("outputs: [a, b]", "outputs: [a, bb]", "11:16 no layer is called 'bb'", "b"),
        ("outputs: [a, b]", "outputs: [a, a]", "11:16 the output 'a' is given twice", None),
        ("{a: mse, b: null}", "{a: mse}", "13:9 the output 'b' has no loss", None),
        ("{a: mse, b: null}", "{a: mse, b: mse, c: mse}", "13:26 the model has no output 'c'", None),
        ("{a: [mae]}", "{again: [mae]}", "14:13 the model has no output 'again'", None),
        (
            "path: d.csv}", "path: d.csv}, inputs: {lef: x, right: y}",
            "2:51 the model has no input 'lef'", "left",
        ),
        ("path: d.csv}", "path: d.csv}, targets: {c: x}", "2:52 the model has no output 'c'", None),
        (
            "[Flatten, {", "[{type: Flatten, inputs: left}, {",
            "6:74 a Sequential is a plain chain; 'inputs' cannot stand in it", None,
        ),
        (
            "[Flatten, {type: Dense,", "[Flatten, {type: Dense, unts: 1,",
            "6:73 Dense has no key 'unts'", "units",
        ),
        (
            "type: Sequential", "type: Functional, outputs: flaten",
            "6:35 no layer is called 'flaten'", "flatten",
        ),
        (
            "[encoder, again]}", "[encoder, again]}\n    - {type: Input, inputs: left, shape: [4]}",
            "9:21 an Input reads nothing", None,
        ),
    ],
)  # fmt: skip
def test_a_wrong_name(problems: Problems, old: str, new: str, message: str, suggestion: str | None) -> None:
    assert old in GRAPH
    found = problems(GRAPH.replace(old, new))
    assert message in said(found)
    assert found[said(found).index(message)].suggestion == suggestion


def test_nested_functional_with_two_inputs(loads: Load, problems: Problems) -> None:
    inner = """\
nnctl: 1
data: {source: d.csv}
model:
  inputs: {x: [3], y: [3]}
  layers:
    - type: Functional
      name: pair
      inputs: [x, y]
      layers:
        - {type: Input, name: p, shape: [3]}
        - {type: Input, name: q, shape: [3]}
        - {type: Add, inputs: [p, q]}
      outputs: add
training: {loss: mse}
"""
    loaded = loads(inner)
    assert loaded.experiment.model.layers[0].layer.outputs == ("add",)  # type: ignore[index]
    assert (
        said(problems(inner.replace("[p, q]", "[p, x]")))[0] == "12:35 no input or layer above is called 'x'"
    )


@pytest.mark.parametrize(
    ("old", "new", "message", "expected", "suggestion"),
    [
        (
            "  outputs: [a, b]", "    - {use: again, inputs: left, name: c}\n  outputs: [a, b, c]",
            "'again' is a call, not a layer", "use: encoder", "encoder",
        ),
        (
            "inputs: concatenate", "inputs: 'concatenate:x'",
            "'concatenate:x' names no output", "'concatenate' or 'concatenate:1'", None,
        ),
        ("outputs: [a, b]", "outputs: [a, 'b:x']", "'b:x' names no output", "'b' or 'b:1'", None),
        (
            "use: encoder", "use: encodr",
            "no layer above is called 'encodr'", "encoder", "encoder",
        ),
        (
            "[encoder, again]", "[encodr, again]",
            "no input or layer above is called 'encodr'", "one of left, right, encoder or again", "encoder",
        ),
        (
            ", inputs: left}", "}",
            "the first entry must say what it reads: there are 2 inputs",
            "inputs: one of left or right, or a list of them", None,
        ),
        (
            ", inputs: concatenate}", "}\n    - Flatten",
            "nothing reads 'flatten', and it is no output",
            "an entry with `inputs: flatten`, or one less entry", None,
        ),
        ("{a: mse, b: null}", "{a: mse}", "the output 'b' has no loss", "b: a loss, or null", None),
        (
            "{a: mse, b: null}", "{a: mse, b: mse, c: mse}",
            "the model has no output 'c'", "one of a or b", None,
        ),
        (
            "outputs: [a, b]", "outputs: [a, bb]",
            "no layer is called 'bb'", "one of left, right, encoder, again, concatenate, a or b", "b",
        ),
    ],
)  # fmt: skip
def test_the_way_out_of_a_wrong_name(
    problems: Problems, old: str, new: str, message: str, expected: str, suggestion: str | None
) -> None:
    assert old in GRAPH
    (found,) = [p for p in problems(GRAPH.replace(old, new)) if p.message == message]
    assert (found.expected, found.suggestion) == (expected, suggestion)


def test_of_thousands_of_names_the_nearest_two_hundred_are_searched(problems: Problems) -> None:
    entries = "".join(f"    - {{type: Flatten, name: n{i}}}\n" for i in range(250))
    text = "nnctl: 1\ndata: {source: d.csv}\ntraining: {loss: mse}\nmodel:\n  layers:\n" + entries
    (found,) = problems(text + "    - {type: Flatten, inputs: x}\n")
    assert found.expected is not None
    assert found.expected.startswith("one of n50, n51, ")


def messages(problems: Problems, old: str, new: str, text: str = GRAPH) -> list[tuple[str, str | None]]:
    assert old in text
    return [(p.message, p.expected) for p in problems(text.replace(old, new))]


def test_a_name_of_the_first_entry_given_again(problems: Problems) -> None:
    assert messages(problems, "name: b", "name: encoder")[0] == (
        "the name 'encoder' is already that of the entry in line 6", None,
    )  # fmt: skip


def test_a_call_of_itself_and_of_a_later_call(problems: Problems) -> None:
    """Neither is said to be a call: that would not be what is wrong."""
    own = messages(problems, "use: encoder, inputs: right", "use: again, inputs: right")
    assert own[0] == ("'again' is this entry itself; it reads entries above it", None)
    assert wired("{layers: [{type: Flatten, name: f}, {use: h, name: g}, {use: f, name: h}]}") == [
        "'h' comes later; a layer reads entries above it"
    ]


def test_wrong_entries_of_a_chain_are_said_one_by_one(problems: Problems) -> None:
    found = messages(
        problems,
        "layers: [Flatten, {",
        "layers: [{type: Flatten, name: f}, {use: f}, {type: Flatten, inputs: f}, {use: f, inputs: f}, {",
    )
    chain = "a Sequential is a plain chain; '{}' cannot stand in it"
    way_out = "type: Functional for the layers around it"
    assert found == [(chain.format(key), way_out) for key in ("use", "inputs", "use")]


def test_what_follows_an_input_that_reads_is_looked_at_too(problems: Problems) -> None:
    found = messages(
        problems,
        "    - {type: Concatenate,",
        "    - {type: Input, inputs: left, shape: [4], name: i}\n    - {type: Concatenate, name: 'x.y',",
    )
    assert found == [
        ("an Input reads nothing", None),
        ("'x.y' cannot be a name: it holds '.'", None),
        ("no input or layer above is called 'concatenate'", found[2][1]),
    ]


def test_nested_lists_have_names_of_their_own(problems: Problems) -> None:
    """What stands first in one has nothing to read; one of a bare name says nothing of names."""
    inner = "type: Functional, outputs: [3, flatten, zz, 'flatten:x']"
    found = messages(problems, "type: Sequential", inner)
    assert ("no layer is called 'zz'", "one of flatten or dense") in found
    assert ("'flatten:x' names no output", "'flatten' or 'flatten:1'") in found
    assert len(found) == 3
    first = messages(problems, "type: Sequential, name: encoder, layers: [Flatten", (
        "type: Functional, outputs: dense, name: encoder, layers: [{type: Flatten, inputs: left}"
    ))  # fmt: skip
    assert first == [("no input or layer above is called 'left'", "a name that stands above")]
    call = messages(problems, "type: Sequential, name: encoder, layers: [Flatten", (
        "type: Functional, outputs: dense, name: encoder, layers: [{use: left}"
    ))  # fmt: skip
    assert call == [("no layer above is called 'left'", "a name that stands above")]
    bare = messages(problems, "{type: Concatenate, inputs: [encoder, again]}", "Sequential")
    assert "Sequential needs 'layers'" in [message for message, _ in bare]


def test_only_unknown_layers_leave_no_name_to_expect() -> None:
    document = parse_document(SourceText("c", "layers: [Nothing]\noutputs: [zz]\n"))
    scope = LayerList(document, ("layers",), named_entries(["Nothing"], []), [])
    (problem,) = scope.outputs(("outputs",), ["zz"])
    assert (problem.message, problem.expected, problem.path) == (
        "no layer is called 'zz'", None, ("outputs", 0),
    )  # fmt: skip
    assert list(scope.outputs(("outputs",), ["nothing"])) == []


def wired(model: str, **sections: str) -> list[str]:
    """The problems with names in a model's fields."""
    lines = [f"{name}: {text}\n" for name, text in sections.items()]
    document = parse_document(SourceText("c", f"model: {model}\n" + "".join(lines)))
    return [problem.message for problem in name_problems(document)]


def test_inputs_that_a_model_declares_in_its_list() -> None:
    """They are those that the data may have, and nothing else is implied."""
    model = "{layers: [{type: Input, name: p, shape: [3]}, Flatten]}"
    assert wired(model) == []
    assert wired(model, data="{inputs: {p: a}}") == []
    assert wired(model, data="{inputs: {q: a}}") == ["the model has no input 'q'"]
    assert wired(model, data="{inputs: {'*': a}}") == []
    two = "{layers: [{type: Flatten, name: a}, {type: Input, name: p, shape: [3]}, Flatten]}"
    assert wired(two) == ["nothing reads 'a', and it is no output"]
    assert wired("{inputs: {a: [3], b: [3]}, layers: [{type: Input, name: p, shape: [3]}, Flatten]}") == [
        "nothing reads the input 'a'", "nothing reads the input 'b'",
    ]  # fmt: skip


@pytest.mark.parametrize("inputs", ["[]", "{}", "[a]", "3"])
def test_where_the_data_names_no_inputs_there_is_one(inputs: str) -> None:
    model = "{layers: [{type: Flatten, inputs: input}]}"
    assert wired(model, data=f"{{inputs: {inputs}}}") == []
    assert wired(model, data="{inputs: {x: a}}") == ["no input or layer above is called 'input'"]


def test_an_input_of_the_data_that_nothing_reads_is_no_matter_of_names() -> None:
    assert wired("{layers: [{type: Flatten, inputs: x}]}", data="{inputs: {x: a, y: b}}") == []
    assert wired("{inputs: {x: [3], y: [3]}, layers: [{type: Flatten, inputs: x}]}") == [
        "nothing reads the input 'y'"
    ]
    assert wired("{inputs: {x: [3], y: [3]}, layers: []}") == [
        "nothing reads the input 'x'", "nothing reads the input 'y'",
    ]  # fmt: skip


def test_a_layer_may_be_there_for_its_weights_or_one_of_its_outputs() -> None:
    assert wired("{layers: [{type: Dense, name: d}, {use: d, inputs: input, name: e}]}") == []
    rnn = "{layers: [{type: LSTM, name: r}, {type: Flatten, inputs: input, name: f}], outputs: [OUT, f]}"
    assert wired(rnn.replace("OUT", "'r:1'")) == []
    assert wired(rnn.replace("OUT, ", "")) == ["nothing reads 'r', and it is no output"]


def test_the_first_of_several_inputs_must_be_named_at_the_first_entry() -> None:
    head = (
        "{inputs: {x: [3], y: [3]}, layers: [FIRST, {type: Add, inputs: [x, y], name: s}], outputs: [f, s]}"
    )
    says = "the first entry must say what it reads: there are 2 inputs"
    assert wired(head.replace("FIRST", "{type: Flatten, name: f}")) == [says]
    assert wired(head.replace("FIRST", "{type: Flatten, name: f, inputs: x}")) == []
    assert wired(head.replace("FIRST", "{type: Input, name: f, shape: [3]}")) == []


def test_where_outputs_are_wrong_nothing_is_said_of_their_losses(problems: Problems) -> None:
    assert messages(problems, "outputs: [a, b]", "outputs: [aa, b]") == [
        ("no layer is called 'aa'", "one of left, right, encoder, again, concatenate, a or b")
    ]


def test_a_model_by_itself_says_nothing_of_other_sections() -> None:
    text = "inputs: {x: [4]}\nlayers: [Flatten]\ndata: {inputs: {z: a}}\ntraining: {loss: {zz: mse}}\n"
    assert name_problems(parse_document(SourceText("c", text)), ()) == []


def test_two_hundred_problems_of_a_kind_are_said() -> None:
    def count(text: str, **sections: str) -> int:
        return len(wired(text, **sections))

    many = range(201)
    loose = "".join(f"{{type: Flatten, inputs: input, name: n{i}}}, " for i in range(202))
    names = "{" + ", ".join(f"m{i}: mse" for i in many) + "}"
    assert count(f"{{layers: [{'{type: Flatten, inputs: zz}, ' * 201}]}}") == 200
    assert count(f"{{layers: [{loose}]}}") == 200
    assert count("{layers: [Flatten]}", training=f"{{metrics: {names}}}") == 200
    assert count("{inputs: {x: [3]}, layers: [Flatten]}", data=f"{{inputs: {names}}}") == 200
