"""`initial_weights: {from: RUN, layers: [...]}`: layers by name and shape; a new head stays new."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.graph.model import LayerGraph
from nnctl.runs.model_file import read_model
from nnctl.spec.yaml.emit import block
from nnctl.workflow.check import check
from nnctl.workflow.initial import Initial, _Chosen
from tests.cli.command import nnctl

Weights = dict[str, Any]

TRUNK = [
    {"type": "Dense", "units": 4, "activation": "tanh", "name": "low"},
    {
        "type": "Sequential",
        "name": "trunk",
        "layers": [{"type": "Dense", "units": 5, "name": "a"}, {"type": "Dense", "units": 3, "name": "b"}],
    },
]


def head(units: int, name: str = "head") -> dict[str, Any]:
    return {"type": "Dense", "units": units, "activation": "softmax", "name": name}


def written(directory: Path, name: str, layers: list[Any], initial: Any = None, **more: Any) -> Path:
    model = {"layers": layers} | ({"initial_weights": initial} if initial is not None else {})
    config = {
        "nnctl": 1,
        "data": {"source": {"type": "csv", "path": "data.csv", "target": "y"}, "batch_size": 4},
        "model": model,
        "training": {"loss": "sparse_categorical_crossentropy"},
        **more,
    }
    file = directory / f"{name}.yaml"
    file.write_text(block(config))
    return file


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the run `first` of a model with a head of 3."""
    directory = tmp_path_factory.mktemp("transfer")
    rows = [f"{0.3 * i % 2:.2f},{0.7 * i % 3:.2f},{i % 3}" for i in range(16)]
    (directory / "data.csv").write_text("\n".join(["a,b,y", *rows]) + "\n")
    file = written(directory, "first", [*TRUNK, head(3)])
    assert nnctl("train", file, "-q", "--run-dir", directory / "runs/first/1", cwd=directory).code == 0
    return directory


def first_weights(file: Path, run: Path) -> Weights:
    """The weights before the first step: of a training whose rate is 0."""
    done = nnctl(
        "train", file, "--run-dir", run, "--set", "training.optimizer={type: SGD, learning_rate: 0}",
        cwd=file.parent,
    )  # fmt: skip
    assert done.code == 0, done.err
    return dict(read_model(run / "model.h5").state.weights), done.err  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("layers", "loaded"),
    [
        (["*"], {"low", "trunk/a", "trunk/b"}),
        (["low"], {"low"}),
        (["trunk"], {"trunk/a", "trunk/b"}),
        (["trunk/*"], {"trunk/a", "trunk/b"}),
        (["trunk/b", "lo?"], {"trunk/b", "low"}),
    ],
)
def test_by_name_and_shape(layers: list[str], loaded: set[str], here: Path, tmp_path: Path) -> None:
    new = [*TRUNK, head(5)]
    plain, _ = first_weights(written(here, "plain", new), tmp_path / "plain")
    before = read_model(here / "runs/first/1/model.h5").state.weights
    file = written(here, "second", new, {"from": "runs/first/1", "layers": layers})
    after, err = first_weights(file, tmp_path / "second")
    for name, values in after.items():
        source = before if name.rpartition("/")[0] in loaded else plain
        np.testing.assert_array_equal(values, source[name])
    assert "initial weights from runs/first/1" in err
    found = check(file)
    report = found.summary["initial_weights"]
    assert set(report["loaded"]) == loaded
    assert "head" in report["new"]
    assert "head" in report["left"]
    assert set(report["new"]) | loaded == {"low", "trunk/a", "trunk/b", "head"}


def test_verify_and_resolved_hold(here: Path, tmp_path: Path) -> None:
    """Of a model that starts from another, of which some layers stay as they are."""
    file = written(here, "second", [*TRUNK, head(5)], {"from": "runs/first/1", "layers": ["*"]})
    freeze = ("--set", "model.freeze=[trunk]")
    done = nnctl("train", file, "--run-dir", tmp_path / "run", "-q", *freeze, cwd=here)
    assert done.code == 0, done.err
    before = read_model(here / "runs/first/1/model.h5").state.weights
    after = read_model(tmp_path / "run/model.h5").state
    same = {name for name, array in before.items() if np.array_equal(array, after.weights[name])}
    assert same == {name for name, learns in after.trainable.items() if not learns}
    assert {name.rpartition("/")[0] for name in same} == {"trunk/a", "trunk/b"}
    again = nnctl("verify", tmp_path / "run", "-q", cwd=tmp_path)
    assert again.code == 0, again.err


def test_a_name_is_found_beside_the_config(here: Path, tmp_path: Path) -> None:
    file = written(here, "second", [*TRUNK, head(3)], "first")
    assert nnctl("check", file, cwd=tmp_path).code == 0
    file = written(here, "second", [*TRUNK, head(3)], {"from": "first"})
    done = nnctl("check", file, cwd=tmp_path)
    assert done.code == 0
    assert "'low', 'trunk/a', 'trunk/b', 'head' loaded" in done.err


@pytest.mark.parametrize(
    ("layers", "at", "words"),
    [
        (["low", "hed"], 1, "the model has no layer 'hed' with weights"),
        (["head"], 0, "layer 'head' of .* has kernel \\(3, 3\\); bias \\(3\\), the model needs kernel"),
        (["hea*"], 0, "layer 'head' of"),
        (["top"], 0, "has no layer 'top'"),
    ],
)
def test_what_cannot_be_loaded_is_an_error(layers: list[str], at: int, words: str, here: Path) -> None:
    top = {"type": "Dense", "units": 3, "name": "top"}
    file = written(here, "bad", [*TRUNK, top, head(5)], {"from": "runs/first/1", "layers": layers})
    with pytest.raises(ConfigError, match=words) as caught:
        check(file)
    (problem,) = caught.value.problems
    assert problem.path == ("model", "initial_weights", "layers", at)
    assert problem.place is not None
    assert problem.expected


def test_all_of_it_must_fit(here: Path) -> None:
    """And the way out that the error names is one."""
    with pytest.raises(ConfigError, match="the model needs") as caught:
        check(written(here, "bad", [*TRUNK, head(5)], "first"))
    assert '{from: RUN, layers: ["*"]}' in str(caught.value.problems[0].expected)
    check(written(here, "good", [*TRUNK, head(5)], {"from": "first", "layers": ["*"]}))


def test_another_dtype_is_taken(here: Path, tmp_path: Path) -> None:
    given = {"from": "runs/first/1", "layers": ["*"]}
    file = written(here, "double", [*TRUNK, head(5)], given, dtype="float64")
    after, _ = first_weights(file, tmp_path / "run")
    before = read_model(here / "runs/first/1/model.h5").state.weights
    np.testing.assert_array_equal(after["low/kernel"], before["low/kernel"])
    assert after["low/kernel"].dtype == np.float64


def test_wrong_words(here: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        check(written(here, "bad", TRUNK, {"fron": "runs/first/1", "layers": ["*"]}))
    assert {problem.suggestion for problem in caught.value.problems} >= {"from"}
    with pytest.raises(ConfigError, match="there is no run 'nothere'"):
        check(written(here, "bad", TRUNK, {"from": "nothere", "layers": ["*"]}))


def chosen(
    patterns: tuple[str, ...], wanted: dict[str, int], there: dict[str, int]
) -> tuple[Initial, list[Problem]]:
    """What a model of these weights takes from a file of those; the numbers are widths."""
    infos = {name: SimpleNamespace(weight=SimpleNamespace(shape=(n,))) for name, n in wanted.items()}
    model = cast("LayerGraph", SimpleNamespace(weights=infos))
    problems: list[Problem] = []
    found = _Chosen("first", model, {name: np.full(n, 7.0) for name, n in there.items()})
    return found.chosen(patterns, problems), problems


def test_what_is_taken_new_and_left() -> None:
    """A layer fits with all its weights or not at all; order is the model's, and the file's."""
    wanted = {"d/k": 1, "a/k": 2, "a/b": 3, "c/x/k": 4, "e/k": 5}
    there = {"e/k": 6, "c/x/k": 4, "a/k": 2, "a/b": 3, "d/k": 1, "d/b": 1, "z/k": 1}
    made, problems = chosen(("*",), wanted, there)
    assert problems == []
    assert (made.loaded, made.new, made.left) == (("a", "c/x"), ("d", "e"), ("e", "d", "z"))
    assert list(made.weights) == ["a/k", "a/b", "c/x/k"]
    assert made.lines() == [
        "initial weights from first: 'a', 'c/x' loaded",
        "  new, from initializers: 'd', 'e'",
        "  left in the file: 'e', 'd', 'z'",
        "  layer 'd' of first has k (1); b (1), the model needs k (1)",
        "  layer 'e' of first has k (6), the model needs k (5)",
    ]
    assert made.as_json() == {
        "from": "first", "loaded": ["a", "c/x"], "new": ["d", "e"], "left": ["e", "d", "z"],
        "other_shapes": ["d", "e"],
    }  # fmt: skip
    made, _ = chosen(("a",), wanted, there)
    assert made.misfits == {}, "only what a pattern matches was meant to be loaded"
    made, _ = chosen(("c",), {"c/x/k": 4}, {"c/x/k": 4})
    assert made.lines() == ["initial weights from first: 'c/x' loaded"]


def test_long_lists_are_cut_after_eight() -> None:
    names = {f"l{i}/k": 1 for i in range(8)}
    made, _ = chosen(("*",), names, names)
    assert made.lines() == [
        "initial weights from first: 'l0', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6', 'l7' loaded"
    ]
    names["l8/k"] = 1
    made, _ = chosen(("*",), names, names)
    assert made.lines()[0].endswith("'l7' and 1 more loaded")
    assert Initial("first", {}, ()).lines() == ["initial weights from first: nothing loaded"]


ANY_LAYER = "one of 'low', 'high', 'new', or a pattern"


@pytest.mark.parametrize(
    ("pattern", "message", "expected", "suggestion"),
    [
        ("lwo", "the model has no layer 'lwo' with weights", ANY_LAYER, "low"),
        ("x*", "the model has no layer 'x*' with weights", ANY_LAYER, None),
        ("high", "layer 'high' of first has k (3), the model needs k (2)", "one of 'low', or none", None),
        ("hig[h]", "layer 'high' of first has k (3), the model needs k (2)", "one of 'low', or none", None),
        ("new", "first has no layer 'new'; did you mean 'news'?", "one of 'low', or none", None),
    ],
)  # fmt: skip
def test_what_a_pattern_may_be_is_told(
    pattern: str, message: str, expected: str, suggestion: str | None
) -> None:
    wanted = {"low/k": 1, "high/k": 2, "new/k": 4}
    made, problems = chosen(("low", pattern), wanted, {"low/k": 1, "high/k": 3, "news/k": 4})
    (problem,) = problems
    assert (problem.message, problem.expected, problem.suggestion) == (message, expected, suggestion)
    assert problem.path == ("model", "initial_weights", "layers", 1)
    assert made.loaded == ("low",)
    _, (problem,) = chosen(("*",), wanted, {"low/k": 2, "high/k": 3})
    assert problem.message.startswith("layer 'low' of first has k (2)"), "the first of those that do not fit"
    _, (problem,) = chosen(("new",), wanted, {"low/k": 1})
    assert problem.message == "first has no layer 'new'; it has 'low'"
