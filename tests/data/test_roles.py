"""Which column goes where, by config and model; each problem with place, expectation and what is near."""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.data.columns.roles import Roles, Wanted, assign, steering
from nnctl.data.spec import DataSpec

COLUMNS = ["a", "b", "kind", "who", "w", "y", "z"]


def roles(config: dict[str, Any], columns: list[str] | None = None, **wanted: Any) -> Roles:
    spec = DataSpec.model_validate({"source": "a.csv", **config})
    return assign(spec, COLUMNS if columns is None else columns, Wanted(**wanted))


def problems(config: dict[str, Any], columns: list[str] | None = None, **wanted: Any) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        roles(config, columns, **wanted)
    return list(caught.value.problems)


ALL = "one of: a, b, kind, who, w, y, z"
TWO: dict[str, Any] = {"inputs": {"one": None, "two": None}}


@pytest.mark.parametrize(
    ("config", "wanted", "inputs", "targets"),
    [
        ({"target": "y"}, {}, {"input": ["a", "b", "kind", "who", "w", "z"]}, {"y": ["y"]}),
        (
            {"target": "y"},
            {"outputs": ["out"]},
            {"input": ["a", "b", "kind", "who", "w", "z"]},
            {"out": ["y"]},
        ),
        ({"target": ["y", "z"]}, {}, {"input": ["a", "b", "kind", "who", "w"]}, {"y": ["y", "z"]}),
        ({"inputs": "a"}, {"inputs": {"x": None}}, {"x": ["a"]}, {}),
        ({"inputs": {"*": "a"}}, {}, {"input": ["a"]}, {}),
        ({"inputs": {"one": "b", "two": ["a", "a"]}}, TWO, {"one": ["b"], "two": ["a"]}, {}),
        ({}, {"inputs": {"a": None, "b": None}}, {"a": ["a"], "b": ["b"]}, {}),
        (
            {"targets": {"o": "y", "p": ["z", "w"]}, "inputs": ["a"]},
            {"outputs": ["o", "p"]},
            {"input": ["a"]},
            {"o": ["y"], "p": ["z", "w"]},
        ),
        (
            {"sample_weight": "w", "split": {"group": "who", "test": 1}, "target": "y"},
            {},
            {"input": ["a", "b", "kind", "z"]},
            {"y": ["y"]},
        ),
        ({"split": {"by": "kind"}, "target": "y"}, {}, {"input": ["a", "b", "who", "w", "z"]}, {"y": ["y"]}),
        (
            {"split": {"stratify": "kind", "test": 1}, "target": "y"},
            {},
            {"input": ["a", "b", "kind", "who", "w", "z"]},
            {"y": ["y"]},
        ),
        (
            {"window": {"length": 2, "group": "who"}, "target": "y"},
            {},
            {"input": ["a", "b", "kind", "w", "y", "z"]},
            {"y": ["y"]},
        ),
        (  # An autoencoder's pattern is meant to be both.
            {"inputs": {"x": ["w*"]}, "targets": {"o": ["w*"]}},
            {},
            {"x": ["who", "w"]},
            {"o": ["who", "w"]},
        ),
        ({"inputs": ["a", "w*"], "target": ["w*"]}, {}, {"input": ["a", "who", "w"]}, {"w*": ["who", "w"]}),
        (
            {"inputs": ["*"], "target": ["w*"]},
            {},
            {"input": ["a", "b", "kind", "y", "z"]},
            {"w*": ["who", "w"]},
        ),
    ],
)
def test_roles(config: dict[str, Any], wanted: dict[str, Any], inputs: Any, targets: Any) -> None:
    found = roles(config, **wanted)
    assert (found.inputs, found.targets) == (inputs, targets)
    assert found.sample_weight == config.get("sample_weight")


def test_every_column_with_a_part_once() -> None:
    assert Roles({"x": ["a", "b"], "z": ["b"]}, {"o": ["y", "a"]}, "w").used() == ["a", "b", "y", "w"]
    assert Roles({"x": ["a"]}, {}, None).used() == ["a"]


@pytest.mark.parametrize(
    ("config", "wanted", "problem"),
    [
        (
            {"inputs": "aa"},
            {},
            Problem("the data has no column 'aa'", ("data", "inputs"), ALL, "a"),
        ),
        (
            {"inputs": ["a", "q*"]},
            {},
            Problem("no column matches 'q*'", ("data", "inputs", 1), ALL),
        ),
        (
            {"inputs": ["*", "!q*"]},
            {},
            Problem("no column matches 'q*'", ("data", "inputs", 1), ALL),
        ),
        (
            {"inputs": ["y*"], "target": "y"},
            {},
            Problem(
                "'y*' matches only y, which a pattern does not take",
                ("data", "inputs"),
                "a pattern takes columns without another role; name the others",
            ),
        ),
        (
            {"inputs": ["a", "!a"]},
            {},
            Problem("every column is left out again", ("data", "inputs")),
        ),
        (
            {"sample_weight": "weight"},
            {},
            Problem("the data has no column 'weight'", ("data", "sample_weight"), ALL),
        ),
        (
            {"columns": {"kin": "category"}},
            {},
            Problem("the data has no column 'kin'", ("data", "columns", "kin"), ALL, "kind", at_key=True),
        ),
        (
            {"columns": {"!kin": None}, "inputs": "a"},
            {},
            Problem("the data has no column 'kin'", ("data", "columns", "!kin"), ALL, "kind", at_key=True),
        ),
        (
            {"target": "why"},
            {},
            Problem("the data has no column 'why'", ("data", "target"), ALL, "who"),
        ),
        (
            {"split": {"by": "q"}},
            {},
            Problem("the data has no column 'q'", ("data", "split", "by"), ALL),
        ),
        (
            {"window": {"length": 1, "group": "q"}},
            {},
            Problem("the data has no column 'q'", ("data", "window", "group"), ALL),
        ),
        (
            {"targets": {"oot": "y"}},
            {"outputs": ["out", "other"]},
            Problem(
                "the model has no output 'oot'",
                ("data", "targets", "oot"),
                "one of: out, other",
                "out",
                at_key=True,
            ),
        ),
        (
            {"target": "y"},
            {"outputs": ["o", "p"]},
            Problem(
                "the model has 2 outputs, but 'target' names the data of one",
                ("data", "target"),
                "targets: {o: COLUMN, p: COLUMN}",
            ),
        ),
        (
            {"inputs": ["a", "b"]},
            TWO,
            Problem(
                "the model has 2 inputs; say which takes which columns",
                ("data", "inputs"),
                "{one: COLUMN, two: COLUMN}",
            ),
        ),
        (
            {"inputs": {"one": "a"}},
            TWO,
            Problem("the model's input 'two' gets no column", ("data", "inputs"), "two: COLUMN"),
        ),
        (
            {"inputs": {"one": "a", "two": "b", "too": "w"}},
            TWO,
            Problem(
                "the model has no input 'too'",
                ("data", "inputs", "too"),
                "one of: one, two",
                "two",
                at_key=True,
            ),
        ),
        (
            {"target": COLUMNS},
            {},
            Problem("no column is left as an input", ("data",)),
        ),
    ],
)
def test_problems(config: dict[str, Any], wanted: dict[str, Any], problem: Problem) -> None:
    assert problems(config, **wanted) == [problem]


def test_long_lists_of_columns_are_cut() -> None:
    names = [f"c{i}" for i in range(13)]
    (said,) = problems({"inputs": "q"}, names[:12])
    assert said.expected == f"one of: {', '.join(names[:12])}"
    (said,) = problems({"inputs": "q"}, names)
    assert said.expected == f"one of: {', '.join(names[:12])}, ..."
    (said,) = problems({"inputs": "c*", "target": names}, names)
    assert said.message == "'c*' matches only c0, c1, c2, c3, c4, c5, which a pattern does not take"
    (said,) = problems({"inputs": "q"}, ["a;b"])
    assert said.expected == "if ';' separates cells, say delimiter: \";\" in the source"


def test_all_problems_are_told_at_once() -> None:
    found = problems({"inputs": ["q", "r"], "target": "s", "sample_weight": "t"})
    assert [p.path for p in found] == [
        ("data", "target"),
        ("data", "sample_weight"),
        ("data", "inputs", 0),
        ("data", "inputs", 1),
    ]
    silent = problems({"target": COLUMNS, "sample_weight": "t"})
    assert [p.path for p in silent] == [("data", "sample_weight")]


def test_a_column_may_be_called_like_an_exclusion_or_a_pattern() -> None:
    assert roles({"inputs": ["!a"]}, ["!a", "a", "b"]).inputs == {"input": ["!a"]}
    assert roles({"inputs": ["p*"]}, ["p*", "pa"]).inputs == {"input": ["p*"]}
    assert roles({"inputs": ["!a*"]}, ["a", "ab", "b", "c"]).inputs == {"input": ["b", "c"]}


def test_columns_that_steer() -> None:
    def steer(**config: Any) -> list[str]:
        return steering(DataSpec.model_validate({"source": "a.csv", **config}))

    assert steer() == []
    assert steer(split={"stratify": "s", "test": 1}) == ["s"]
    assert steer(split={"by": "s"}) == ["s"]
    assert steer(split={"group": "s", "test": 1}, window={"length": 2, "group": "g"}) == ["s", "g"]
    assert steer(window={"length": 2}) == []


def test_where_the_source_names_the_target() -> None:
    def path(**config: Any) -> Any:
        with pytest.raises(ConfigError) as caught:
            assign(DataSpec.model_validate(config), COLUMNS, Wanted())
        return caught.value.problems[0].path

    source = {"type": "npz", "path": "a.npz", "target": "q"}
    assert path(source=source) == ("data", "source", "target")
    assert path(train=source) == ("data", "train", "target")
    assert path(train="a.npz", target="q") == ("data", "target")
