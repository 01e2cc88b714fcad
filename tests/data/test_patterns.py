"""Patterns in `inputs` and `columns`: what they take, what `!` leaves out, what they never reach."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nnctl.core.errors import ConfigError
from nnctl.data.columns.patterns import column_spec
from nnctl.data.head import head
from nnctl.data.spec import DataSpec
from tests.data.examples import examples
from tests.data.given import opened, write

TABLE = "id,a,b,kind,who,w,y\n" + "".join(
    f"{100 + i},{i},{i * i},{'uv'[i % 2]},g{i % 3},1,{2 * i}\n" for i in range(6)
)


def columns(directory: Path, config: dict[str, Any], **wanted: Any) -> dict[str, list[str]]:
    """The columns of every model input."""
    write(directory, "t.csv", TABLE)
    data = opened(directory, {"source": "t.csv", "target": "y", **config}, **wanted)
    return {name: list(prep.columns) for name, prep in data.preprocessing.inputs.items()}


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("*", ["id", "a", "b", "kind"]),
        (["*"], ["id", "a", "b", "kind"]),
        (["*", "!id"], ["a", "b", "kind"]),
        (["!id"], ["a", "b", "kind"]),
        ("!id", ["a", "b", "kind"]),
        (["!id", "!k*"], ["a", "b"]),
        (["b", "*", "!i*"], ["b", "a", "kind"]),
        (["*", "!k*", "w"], ["id", "a", "b", "w"]),
    ],
)
def test_a_pattern_takes_columns_without_another_role(
    inputs: Any, expected: list[str], tmp_path: Path
) -> None:
    """Never the target, the weight or what steers the split; those may be named."""
    config = {"inputs": inputs, "sample_weight": "w", "split": {"group": "who", "test": 2}}
    assert columns(tmp_path, config) == {"input": expected}


def test_exclusions_by_model_input(tmp_path: Path) -> None:
    inputs = {"one": ["*", "!id", "!w*"], "two": "kind"}
    shapes = {"one": None, "two": None}
    found = columns(tmp_path, {"inputs": inputs}, input_shapes=shapes)
    assert found == {"one": ["a", "b", "kind"], "two": ["kind"]}


def test_a_pattern_takes_no_target_of_windows(tmp_path: Path) -> None:
    """Left out, `inputs` has the target's past; with patterns it is named."""
    window = {"length": 2, "group": "w"}
    with_past = ["id", "a", "b", "kind", "who", "y"]
    write(tmp_path, "t.csv", TABLE)
    for inputs, expected in ((None, with_past), (["*"], with_past[:-1]), (["*", "y"], with_past)):
        spec = {"source": "t.csv", "target": "y", "window": window, "inputs": inputs, "split": None}
        data = opened(tmp_path, spec)
        assert list(data.preprocessing.inputs["input"].columns) == expected


@pytest.mark.parametrize(
    ("inputs", "message", "path"),
    [
        (["*", "!idd"], "no column 'idd'", ("data", "inputs", 1)),
        (["a", "!z*"], r"no column matches 'z\*'", ("data", "inputs", 1)),
        (["y*"], r"'y\*' matches only y, which a pattern does not take", ("data", "inputs")),
        (["a", "!a"], "every column is left out again", ("data", "inputs")),
    ],
)
def test_patterns_that_say_nothing(inputs: Any, message: str, path: tuple[Any, ...], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        columns(tmp_path, {"inputs": inputs})
    assert caught.value.problems[0].path == path


def test_a_pattern_in_columns_reaches_inputs_only(tmp_path: Path) -> None:
    """A scale for all is none for words that are no input, for the target, the weight or the groups."""
    config: dict[str, Any] = {"inputs": ["a", "b"], "sample_weight": "w", "columns": {"*": {"scale": 10}}}
    config["split"] = {"group": "who", "test": 2}
    write(tmp_path, "t.csv", TABLE)
    data = opened(tmp_path, {"source": "t.csv", "target": "y", **config})
    assert examples(data.train)["y"].max() == 10
    assert examples(data.train)["sample_weight"].tolist() == [1] * len(data.train)
    scaled = data.preprocessing.inputs["input"].columns
    assert {c.divide for c in scaled.values()} == {(10.0,)}  # type: ignore[union-attr]


def test_columns_that_no_pattern_reaches(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", TABLE)
    for nothing in (None, {}):
        config = {"inputs": ["id", "a", "b"], "columns": {"*": {"scale": 10}, "!i*": nothing}}
        data = opened(tmp_path, {"source": "t.csv", "target": "y", **config})
        prepared = data.preprocessing.inputs["input"].columns
        assert [c.divide for c in prepared.values()] == [(1.0,), (10.0,), (10.0,)]  # type: ignore[union-attr]
    with pytest.raises(ValidationError, match="'!id' keeps patterns away from columns; it takes no fields"):
        DataSpec.model_validate({"source": "t.csv", "columns": {"!id": {"scale": 2}}})
    with pytest.raises(ConfigError, match="no column 'idd'") as caught:
        columns(tmp_path, {"columns": {"!idd": None}})
    assert caught.value.problems[0].path == ("data", "columns", "!idd")


def test_a_column_called_so_is_meant_by_its_name(tmp_path: Path) -> None:
    write(tmp_path, "t.csv", "!a,a,y\n1,2,3\n")
    data = opened(tmp_path, {"source": "t.csv", "inputs": ["!a"], "target": "y"})
    assert examples(data.train)["input"].tolist() == [[1]]


def test_what_patterns_took_is_told(tmp_path: Path) -> None:
    """By place; a pattern in `columns` that reaches no input is warned of."""
    write(tmp_path, "t.csv", TABLE)
    spec = {"source": "t.csv", "target": "y", "inputs": {"one": ["*", "!id"], "two": "kind"}}
    spec["columns"] = {"a": {"scale": 3}, "*": {"missing": 0}, "!kind": None, "w*": {"scale": 2}}  # type: ignore[dict-item]
    spec["inputs"]["one"] += ["!k*", "!w*"]  # type: ignore[index]
    found = head(DataSpec.model_validate(spec), tmp_path, input_shapes={"one": None, "two": None})
    assert found.patterns == {"inputs.one": ["a", "b"], "columns.*": ["b"], "columns.w*": []}
    (idle,) = [w for w in found.data.warnings if "reaches" in w.message]
    assert (idle.message, idle.path) == ("'w*' reaches no input", ("data", "columns", "w*"))
    spec = {"source": "t.csv", "target": "y", "inputs": ["!id", "!who"]}
    assert head(DataSpec.model_validate(spec), tmp_path).patterns == {"inputs": ["a", "b", "kind", "w"]}


def test_a_pattern_reaches_targets_only_where_it_stands_for_them() -> None:
    columns = {"p*": {"scale": 16}}
    apart = DataSpec.model_validate({"source": "a.csv", "columns": columns, "inputs": ["p*"], "target": "p1"})
    assert column_spec(apart, "p1", target=True).scale != 16
    both = DataSpec.model_validate(
        {"source": "a.csv", "columns": columns, "inputs": ["p*"], "target": ["p*"]}
    )
    assert column_spec(both, "p1", target=True) == column_spec(both, "p1")
    assert column_spec(both, "p1").scale == 16


@pytest.mark.parametrize("said", ["a", "a*", None])
def test_what_is_wrong_with_a_column_stands_where_it_is_said(tmp_path: Path, said: str | None) -> None:
    given = {} if said is None else {said: {"scale": 2}}
    given |= {"kind": {"type": "category", "encoding": "index"}}
    with pytest.raises(ConfigError) as raised:
        columns(tmp_path, {"inputs": ["kind", "a"], "columns": given})
    mixed, *scaled = raised.value.problems
    assert mixed.message == "'kind' enters input 'input' as a class number, 'a' does not"
    assert mixed.path == ("data", "columns", "kind", "encoding")
    if said is not None:
        assert [p.path for p in scaled] == [("data", "columns", said, "scale")]
        assert "'a' holds class numbers for input 'input'; they cannot be scaled" in scaled[0].message
