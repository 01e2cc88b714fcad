"""The small parts of the language's reader by themselves: names, nodes, numbers, places, words, types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, ValidationError, field_validator

from nnctl.core.errors import ConfigError, Place, Problem
from nnctl.core.spec import OneOf, Spec
from nnctl.layers.base import layers
from nnctl.layers.dense import Dense
from nnctl.layers.entry import Entry
from nnctl.losses.base import losses
from nnctl.optimizers.base import Optimizer
from nnctl.spec.diagnosis.belongs import where_it_belongs
from nnctl.spec.diagnosis.expectation import expectation, one_of, words
from nnctl.spec.diagnosis.keras_names import has_keras, keras_has_argument
from nnctl.spec.diagnosis.problems import problems_of
from nnctl.spec.diagnosis.renamed import field_now, written_now
from nnctl.spec.language.annotations import alternatives, below, known_keys, members, slots, specs, value_at
from nnctl.spec.language.by_output import ByOutput
from nnctl.spec.language.experiment import Experiment, name_of
from nnctl.spec.language.field_docs import field_docs
from nnctl.spec.language.names import named_entries, wrong_name
from nnctl.spec.language.training import TrainingSpec
from nnctl.spec.yaml.document import Document, parse_document
from nnctl.spec.yaml.emit import block, flow, quoted, scalar_text
from nnctl.spec.yaml.nodes import ScalarNode, child, find, plain, with_child
from nnctl.spec.yaml.reading import MAX_BYTES, decode
from nnctl.spec.yaml.scalars import MAX_DIGITS, read_scalar
from nnctl.spec.yaml.source_text import SourceText, Span


def parse(text: str) -> Document:
    return parse_document(SourceText("c", text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("nULL", "nULL"),
        ("true", True), ("FALSE", False), ("tRUE", "tRUE"),
        ("0", 0), ("-7", -7), ("+7", 7), ("007", 7),
        ("0x1F", 31), ("0o17", 15), ("0b1", "0b1"), ("-0x1", "-0x1"),
        ("1.", 1.0), (".5", 0.5), ("-1.5e-3", -0.0015), ("1e3", 1000.0), ("1_000", "1_000"), ("1:30", "1:30"),
        (".inf", float("inf")), ("-.INF", float("-inf")), ("+.Inf", float("inf")),
        ("inf", "inf"), (".", "."), ("-", "-"),
        ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
    ],
)  # fmt: skip
def test_unquoted_scalars(text: str, value: Any) -> None:
    found = read_scalar(text)
    assert (type(found), found) == (type(value), value)


def test_a_number_with_too_many_digits() -> None:
    assert MAX_DIGITS == 400
    with pytest.raises(ValueError, match="a whole number of 401 digits is refused"):
        read_scalar("9" * 401)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (False, "false"), (3, "3"),
        (0.1, "0.1"), (1e22, "1.0e+22"), (1e-7, "1.0e-07"),
        (1.5e-7, "1.5e-07"), (float("nan"), ".nan"), (float("inf"), ".inf"), (float("-inf"), "-.inf"),
        ("a b", "a b"), ("a/b.c*", "a/b.c*"), ("yes", '"yes"'), ("No", '"No"'),
        ("1", '"1"'), ("", '""'), ("...", '"..."'),
        ("*a", '"*a"'), ("a: b", '"a: b"'), ("a  b", '"a  b"'),
        ("-a", '"-a"'), ("null", '"null"'), ("é", '"é"'),
        ('a"b\\c', '"a\\"b\\\\c"'), ("a\nb\tc\rd", '"a\\nb\\tc\\rd"'), ("\x00\x7f\xff", '"\\x00\\x7f\xff"'),
        ("\u2028", '"\\u2028"'), ("\x9f", '"\\x9f"'),
    ],
)  # fmt: skip
def test_scalars_as_yaml(value: Any, text: str) -> None:
    assert scalar_text(value) == text
    assert flow([value]) == f"[{text}]"


def test_yaml_on_lines_of_a_hundred_columns() -> None:
    """What fits on a line stands on one, but the sections of a config do not."""
    fits, longer = {"s": {"a": ["x" * 93]}}, {"s": {"a": ["x" * 94]}}
    assert block(fits) == f"s:\n  a: [{'x' * 93}]\n"
    assert block(longer) == f"s:\n  a:\n    - {'x' * 94}\n"
    assert block({"a": {"b": 1}, "c": [], "d": {}}) == "a:\n  b: 1\nc: []\nd: {}\n"
    assert block([{"a": 1, "b": [1, 2]}, 3]) == "- {a: 1, b: [1, 2]}\n- 3\n"
    long = [{"a": "x" * 60, "b": ["y" * 60]}]
    assert block({"s": {"t": long}}) == f"s:\n  t:\n    - a: {'x' * 60}\n      b: [{'y' * 60}]\n"
    assert block(3) == "3\n"
    assert block({}) == "{}\n"
    assert block({"s": {"a": {"b": 1}}}) == "s:\n  a: {b: 1}\n"
    assert quoted("a") == '"a"'


def test_places_count_lines_as_the_parser_does() -> None:
    source = SourceText("c", "ab\r\nc\rd\ne\u2028f\x85g")
    assert source.lines == ["ab", "c", "d", "e", "f", "g"]
    found = [source.place_at(i) for i in (0, 1, 4, 6, 8, 10, 12)]
    assert [(p.line, p.column) for p in found] == [(1, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1)]
    assert source.place(1, 0) == Place("c", 2, 1, "c")
    assert source.place(6, 2) == Place("c", 7, 3, "")
    assert Span(source, 4, 5, 1, 0).text == "c"


def test_nodes_by_key_and_index() -> None:
    root = parse("a: [x, {b: 1}]\nc: 2\n").root
    listed = child(root, "a")
    assert listed is not None
    (_, items) = listed
    assert [child(items, step) is None for step in (0, 1, 2, -1, "0")] == [False, False, True, True, True]
    assert child(ScalarNode(root.span, 1), 0) is None
    assert find(root, ("a", 1, "b", "z"))[2] == 3
    assert find(root, ("z",))[2] == 0
    assert find(root, ())[2] == 0
    new = ScalarNode(root.span, 9)
    changed = with_child(root, "a", root.span, with_child(items, 0, root.span, new))
    assert plain(changed) == {"a": [9, {"b": 1}], "c": 2}
    assert plain(with_child(root, "z", root.span, new)) == {"a": ["x", {"b": 1}], "c": 2, "z": 9}
    assert plain(root) == {"a": ["x", {"b": 1}], "c": 2}
    replaced = with_child(root, "c", Span(root.span.source, 0, 0, 5, 5), new)
    kept = child(replaced, "c")
    assert kept is not None
    assert kept[0].line == 1


def test_places_of_what_is_not_written() -> None:
    """The key of a block mapping around it; a mapping in braces itself."""
    document = parse("a:\n  b: 1\nc: {d: 1}\n")
    where = {path: document.place(path) for path in [("a", "z"), ("c", "z"), ("z",), ("a", "b", "z")]}
    found = {path: (place.line, place.column) for path, place in where.items()}
    assert found == {("a", "z"): (1, 1), ("c", "z"): (3, 4), ("z",): (1, 1), ("a", "b", "z"): (2, 6)}
    assert document.place(("a", "b"), at_key=True).column == 3
    assert document.place(("a", "z"), at_key=True).column == 1
    assert document.place(("a",)) == Place("c", 2, 3, "  b: 1")
    assert [document.written(path) for path in [("a", "b"), ("a", "z"), ()]] == [True, False, True]


def test_problems_in_the_order_of_the_document_then_of_the_overrides() -> None:
    others = [SourceText("--set", "b=1"), SourceText("--set", "a=1")]
    document = Document(SourceText("c", "x: 1\ny: 2\n"), parse("x: 1\ny: 2\n").root, others)
    given = [
        Problem("second override", place=Place("--set", 1, 1, "a=1")),
        Problem("unknown file", place=Place("m.yaml", 1, 1, "a: 1")),
        Problem("first override", place=Place("--set", 1, 3, "b=1")),
        Problem("y", ("y",)),
        Problem("x at its key", ("x",), at_key=True),
        Problem("x", ("x",)),
        Problem("y", ("y",)),
    ]
    assert [p.message for p in document.locate(given)] == [
        "x at its key", "x", "y", "first override", "second override", "unknown file",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a", None), ("conv_1", None), ("a b", None), ("7a", None), ("é", None),
        ("", "it is empty or begins or ends with a space"),
        (" a", "it is empty or begins or ends with a space"),
        ("a/b:c", "it holds '/'"), ("a:b", "it holds ':'"),
        ("a.b", "it holds '.'"), ("a\nb", r"it holds '\n'"),
        ("12", "it is a number"),
    ],
)  # fmt: skip
def test_what_can_be_a_name(name: str, why: str | None) -> None:
    assert wrong_name(name) == why


def test_entries_and_their_names_right_or_not() -> None:
    raw = [
        "Dense", "Nothing", {"type": "dense", "name": "a"}, {"use": "a", "inputs": "x"}, {"use": "zz"},
        {"type": 3}, 7, {"name": "", "type": "Flatten", "inputs": ["a", 3, "b"]},
        {"type": "Dense", "inputs": None},
    ]  # fmt: skip
    found = named_entries(raw, ["dense"])
    assert [e.name for e in found] == [
        "dense_1", "nothing", "a", "a_1", "zz", "entry", "entry_1", "flatten", "dense_2",
    ]  # fmt: skip
    assert [e.known for e in found] == [True, False, True, True, False, False, False, True, True]
    assert [e.type for e in found[:5]] == ["Dense", "Nothing", "Dense", None, None]
    assert [e.reads for e in found if e.reads] == [
        [(("inputs",), "x")],
        [(("inputs", 0), "a"), (("inputs", 2), "b")],
    ]
    assert [e.says_inputs for e in found] == [False] * 3 + [True] + [False] * 3 + [True, False]
    assert named_entries({"a": 1}, []) == []


def test_names_of_keras() -> None:
    """By class name or snake case, in their own family; arguments of all of a family."""
    assert has_keras("layer", "ConvLSTM1D")
    assert has_keras("layer", "alpha_dropout")
    assert not has_keras("loss", "ConvLSTM1D")
    assert not has_keras("nothing", "Dense")
    assert keras_has_argument(["layer"], "autocast")
    assert not keras_has_argument(["loss"], "autocast")
    assert not keras_has_argument([], "dtype")


def test_words_that_have_become_others() -> None:
    assert field_now(["Dense", "layer"], "init", ["kernel_initializer"]) == "kernel_initializer"
    assert field_now(["Dense", "layer"], "init", ["units"]) is None
    assert field_now(["optimizer"], "init", ["kernel_initializer"]) is None
    assert written_now(["callback"], "period") == "save_freq: epoch"
    assert written_now(["callback"], "decay") is None


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("mnist", "mnist"), ("a/b", "a-b"), (" a.", "a"), ("...", "experiment"), ("x" * 120, "x" * 100),
        ("a" * 99 + " b", "a" * 99), ("été 1", "été 1"), ("a#b", "a-b"),
    ],
)  # fmt: skip
def test_the_name_of_an_experiment_from_its_file(stem: str, name: str) -> None:
    assert name_of(stem) == name


NAMES: list[tuple[Any, str | None]] = [
    (int, "a whole number"),
    (Annotated[int, Field(ge=1)], "a whole number, 1 or more"),
    (Annotated[float, Field(gt=0, le=1)], "a number above 0, at most 1"),
    (Annotated[float, Field(ge=0, lt=1)], "a number, 0 or more, below 1"),
    (int | None, "a whole number, or null"),
    (bool | None, "true or false, or null"),
    (str | None, "text, or null"),
    (None, "null"),
    (type(None), "null"),
    (Literal["a"], "'a'"),
    (Literal["a", "b", 3], "'a', 'b' or 3"),
    (Literal["a"] | int, "'a' or a whole number"),
    (list[int] | None, "a list, each a whole number"),
    (tuple[int, int], "a list of 2, each a whole number"),
    (tuple[int, str], "a list of 2"),
    (tuple[int, ...], "a list, each a whole number"),
    (list[Any], "a list"),
    (dict[str, int], "a mapping of names, each to a whole number"),
    (dict[str, Any], "a mapping"),
    (Annotated[float, Field(gt=0.5, lt=2.0)], "a number above 0.5, below 2"),
    (Annotated[float, Field(gt=0), Field(gt=1)], "a number above 0"),
    (tuple[int], "a list of 1, each a whole number"),
    (set[int], None),
    (list[int] | str | None, "a list, each a whole number or text"),
    (Any, None),
    (int | Any, None),
    (Annotated[Any, OneOf(losses)], "a loss's name or a mapping with 'type'"),
    (Optimizer, "an optimizer's name or a mapping with 'type'"),
    (
        Annotated[Any, ByOutput(OneOf(losses))],
        "a loss's name or a mapping with 'type', or either by output name",
    ),
    (Entry, "a layer's name, or a mapping with 'type' (or 'use')"),
    (Dense, "a mapping with keys such as name, trainable, units, activation or use_bias"),
]


@pytest.mark.parametrize(("annotation", "text"), NAMES)
def test_what_a_type_takes_in_words(annotation: Any, text: str | None) -> None:
    assert expectation(annotation) == text


def test_words_to_choose_from() -> None:
    assert one_of([]) == "none"
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b"]) == "one of a or b"
    twelve = [f"w{i}" for i in range(12)]
    assert one_of(twelve) == f"one of {', '.join(twelve[:-1])} or w11"
    assert one_of([*twelve, "z"]) == f"one of {', '.join(twelve)}, ..."
    assert list(words(Literal["a", 3, "b"])) == ["a", "b"]
    assert set(words(Annotated[Any, ByOutput(OneOf(losses))])) == set(losses.words())
    assert list(words(int)) == []


def test_types_are_taken_apart() -> None:
    mark = Field(ge=1)
    assert list(alternatives(Annotated[int | None, mark])) == [(int, ()), (type(None), ())]
    assert list(alternatives(Annotated[int, mark] | str)) == [(int, (mark,)), (str, ())]
    assert [bare for bare, _ in members(dict[str, list[int]] | None)] == [
        dict[str, list[int]], str, list[int], int, type(None),
    ]  # fmt: skip
    assert [bare for bare, _ in members(Sequence[int])] == [Sequence[int], int]
    assert [bare for bare, _ in members(Mapping[str, int])] == [Mapping[str, int], str, int]


def test_what_stands_at_a_step() -> None:
    assert list(below(list[int], [1], 0)) == [int]
    assert list(below(list[int], [1], "a")) == []
    assert list(below(tuple[int, str], [1, 2], 1)) == [str]
    assert list(below(tuple[int, str], [1, 2], 5)) == [str]
    assert list(below(tuple[int, ...], [1, 2], 5)) == [int]
    assert list(below(dict[str, int], {"a": 1}, "a")) == [int]
    assert list(below(int, 3, "a")) == []
    assert list(below(int, 3, 0)) == []
    assert list(below(dict[str, int], {"a": 1}, 0)) == [int]
    assert list(below(tuple[int, str], [1, 2], "a")) == []
    assert list(below(tuple[int], [1], 0)) == [int]
    assert len(slots(Experiment, {"data": {"inputs": {}}}, ("data", "inputs"))) == 1
    assert slots(Experiment, {"seed": 1}, ("seed", "x")) == []
    (units,) = slots(Experiment, {"model": {"layers": [{"type": "Dense"}]}}, ("model", "layers", 0, "units"))
    assert expectation(units) == "a whole number above 0"
    (inputs,) = slots(Experiment, {"model": {"layers": ["Dense"]}}, ("model", "layers", 0, "inputs"))
    assert expectation(inputs) == "a list, each text or a mapping of names, each to text"
    loss = {"training": {"loss": {"a": {"type": "Huber"}}}}
    (delta,) = slots(Experiment, loss, ("training", "loss", "a", "delta"))
    assert expectation(delta) == "a number above 0"
    (one,) = slots(Experiment, {"training": {"metrics": {"a": ["mse"]}}}, ("training", "metrics", "a", 0))
    assert expectation(one) == "a metric's name or a mapping with 'type'"
    # A model input's shape may be written without its mapping.
    (size,) = slots(Experiment, {"model": {"inputs": {"x": [3]}}}, ("model", "inputs", "x", 0))
    assert expectation(size) == "a whole number, 1 or more, or null"


def test_which_classes_a_value_may_be_read_as() -> None:
    assert list(specs(Entry, {"type": "Dense"})) == [Dense]
    assert list(specs(Entry, {"use": "a"})) == [Entry]
    assert list(specs(Entry, {"type": "Nothing"})) == []
    assert [cls.__name__ for cls in specs(Optimizer, "adam")] == ["Adam"]
    assert list(specs(TrainingSpec | None, {})) == [TrainingSpec]
    assert list(specs(int, 3)) == []


def test_keys_that_a_mapping_may_have() -> None:
    """`type` first, what every layer has last, `inputs` at the very end."""
    dense = known_keys(Entry, {"type": "Dense"})
    assert dense[:3] == ["type", "units", "activation"]
    assert dense[-3:] == ["name", "trainable", "inputs"]
    assert known_keys(Entry, {"use": "a"}) == ["use", "name", "inputs"]
    assert known_keys(Optimizer, {"type": "sgd"})[:2] == ["type", "momentum"]
    assert "type" not in known_keys(TrainingSpec, {})
    assert known_keys(int, {}) == []


def test_values_by_path() -> None:
    data = {"a": [1, {"b": 2}]}
    paths: list[Any] = [("a", 1, "b"), ("a", 2), ("a", "b"), ("z", 1), (), ("a", 0, 0)]
    assert [value_at(data, path) for path in paths] == [
        2, None, None, None, data, None,
    ]  # fmt: skip


def test_docstrings_below_fields() -> None:
    docs = field_docs(Dense)
    assert docs["units"] == "How many numbers come out at each position: O."
    assert docs["trainable"] == "Whether training changes this layer's weights."
    assert all(set(field_docs(cls)) <= set(cls.model_fields) for cls in layers.classes())


def test_a_config_of_just_the_largest_size(tmp_path: Path) -> None:
    assert MAX_BYTES == 4 * 1024 * 1024
    assert len(decode(b"#" * MAX_BYTES, "c").text) == MAX_BYTES
    with pytest.raises(ConfigError, match="a config of more than 4 MiB is refused"):
        decode(b"#" * (MAX_BYTES + 1), "c")
    with pytest.raises(ConfigError, match="this is not UTF-16-LE text") as caught:
        decode(b"\xff\xfea\x00\x00\xd8b\x00", "c")
    (problem,) = caught.value.problems
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (1, 2)


@pytest.mark.parametrize("char", ["\x85", "\xa0", "\u2028", "\ue000", "\U00010000", "\U0010ffff", "\t", "~"])
def test_characters_that_may_stand_in_a_config(char: str) -> None:
    assert decode(f"a: '{char}'".encode(), "c").text[4] == char


@pytest.mark.parametrize("char", ["\x01", "\x7f", "\x80", "\x9f", "\ufeff", "\ufffe", "\x0b"])
def test_characters_that_may_not(char: str) -> None:
    with pytest.raises(ConfigError, match=f"a config cannot hold the character U\\+{ord(char):04X}"):
        decode(f"a: '{char}'".encode(), "c")


def test_nodes_are_small() -> None:
    """A config may have a hundred thousand of them."""
    root = parse("a: [1]\n").root
    listed = child(root, "a")
    assert listed is not None
    for node in (root, listed[1], ScalarNode(root.span, 1)):
        assert not hasattr(node, "__dict__")


def test_a_problem_in_any_line_of_an_override_is_told_with_it() -> None:
    others = [SourceText("--set", "a={b: 1,\n c: 2}"), SourceText("--set", "d=1"), SourceText("--set", "e=1")]
    document = Document(SourceText("c", "x: 1\n"), parse("x: 1\n").root, others)
    given = [
        Problem("third", place=Place("--set", 1, 3, "e=1")),
        Problem("second", place=Place("--set", 1, 3, "d=1")),
        Problem("first, below", place=Place("--set", 2, 2, " c: 2}")),
        Problem("first", place=Place("--set", 1, 8, "a={b: 1,")),
        Problem("x", ("x",)),
    ]
    assert [p.message for p in document.locate(given)] == ["x", "first", "first, below", "second", "third"]


class Words(Spec):
    """A class of somebody else's."""

    at_most_two: dict[Annotated[str, Field(max_length=2)], int] = {}
    whole: int | set[int] = 0
    several: set[int] = set()
    longer: tuple[int, ...] = ()

    @field_validator("longer", mode="before")
    @classmethod
    def _longer(cls, value: Any) -> Any:
        return [*value, "x"] if value else value


def read_as(model: type[Spec], data: Any) -> list[Problem]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    return problems_of(caught.value, model, data)


def test_what_a_class_of_somebody_elses_may_refuse() -> None:
    """Types that nnctl has no words for; keys; entries that are not in the config."""
    (found,) = read_as(Words, {"at_most_two": {"ab": 1, "abc": 2}})
    assert (found.path, found.at_key) == (("at_most_two", "abc"), True)
    assert (found.message, found.expected) == ("'abc' cannot be 'abc'", "at most 2 characters")
    (found,) = read_as(Words, {"whole": "x"})
    assert (found.message, found.expected, found.at_key) == ("'whole' cannot be 'x'", "a whole number", False)
    (found,) = read_as(Words, {"several": "x"})
    assert (found.message, found.expected) == ("'several' cannot be 'x'", "a valid set")
    (found,) = read_as(Words, {"longer": [1, 2]})
    assert (found.path, found.expected) == (("longer",), "a list, each a whole number")


def test_a_config_that_is_no_mapping_at_all() -> None:
    (found,) = read_as(Experiment, 3)
    assert (found.message, found.path) == ("the config cannot be 3", ())
    assert found.expected == "a mapping with keys such as nnctl, name, seed, dtype or plugins"


def test_so_far_is_searched_for_where_a_key_belongs() -> None:
    """Fifty keys, entries and layers."""
    for extra, found in [(49, "'beta_1' inside 'optimizer'"), (50, "'beta_1' in 'training.optimizer'")]:
        data: Any = {"training": {**{f"k{i}": 1 for i in range(extra)}, "optimizer": "adam"}}
        assert where_it_belongs(Experiment, data, ("training",), "beta_1") == found
    stop: Any = {"type": "EarlyStopping"}
    none: Any = {"type": "TerminateOnNaN"}
    for extra, told in [(49, "'patience' inside the EarlyStopping of 'callbacks'"), (50, None)]:
        data = {"training": {"callbacks": [none] * extra + [stop]}}
        assert where_it_belongs(Experiment, data, ("training",), "patience") == told
        data = {"training": {"callbacks": ["TerminateOnNaN", "EarlyStopping"]}}
        assert where_it_belongs(Experiment, data, ("training",), "patience") is None
    for extra, told in [(49, "'filters' inside an entry of 'model.layers' such as Conv2D"), (50, None)]:
        data = {"model": {"layers": ["Flatten"] * extra + ["Conv2D"]}, "training": {}}
        assert where_it_belongs(Experiment, data, ("training",), "filters") == told
    assert where_it_belongs(Experiment, {"training": {}, "model": {"layers": 3}}, ("training",), "z") is None
    assert where_it_belongs(Experiment, {"training": 3}, ("training",), "seed") == "'seed' at the top level"
