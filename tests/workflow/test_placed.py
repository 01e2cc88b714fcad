"""Where problems are told to be, and which of them are told together."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nnctl.core.errors import ConfigError, DataError, Place, Problem
from nnctl.workflow import assemble as assembling
from nnctl.workflow.check import check
from nnctl.workflow.placed import collected, placed

PLACE = Place("c.yaml", 3, 1, "x")


def experiment(directory: Path, name: str = "c.yaml") -> Any:
    """What of a loaded config is asked where a problem is."""

    def fail(problems: list[Problem]) -> ConfigError:
        return ConfigError([Problem(f"{problem.message}, placed", place=PLACE) for problem in problems])

    return SimpleNamespace(directory=directory, file=directory / name, fail=fail)


def test_problems_get_their_places_once(tmp_path: Path) -> None:
    loaded, there, nowhere = experiment(tmp_path), Problem("a", place=PLACE), Problem("b")
    for problems, told in (
        ([there], ["a"]),
        ([nowhere], ["b, placed"]),
        ([there, nowhere], ["a, placed", "b, placed"]),
    ):
        with pytest.raises(ConfigError) as caught, placed(loaded):
            raise ConfigError(problems)
        assert [problem.message for problem in caught.value.problems] == told


def test_files_of_data_are_told_by_their_paths(tmp_path: Path) -> None:
    """A model that stands alone does not know where its data went."""
    (tmp_path / "there.csv").touch()
    for config, file, told in (
        ("c.yaml", "d/../there.csv", str(tmp_path / "there.csv")),
        ("c.yaml", "gone.csv", str(tmp_path / "gone.csv")),
        ("m.h5", "there.csv", str(tmp_path / "there.csv")),
        ("m.h5", "gone.csv", "gone.csv"),
        ("c.yaml", None, None),
    ):
        with pytest.raises(DataError) as caught, placed(experiment(tmp_path, config)):
            raise DataError("odd", file=file)
        assert caught.value.file == told


def test_data_waits_where_the_config_has_problems() -> None:
    problems: list[Problem] = []
    with pytest.raises(DataError), collected(problems):
        raise DataError("odd")
    with collected(problems):
        raise ConfigError([Problem("a"), Problem("b")])
    with collected(problems):
        raise DataError("odd")
    assert [problem.message for problem in problems] == ["a", "b"]


DATA = """nnctl: 1
data: {source: {type: csv, path: d.csv%s}%s}
model:
%s  layers: [{type: Reshape, target_shape: [3]}, {type: Dense, units: 3%s}]
training: {loss: mse%s}
"""
TARGET, DECLARED, METRIC = ", target: tt", "  inputs: {x: {shape: [2]}}\n", ", metrics: [{type: AUC}]"
SHAPE, NO_TARGET = "layer 'reshape': Reshape cannot see the 2 numbers", "the data has no column 'tt'"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ((TARGET, "", DECLARED, "", ""), [NO_TARGET, SHAPE]),
        ((TARGET, "", "", "", ""), [NO_TARGET]),
        ((TARGET, "", "  inputs: {x: {}}\n", "", ""), [NO_TARGET]),
        ((TARGET, ", inputs: {x: [a, q]}", DECLARED, "", ""), ["the data has no column 'q'", NO_TARGET]),
        ((TARGET, "", DECLARED, ", unit: 2", METRIC), [NO_TARGET, SHAPE, "Dense has no key 'unit'"]),
    ],
)
def test_a_wrong_target_hides_no_wrong_layer(parts: tuple[str, ...], told: list[str], tmp_path: Path) -> None:
    """Where the shapes of all inputs are declared, and the data is not wrong about them."""
    (tmp_path / "d.csv").write_text("a,b,t\n1,2,0\n3,4,1\n5,7,1\n")
    (tmp_path / "c.yaml").write_text(DATA % parts)
    with pytest.raises(ConfigError) as caught:
        check(tmp_path / "c.yaml")
    found = [problem.message for problem in caught.value.problems]
    assert len(found) == len(told), found
    assert all(any(message.startswith(start) for message in found) for start in told), found


def test_a_wrong_target_hides_no_wrong_metric(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b,t\n1,2,0\n3,4,1\n5,7,1\n")
    text = DATA.replace("{type: Reshape, target_shape: [3]}, ", "").replace(
        "mse", "sparse_categorical_crossentropy"
    )
    (tmp_path / "c.yaml").write_text(text % (TARGET, "", DECLARED, "", ", metrics: [mae]"))
    with pytest.raises(ConfigError) as caught:
        check(tmp_path / "c.yaml")
    target, metric = (problem.message for problem in caught.value.problems)
    assert target == NO_TARGET
    assert metric.startswith("the metric does not fit output")


@pytest.mark.parametrize(
    ("path", "apart"),
    [
        (("data", "target"), True), (("data", "targets", "o"), True), (("data", "sample_weight"), True),
        (("data", "split", "test"), True), (("data", "source", "target"), True),
        (("data", "train", "target"), True), (("data", "source", "path"), False), (("data", "source"), False),
        (("data", "inputs", "x"), False), (("data",), False), (("training", "target"), False),
    ],
)  # fmt: skip
def test_which_problems_of_data_say_nothing_of_its_shapes(path: tuple[str, ...], apart: bool) -> None:
    assert assembling._apart(Problem("odd", path)) is apart


@pytest.mark.parametrize(
    "error", [OSError("too long"), DataError("odd"), ConfigError([Problem("more", place=PLACE)])]
)
def test_a_config_that_is_wrong_is_told_whatever_the_machine_does(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(loaded: object) -> None:
        raise error

    monkeypatch.setattr(assembling, "look", fail)
    (tmp_path / "c.yaml").write_text(DATA.replace("loss", "epochs: 0, loss") % ("", "", "", "", ""))
    with pytest.raises(ConfigError) as caught:
        check(tmp_path / "c.yaml")
    more = ["more"] if isinstance(error, ConfigError) else []
    assert sorted(problem.message for problem in caught.value.problems) == ["'epochs' cannot be 0", *more]
