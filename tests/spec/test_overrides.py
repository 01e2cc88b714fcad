"""`--set`: what it changes, where its errors point, how the run's config text keeps it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.errors import ConfigError
from nnctl.spec.load import PartlyValid
from nnctl.spec.output.render import render_all
from nnctl.spec.output.rewrite import _reads_as, rewritten_text
from nnctl.spec.overrides import apply, parse, resolve_path
from nnctl.spec.yaml.document import Document, parse_document
from nnctl.spec.yaml.nodes import plain
from nnctl.spec.yaml.source_text import SourceText
from tests.spec.parser_words import in_nnctls_words

from .conftest import GOOD, Load, Problems, said


def test_overrides_change_what_they_name(loads: Load) -> None:
    loaded = loads(
        GOOD,
        "training.epochs=3",
        "model.layers.digit.units=12",
        "model.layers.0.filters=8",
        "model.layers.3.rate=0.5",
        "model.layers.max_pooling2d.pool_size=[3, 2]",
        "training.optimizer.learning_rate=1e-2",
        "training.callbacks=[{type: EarlyStopping, monitor: loss}]",
        seed=9,
    )
    experiment = loaded.experiment
    layers = [entry.layer for entry in experiment.model.layers or ()]
    assert experiment.training.epochs == 3
    assert (layers[4].units, layers[0].filters, layers[3].rate) == (12, 8, 0.5)
    assert layers[1].pool_size == (3, 2)
    assert experiment.training.optimizer.learning_rate == 0.01
    assert experiment.training.callbacks[0].monitor == "loss"
    assert experiment.seed == 9
    assert loaded.original.data["training"]["epochs"] == 20
    assert loaded.place(("training", "epochs")).file == "--set"
    assert loaded.place(("seed",)).file == "--seed"


def test_a_step_with_dots_can_be_quoted() -> None:
    override = parse("data.\"a.b=c\".'d e'=1")
    assert [step.text for step in override.steps] == ["data", "a.b=c", "d e"]


def test_errors_point_into_the_override(problems: Problems) -> None:
    found = problems(GOOD, "model.layers.digit.unit=12", "training.epochs= abc")
    assert (
        render_all(found)
        == """\
--set:1:20: Dense has no key 'unit'
  model.layers.digit.unit=12
                     ^
  expected: one of type, units, activation, use_bias, kernel_initializer, bias_initializer, \
kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, name, ...
  did you mean 'units'?
--set:1:18: 'epochs' cannot be 'abc'
  training.epochs= abc
                   ^
  expected: a whole number, 1 or more"""
    )


@pytest.mark.parametrize(
    ("override", "message", "suggestion"),
    [
        ("model.layer.0.units=1", "1:7 'model' has no 'layer'", "layers"),
        ("modl.layers=[]", "1:1 the config has no 'modl'", "model"),
        ("model.layers.digt.units=1", "1:14 'model.layers' has no entry 'digt'", "digit"),
        ("model.layers.5=Flatten", "1:14 'model.layers' has 5 entries, no number 5", None),
        ("model.layers.-1=Flatten", "1:14 'model.layers' has no entry '-1'", None),
        ("seed.x=1", "1:6 'seed' is a single value; there is no 'x' in it", None),
        ("training.epochs.x=1", "1:17 'training.epochs' is a single value; there is no 'x' in it", None),
        ("training.epoch=1", "1:10 'training' has no key 'epoch'", "epochs"),
        ("a..b=1", "1:3 there is no key here", None),
        ("=1", "1:1 there is no key here", None),
        ("", "1:1 there is no key here", None),
        ("seed", "1:5 an override needs a value", None),
        ("seed=!!os.system x", "1:6 the tag !!os.system is refused: a config holds plain data", None),
        ("seed={a: 1, a: 2}", "1:13 the key 'a' is given twice; first in line 1, column 7", None),
        ("seed=", "1:6 'seed' cannot be null", None),
        ("model.inputs.image.shape.1=0", "1:28 'shape' cannot hold 0", None),
        ("seed=\x1b", "1:6 a config cannot hold the character U+001B", None),
    ],
)  # fmt: skip
def test_a_wrong_override(problems: Problems, override: str, message: str, suggestion: str | None) -> None:
    (found,) = problems(GOOD, override)
    assert said([found]) == [message]
    assert found.place is not None
    assert found.place.file == "--set"
    assert found.suggestion == suggestion


def test_an_override_that_is_no_yaml(problems: Problems) -> None:
    (found,) = problems(GOOD, "seed=[1")
    assert in_nnctls_words(found.message, "a list in [ ] is not finished here (it was opened in line 1)")
    assert found.place is not None
    assert (found.place.file, found.place.line) == ("--set", 1)


def test_all_overrides_and_the_file_are_reported_together(problems: Problems) -> None:
    found = problems(GOOD.replace("seed: 7", "seed: x"), "b", "training.epochs=x", "modl.x=2")
    assert said(found) == [
        "3:7 'seed' cannot be 'x'",
        "1:2 an override needs a value",
        "1:17 'epochs' cannot be 'x'",
        "1:1 the config has no 'modl'",
    ]


def test_comments_stay_where_they_can(loads: Load) -> None:
    loaded = loads(
        GOOD,
        "training.epochs=3",
        "model.layers.digit.units=0x10",
        "model.layers.1.pool_size=3",
        "model.layers.0.padding=same",
        "training.class_weight={'1': 2}",
        "data.split={validation: 4}",
        "name=x y",
        seed=2**63,
    )
    expected = GOOD
    for old, new in [
        ("epochs: 20", "epochs: 3"),
        ("units: 10", "units: 0x10"),
        ("- MaxPooling2D ", "- {type: MaxPooling2D, pool_size: 3} "),
        ("activation: relu}", "activation: relu, padding: same}"),
        ("split: {validation: 0.15, test: 0.15, stratify: label}", "split: {validation: 4}"),
        ("metrics: [accuracy]\n", "metrics: [accuracy]\n  class_weight: {'1': 2}\nname: x y\n"),
        ("seed: 7 ", f"seed: {2**63} "),
    ]:
        assert old in expected
        expected = expected.replace(old, new)
    text = rewritten_text(loaded.original, loaded.overrides)
    assert (
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# --se")) == expected
    )
    assert text.count("# --set ") == 7
    again = loads(text)
    assert again.experiment == loaded.experiment


@pytest.mark.parametrize(
    ("text", "override"),
    [
        ("a: &x {b: 1}\nc: *x\n", "a.b=2"),
        ("a: &x {b: 1}\nc: *x\n", "a=2"),
        ("a:\nb: 1\n", "a=2"),
        ("a:\nb: 1\n", "a.c=2"),
        ("a: |\n  text\n  more\nb: 1\n", "a=2"),
        ("a: |\n  text\n", "b=2"),
        ("a:\n  - b: 1\n    c:\n      d: 2\n# end", "a.0.c.e=[1, 2]"),
        ("a:\n- b: 1\n  c: 2\n", "a.0.d={x: y}"),
        ("a: {}\n", "a.b=1"),
        ("data: # c\n  source: d.csv # e\n", "data.source.header=false"),
        ("a: {b: 1,}\n", "a.c=1"),
        ("a: [x, y]\r\nb: 2\r\n", "c=3"),
        ("a: [x, y]\r\nb: 2", "a.1=z"),
        ("a: 'x' # c\n", "a='y' # d"),
        ("a: {b: c}\n", "a.b='y' # d"),
        ("a: 1\n", "b=- 1"),
        ("a:\n  b: 1\n  c: 2\nd: 3\n", "a=5"),
        ("a:\n  - 1\n  - 2\n", "a.1=[3,\n 4]"),
        ("? a\n: 1\n", "a=2"),
        ("---\na: 1\n...\n", "b=2"),
        ("a: 1\n", "a=.nan"),
        ("{a: 1}", "b=2"),
        ("a: 'it''s'\n", 'a="\\u0041"'),
    ],
)
def test_the_rewritten_text_reads_as_it_should(text: str, override: str) -> None:
    document = parse_document(SourceText("c", text))
    parsed = parse(override)
    wanted, problems = apply(document.root, [parsed])
    assert not problems
    again = parse_document(SourceText("c", rewritten_text(document, [parsed])))
    assert repr(again.data) == repr(plain(wanted)) or again.data == plain(wanted)


@settings(max_examples=150, deadline=None)
@given(st.text("ab.=\"'[]{}:,1 \n#&*-|", max_size=20))
def test_any_override_is_applied_or_refused(text: str) -> None:
    document = parse_document(SourceText("c", "a: {b: [1, x]}\nb:\n  - name: a\n    b: 2\n"))
    try:
        parsed = parse(text)
    except ConfigError as refused:
        unplaced = [problem for problem in refused.problems if problem.place is None]
        assert not unplaced
        return
    wanted, problems = apply(document.root, [parsed])
    if not problems:
        again = parse_document(SourceText("c", rewritten_text(document, [parsed])))
        assert again.data == plain(wanted)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model.layers.5=Flatten", "0 to 4"),
        ("model.layers.digt.units=1", "one of conv2d, max_pooling2d, flatten, dropout or digit"),
        ("modl.layers=[]", "one of nnctl, seed, data, model or training"),
        ("a..b=1", "a key or an index"),
        ("=1", "KEY=VALUE, such as training.epochs=3"),
        ("seed", "KEY=VALUE, such as training.epochs=3"),
        ("training.metrics.1=mae", "0 to 0"),
    ],
)
def test_what_an_override_should_be(problems: Problems, override: str, expected: str) -> None:
    (found,) = problems(GOOD, override)
    assert found.expected == expected


def test_an_empty_list_has_no_entry_to_name(problems: Problems) -> None:
    found = problems(GOOD, "training.callbacks=[]", "training.callbacks.0=TerminateOnNaN")
    assert said(found) == ["1:20 'training.callbacks' has 0 entries, no number 0"]
    assert found[0].expected is None


def test_a_bare_name_is_opened_as_what_it_stands_for(loads: Load) -> None:
    """A source is a path, all others are types; null is an empty mapping."""
    text = GOOD.replace("{type: csv, path: data/digits.csv.gz, target: label}", "d.csv")
    found = loads(
        text.replace("seed: 7", "seed: 7\nname: null"),
        "data.source.header=false",
        "data.source.target=label",
        "training.optimizer.learning_rate=0.5",
        "model.layers.2.name=flat",
        "training.metrics.0.name=hits",
        "name=x",
    )
    assert found.document.data["data"]["source"] == {"path": "d.csv", "header": False, "target": "label"}
    assert found.document.data["training"]["optimizer"] == {"type": "adam", "learning_rate": 0.5}
    assert found.document.data["model"]["layers"][2] == {"type": "Flatten", "name": "flat"}
    assert found.document.data["training"]["metrics"] == [{"type": "accuracy", "name": "hits"}]


def test_an_override_that_cannot_be_printed_is_quoted_in_the_note() -> None:
    document = parse_document(SourceText("c", "# top\na: 1\n"))
    text = rewritten_text(document, [parse("a=[1,\n 2]")])
    assert text == '# --set "a=[1,\\n 2]"\n# top\na: [1, 2]\n'


def test_text_that_cannot_be_edited_is_written_anew_below_its_first_comments() -> None:
    document = parse_document(SourceText("c", "# top\n\n# more\na: &x {b: 1}  # gone\nc: *x\n"))
    text = rewritten_text(document, [parse("a.b=2")])
    assert text == "# --set a.b=2\n# top\n\n# more\na:\n  b: 2\nc:\n  b: 1\n"


@pytest.mark.parametrize(
    ("text", "override", "expected"),
    [
        ("b:\n# c\na: 2\n", "b=5", "b: 5\n# c\na: 2\n"),
        ("b: # why\na: 2\n", "b=5", "b: 5 # why\na: 2\n"),
        ("x:\n  - # z\n  - 2\n", "x.0=5", "x:\n  - 5 # z\n  - 2\n"),
    ],
)
def test_an_empty_place_is_filled_where_it_is(text: str, override: str, expected: str) -> None:
    """The comments beside it stay."""
    written = rewritten_text(parse_document(SourceText("c", text)), [parse(override)])
    assert written == f"# --set {override}\n{expected}"


@pytest.mark.parametrize(
    ("text", "override", "expected"),
    [
        ("a: 1\n", "a=", "a: null\n"),
        ("a:\nb: 1\n", "a.c=2", "a: {c: 2}\nb: 1\n"),
        ("{a: 1, b: 2, c: 3}\n", "d=4", "{a: 1, b: 2, c: 3, d: 4}\n"),
        ("a: {}\n", "a.b=1", "a: {b: 1}\n"),
        ("a: [x, y]\r\nb: 2\r\n", "c=3", "a: [x, y]\r\nb: 2\r\nc: 3\r\n"),
        ("a: 1", "b=2", "a: 1\nb: 2"),
        ("x:\n  a: 1\n  b: 2\ny: 3\n", "x.c=3", "x:\n  a: 1\n  b: 2\n  c: 3\ny: 3\n"),
        ("x: 1\na:\n  - 1\n  - 2\n  - 3\n# e\n", "b=2", "x: 1\na:\n  - 1\n  - 2\n  - 3\nb: 2\n# e\n"),
        ("a: {b: [1, 2], c: 3} # d\n", "a.b=4", "a: {b: 4, c: 3} # d\n"),
        ("a: 1 # b\n# c\n", "b=2", "a: 1 # b\nb: 2\n# c\n"),
        ("a:\n  - b:\n      c: 1\n      d: 2\n", "a.0.e=3", "a:\n  - b:\n      c: 1\n      d: 2\n    e: 3\n"),
        ("d:\n  o: adam # x\n", "d.o.r=2", "d:\n  o: {type: adam, r: 2} # x\n"),
        ("data:\n  test: t.csv # x\n", "data.test.r=2", "data:\n  test: {path: t.csv, r: 2} # x\n"),
        ("# t\na: &x {b: 1}\n# later\nc: *x\n", "a.b=2", "# t\na:\n  b: 2\nc:\n  b: 1\n"),
        ("a: {b: 1, c: 2}\n", "a=[1, 'x']", "a: [1, 'x']\n"),
    ],
)
def test_an_override_is_written_where_it_belongs_and_as_it_was_given(
    text: str, override: str, expected: str
) -> None:
    written = rewritten_text(parse_document(SourceText("c", text)), [parse(override)])
    assert written == f"# --set {override}\n{expected}"


def test_no_second_space_comes_where_there_is_one() -> None:
    """Parsers place an empty value before the space or behind it."""
    written = rewritten_text(parse_document(SourceText("c", "{a: , b: 1}\n")), [parse("a=2")])
    assert written in ("# --set a=2\n{a: 2, b: 1}\n", "# --set a=2\n{a: 2 , b: 1}\n")


def test_a_path_that_names_nothing_is_refused_also_where_text_is_to_be_edited() -> None:
    root = parse_document(SourceText("c", "a: {b: 1}\n")).root
    for text, message in [("z.a=1", "the config has no 'z'"), ("a.z.b=1", "'a' has no 'z'")]:
        with pytest.raises(ConfigError) as caught:
            resolve_path(root, parse(text))
        assert [p.message for p in caught.value.problems] == [message]
    assert resolve_path(root, parse("a.z=1"))[1] == "z"


def test_only_a_source_is_opened_as_a_path_and_only_below_a_section() -> None:
    def applied(text: str, override: str) -> object:
        root, problems = apply(parse_document(SourceText("c", text)).root, [parse(override)])
        return [p.message for p in problems] or plain(root)

    assert applied("data: {target: label}\n", "data.target.x=1") == {
        "data": {"target": {"type": "label", "x": 1}}
    }
    for source in ("source", "train", "validation", "test"):
        assert applied(f"data: {{{source}: f}}\n", f"data.{source}.x=1") == {
            "data": {source: {"path": "f", "x": 1}}
        }
    assert applied("model: {source: f}\n", "model.source.x=1") == {"model": {"source": {"type": "f", "x": 1}}}
    assert applied("name: q\n", "name.x=1") == ["'name' is a single value; there is no 'x' in it"]
    assert applied("a: {b: true}\n", "a.b.x=1") == ["'a.b' is a single value; there is no 'x' in it"]
    assert applied("a: {}\n", "a.b.c=1") == ["'a' has no 'b'"]


def test_what_is_missing_in_an_opened_value_is_placed_at_the_value() -> None:
    """As in braces, which it has become."""
    for text, override in [("a:\n  b: ~\n", "a.b.c=1"), ("a:\n  b: x\n", "a.b.c=1")]:
        document = parse_document(SourceText("c", text))
        root, _ = apply(document.root, [parse(override)])
        place = Document(document.source, root).place(("a", "b", "z"))
        assert (place.line, place.column) == (2, 6)


def test_places_in_an_override_of_several_lines() -> None:
    for text, place in [("\na.=1", (2, 3)), ("a.b\nc..=1", (2, 3)), ("a\nb", (2, 2)), ("..a=1", (1, 1))]:
        with pytest.raises(ConfigError) as caught:
            parse(text)
        (problem,) = caught.value.problems
        assert problem.place is not None
        assert (problem.place.line, problem.place.column) == place


@pytest.mark.parametrize("wrong", ["b", "modl.x=2"])
def test_nothing_more_is_checked_after_an_override_that_cannot_be_applied(loads: Load, wrong: str) -> None:
    """It may have been meant to mend what is wrong."""
    with pytest.raises(ConfigError) as caught:
        loads(GOOD, "training.epochs=0")
    assert isinstance(caught.value, PartlyValid)
    assert [override.text for override in caught.value.rest.overrides] == ["training.epochs=0"]
    assert caught.value.rest.experiment.training.epochs == 1
    with pytest.raises(ConfigError) as caught:
        loads(GOOD, "training.epochs=0", wrong)
    assert not isinstance(caught.value, PartlyValid)


def test_the_order_of_keys_is_no_difference_between_data() -> None:
    """Kinds are: a text that reads so is no override's."""
    assert _reads_as("{b: {d: 1, c: 2}, a: .nan}", {"a": float("nan"), "b": {"c": 2, "d": 1}})
    for other in ({"a": 1.0}, {"a": True}, {"a": "1"}, {"b": 1}):
        assert not _reads_as("a: 1", other)
