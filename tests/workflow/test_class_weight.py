"""Class weights: one class per example, or an error; labels that the loss ignores have none to look up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.base import LossSpec, Target
from nnctl.workflow.assemble import assemble
from nnctl.workflow.batch_reader import BatchReader
from nnctl.workflow.class_weights import balanced, by_key, class_numbers, class_weights
from nnctl.workflow.train import start

CONFIG = """
nnctl: 1
data: {{source: {{type: npz, path: d.npz}}, inputs: {{x: x}}, targets: {{o: y}}, batch_size: 8}}
model: {{layers: [{{type: Dense, units: 3, name: o}}]}}
training: {{epochs: 1, optimizer: sgd, class_weight: {{0: 2.0}}, loss: {loss}}}
"""
SPARSE = "{type: SparseCategoricalCrossentropy, from_logits: true, ignore_class: 255}"


def train(path: Path, shape: tuple[int, ...], y: Any, loss: str) -> dict[str, Any]:
    """Train on eleven examples of `shape` with targets y (11, ...)."""
    np.savez(path / "d.npz", x=np.ones((11, *shape), np.float32), y=y)
    (path / "c.yaml").write_text(CONFIG.format(loss=loss))
    training = start(path / "c.yaml", run_dir=path / "run", threads=1)
    list(training.events())
    return training.result()


@pytest.mark.parametrize("ignored", [0, 1, 5, 11])
def test_ignored_labels(ignored: int, tmp_path: Path) -> None:
    y = np.arange(11) % 3
    y[:ignored] = 255
    assert train(tmp_path, (4,), y, SPARSE)["status"] == "completed"


def test_labels_of_several_kinds_have_no_one_class(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one class per example"):
        train(tmp_path, (4,), np.arange(33).reshape(11, 3) % 2, "{type: bce, from_logits: true}")
    assert not (tmp_path / "run").exists()


def weights_for(*targets: Target) -> Any:
    """The weights of the classes where the first weighs 2, of a model with an output for each target."""
    loss = cast(LossSpec, None)
    outputs = [OutputObjective(f"o{i}", (3,), loss, 1.0, target, ()) for i, target in enumerate(targets)]
    data: Any = SimpleNamespace(class_names={})
    found = class_weights(data, data, Objective(tuple(outputs)), {"0": 2.0})
    assert list(found) == ["o0"]
    return found["o0"]


def test_which_targets_are_one_class_an_example_or_step() -> None:
    one = Target("classes", (), 3)
    for target in (
        one, Target("classes", (1,), 3), Target("onehot", (3,), 3), Target("numbers", (), 3),
        Target("classes", (2,), 3), Target("classes", (None, 6), 3), Target("onehot", (6, 3), 3),
        Target("numbers", (1,), 3), Target("numbers", (6, 1), 3),
    ):  # fmt: skip
        assert weights_for(target).tolist() == [2, 1, 1]
    for targets in (
        [Target("numbers", (3,), 3)],
        [Target("numbers", (6, 3), 3)],
        [Target("classes", (None,), 3, own_length=True)],
        [Target("classes", ())],
        [one, one],
    ):
        what = "a model that has only one" if len(targets) > 1 else "one class per example or step"
        with pytest.raises(ConfigError, match=what) as caught:
            weights_for(*targets)
        assert caught.value.problems[0].path == ("training", "class_weight")


TABLE = """
nnctl: 1
data: {{source: {{path: d.csv, target: y}}, batch_size: 8}}
model: {{layers: [{{type: Dense, units: 3, activation: softmax}}]}}
training: {{epochs: 1, optimizer: sgd, loss: {loss}, class_weight: {weights}}}
"""


def table_of(
    path: Path, classes: list[str], weights: str, loss: str = "sparse_categorical_crossentropy"
) -> Any:
    """The weights by class of a table with twelve rows of `classes`."""
    rows = "".join(f"{i},{classes[i % len(classes)]}\n" for i in range(12))
    (path / "d.csv").write_text("x,y\n" + rows)
    (path / "c.yaml").write_text(TABLE.format(weights=weights, loss=loss))
    assembled = assemble(path / "c.yaml")
    training = assembled.loaded.experiment.training
    return class_weights(assembled.data.train, assembled.data, assembled.objective, training.class_weight)[
        assembled.objective.outputs[0].output
    ]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [("{b: 2, 2: 3}", [1, 2, 3]), ("{0: 5}", [5, 1, 1]), ("{a: 1, b: 2, c: 3}", [1, 2, 3])],
)
def test_names_and_numbers_of_classes_that_are_words(
    weights: str, expected: list[float], tmp_path: Path
) -> None:
    assert table_of(tmp_path, ["a", "b", "c"], weights).tolist() == expected


def named_by_numbers(path: Path, weights: str) -> Any:
    """The same with classes that are named 1, 2 and 3: words, as the config declares."""
    text = TABLE.replace("batch_size: 8", "columns: {{y: {{type: category}}}}, batch_size: 8")
    (path / "d.csv").write_text("x,y\n" + "".join(f"{i},{1 + i % 3}\n" for i in range(12)))
    (path / "c.yaml").write_text(text.format(weights=weights, loss="sparse_categorical_crossentropy"))
    assembled = assemble(path / "c.yaml")
    training = assembled.loaded.experiment.training
    return class_weights(assembled.data.train, assembled.data, assembled.objective, training.class_weight)[
        assembled.objective.outputs[0].output
    ]


def test_classes_named_by_numbers_go_by_name(tmp_path: Path) -> None:
    """`{0: 10, 1: 1, 2: 1}` would count 1 twice, once as a name and once as a position."""
    assert named_by_numbers(tmp_path, "{1: 2, 3: 4}").tolist() == [2, 1, 4]
    with pytest.raises(ConfigError, match="'0' is no class: the classes are named by numbers") as caught:
        named_by_numbers(tmp_path, "{0: 10, 1: 1, 2: 1}")
    (problem,) = caught.value.problems
    assert problem.expected == "{1: ..., 2: ..., 3: ...}"
    assert problem.place is not None
    assert problem.place.line == 5


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("{a: 1, 0: 2}", "'a' and '0' are the same class, 'a'"),
        ("{0: 1, 00: 2}", "'0' and '00' are the same class, 'a'"),
        ("{3: 1}", "there is no class '3'"),
        ("{²: 1}", "there is no class '²'"),
        ("{A: 1}", "there is no class 'A'"),
        ("{}", "class_weight"),
        ("balance", "class_weight"),
    ],
)
def test_keys_that_are_not_one_class(weights: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        table_of(tmp_path, ["a", "b", "c"], weights)
    (problem,) = caught.value.problems
    assert message in problem.message or message in problem.path


def test_what_the_keys_may_be_is_told(tmp_path: Path) -> None:
    """Ten classes at the most; the fault is the key and not its value."""
    words = [f"w{i}" for i in range(12)]
    with pytest.raises(ConfigError) as caught:
        by_key({"w11x": 1.0}, tuple(words), 12)
    (problem,) = caught.value.problems
    assert problem.expected == "one of w0, w1, w2, w3, w4, w5, w6, w7, w8, w9"
    assert (problem.suggestion, problem.at_key) == ("w11", True)
    assert problem.path == ("training", "class_weight", "w11x")
    with pytest.raises(ConfigError) as caught:
        by_key({"12": 1.0}, None, 12)
    (problem,) = caught.value.problems
    assert (problem.expected, problem.at_key) == ("one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9", True)
    assert by_key({"11": 3.0}, None, 12).tolist() == [1.0] * 11 + [3.0]
    with pytest.raises(ConfigError) as caught:
        by_key({"0": 1.0}, tuple(str(i) for i in range(5, 17)), 12)
    (problem,) = caught.value.problems
    assert "(the first class is called '5')" in problem.message
    assert problem.expected == "{" + ", ".join(f"{i}: ..." for i in range(5, 15)) + "}"
    assert problem.at_key
    with pytest.raises(ConfigError) as caught:
        by_key({"b": 1.0, "1": 2.0}, ("a", "b"), 2)
    (problem,) = caught.value.problems
    assert problem.message == "'b' and '1' are the same class, 'b'"
    assert (problem.expected, problem.at_key) == ("each class once", True)


@pytest.mark.parametrize(
    ("labels", "axes", "classes"),
    [
        (np.array([2, 0, 1]), 0, [2, 0, 1]),
        (np.array([[2], [0]]), 0, [2, 0]),
        (np.array([1.0, 0.0]), 0, [1, 0]),
        (np.array([[1.0], [0.0]]), 0, [1, 0]),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), 0, [1, 0]),
        (np.array([[0, 0, 1.0]]), 0, [2]),
        (np.array([[2, 0, 1]]), 1, [[2, 0, 1]]),
        (np.array([[[1.0], [0.0]]]), 1, [[1, 0]]),
        (np.array([[[0, 0, 1.0], [0, 1.0, 0]]]), 1, [[2, 1]]),
        (np.array([[[3, 1]]]), 2, [[[3, 1]]]),
    ],
)
def test_classes_of_targets(labels: Any, axes: int, classes: list[Any]) -> None:
    """Class numbers, 0 and 1, or one-hot rows, of examples or of steps."""
    found = class_numbers(labels, axes)
    assert (found.tolist(), found.dtype) == (classes, np.int64)


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", "{type: SparseCategoricalCrossentropy, ignore_class: 1}"]
)
def test_balanced(loss: str, tmp_path: Path) -> None:
    """As scikit-learn has it: examples / (classes * examples of the class)."""
    found = table_of(tmp_path, ["a", "a", "a", "b", "b", "c"], "balanced", loss)
    np.testing.assert_allclose(found, [12 / (3 * 6), 12 / (3 * 4), 12 / (3 * 2)])


def test_balanced_counts_neither_ignored_labels_nor_classes_that_do_not_occur(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((11, 4), np.float32), y=np.array([0] * 6 + [1] * 2 + [255] * 3))
    (tmp_path / "c.yaml").write_text(CONFIG.format(loss=SPARSE).replace("{0: 2.0}", "balanced"))
    assembled = assemble(tmp_path / "c.yaml")
    found = class_weights(assembled.data.train, assembled.data, assembled.objective, "balanced")
    np.testing.assert_allclose(found["o"], [8 / 12, 8 / 4, 1])


def test_balanced_of_labels_next_to_the_classes() -> None:
    """-1 and 3 are none of three classes; one example is enough for a class to occur; all pieces count."""
    labels = np.array([-1, 0, 0, 1, 3, 2, 0, -1, 3])
    data: Any = SimpleNamespace(
        targets={"o": SimpleNamespace(dtype=labels.dtype)},
        pieces=lambda part, dtype: [(0, labels[:5]), (5, labels[5:])],
        own_places=lambda output, start, shape: np.ones(shape, np.bool_),
    )
    np.testing.assert_allclose(balanced(data, "o", 3, 0), [5 / (3 * 3), 5 / 3, 5 / 3])
    np.testing.assert_allclose(balanced(data, "o", 5, 0), [7 / (4 * 3), 7 / 4, 7 / 4, 7 / (4 * 2), 1])


@pytest.mark.parametrize("ignored", [-1, 3])
def test_ignored_labels_next_to_the_classes_weigh_what_they_did(ignored: int, tmp_path: Path) -> None:
    """Whether the data gives weights or not."""
    labels = np.array([0, 1, 2, ignored, 0])
    np.savez(tmp_path / "d.npz", x=np.ones((5, 4), np.float32), y=labels, w=np.arange(1.0, 6.0))
    text = CONFIG.format(loss=SPARSE.replace("255", str(ignored)))
    for said, expected in (("", [2, 3, 4, 1, 2]), ("sample_weight: w, ", [2, 6, 12, 4, 10])):
        (tmp_path / "c.yaml").write_text(text.replace("batch_size", f"{said}batch_size"))
        split = BatchReader(assemble(tmp_path / "c.yaml").data.train, {"o": np.array([2.0, 3.0, 4.0])})
        out = {"target:o": np.zeros(5, np.int32), "sample_weight:o": np.zeros(5, np.float32)}
        split.read(np.arange(5), out)
        assert out["sample_weight:o"].tolist() == expected


def test_balanced_of_a_sigmoid_and_of_onehot_targets(tmp_path: Path) -> None:
    y = np.array([0] * 8 + [1] * 3)
    for target, units, loss, expected in (
        (y[:, None].astype(np.float32), 1, "{type: bce, from_logits: true}", [11 / 16, 11 / 6]),
        (
            np.eye(2, dtype=np.float32)[y],
            2,
            "{type: CategoricalCrossentropy, from_logits: true}",
            [11 / 16, 11 / 6],
        ),
    ):
        np.savez(tmp_path / "d.npz", x=np.ones((11, 4), np.float32), y=target)
        text = CONFIG.format(loss=loss).replace("{0: 2.0}", "balanced").replace("units: 3", f"units: {units}")
        (tmp_path / "c.yaml").write_text(text)
        assembled = assemble(tmp_path / "c.yaml")
        found = class_weights(assembled.data.train, assembled.data, assembled.objective, "balanced")
        np.testing.assert_allclose(found["o"], expected)


def test_balanced_is_resolved_and_trains(tmp_path: Path) -> None:
    table_of(tmp_path, ["a", "a", "b", "c"], "balanced")
    for config, run in (("c.yaml", "run"), ("run/resolved.yaml", "again")):
        training = start(tmp_path / config, run_dir=tmp_path / run, threads=1)
        list(training.events())
    hashes = {
        json.loads((tmp_path / run / "manifest.json").read_text())["weights_sha256"]
        for run in ("run", "again")
    }
    assert len(hashes) == 1
    assert "class_weight: balanced" in (tmp_path / "run" / "resolved.yaml").read_text()
