"""Of a large file, check reads the first rows: what is wrong there is refused, what is not read is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.spec.yaml.emit import block
from nnctl.workflow.assemble import assemble, load_experiment
from nnctl.workflow.assemble import look as quick_look
from nnctl.workflow.check import check
from tests.cli.command import nnctl

ROWS = 4000


def arrays(directory: Path, labels: Any = None) -> dict[str, Any]:
    """An NPZ of more than the 256 KiB that are read whole."""
    rng = np.random.default_rng(0)
    y = np.arange(ROWS) % 3 if labels is None else labels
    np.savez(directory / "data.npz", x=rng.normal(size=(ROWS, 40)).astype(np.float32), y=y)
    return {"type": "npz", "path": "data.npz", "target": "y"}


def cells(directory: Path) -> dict[str, Any]:
    """A CSV of more than the 1 MiB that is read whole, with words as classes."""
    head = ",".join(f"x{i}" for i in range(70)) + ",y\n"
    rows = "".join(",".join(["0.125", "0.25"] * 35) + f",{'abc'[i % 3]}\n" for i in range(ROWS))
    (directory / "data.csv").write_text(head + rows)
    return {"type": "csv", "path": "data.csv", "target": "y"}


def written(directory: Path, source: Any, *, data: Any = None, model: Any = None, **training: Any) -> Path:
    layers = [{"type": "Dense", "units": 3, "activation": "softmax"}]
    config = {
        "nnctl": 1,
        "data": {"source": source, **(data or {})},
        "model": {"layers": layers, **(model or {})},
        "training": {"loss": "sparse_categorical_crossentropy", **training},
    }
    (directory / "c.yaml").write_text(block(config))
    return directory / "c.yaml"


def test_what_was_not_read_is_said(tmp_path: Path) -> None:
    done = nnctl("check", written(tmp_path, arrays(tmp_path)))
    assert done.code == 0, done.err
    assert "of a large file the first rows were read" in done.err
    assert nnctl("check", tmp_path / "c.yaml", "--json").json["exact"] is False


def test_a_label_outside_the_classes(tmp_path: Path) -> None:
    labels = np.arange(ROWS) % 3
    labels[7] = 9
    file = written(tmp_path, arrays(tmp_path, labels))
    for look in (check, assemble):
        with pytest.raises(ConfigError, match="the label 9 occurs"):
            look(file)


@pytest.mark.parametrize("source", [arrays, cells])
@pytest.mark.parametrize("word", ["7", "d"])
def test_class_weights_of_no_class(source: Any, word: str, tmp_path: Path) -> None:
    file = written(tmp_path, source(tmp_path), class_weight={word: 2.0})
    for look in (check, assemble):
        with pytest.raises(ConfigError, match=f"'{word}'"):
            look(file)


@pytest.mark.parametrize(("source", "test"), [(arrays, 9000), (arrays, ROWS), (cells, 9000)])
def test_more_rows_than_there_are(source: Any, test: int, tmp_path: Path) -> None:
    file = written(tmp_path, source(tmp_path), data={"split": {"test": test}})
    for look in (check, assemble):
        with pytest.raises(DataError, match="leave nothing to train on"):
            look(file)


def test_as_many_rows_as_there_are(tmp_path: Path) -> None:
    assert check(written(tmp_path, cells(tmp_path), data={"split": {"test": 3000}})).summary["valid"]


@pytest.mark.parametrize("source", [arrays, cells])
def test_initial_weights_that_do_not_fit(source: Any, tmp_path: Path) -> None:
    (tmp_path / "small.csv").write_text("a,b,y\n" + "1,2,0\n3,4,1\n5,1,2\n" * 4)
    other = written(tmp_path, {"type": "csv", "path": "small.csv", "target": "y"})
    assert nnctl("train", other, "-q", "--run-dir", tmp_path / "run").code == 0
    file = written(tmp_path, source(tmp_path), model={"initial_weights": "run"})
    for look in (check, assemble_and_read):
        with pytest.raises(ConfigError, match="the model needs") as caught:
            look(file)
        (problem,) = caught.value.problems
        assert problem.place is not None


def assemble_and_read(file: Path) -> None:
    from nnctl.workflow.train import start

    start(file)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory where 300 rows are many: `check` reads 200 of them."""
    monkeypatch.setattr("nnctl.data.head.WHOLE", 0)
    x, i = np.ones((300, 4), np.float32), np.arange(900).reshape(300, 3) % 5
    np.savez(tmp_path / "d.npz", x=x, i=i, y=np.arange(300) % 3, w=np.ones(300), part=np.arange(300) % 2)
    rows = [f"{'ab'[i % 2]},{i},{('no', 'yes')[i % 2] if i < 250 else 'perhaps'}\n" for i in range(300)]
    (tmp_path / "d.csv").write_text("word,size,y\n" + "".join(rows))
    return tmp_path


NPZ = {"type": "npz", "path": "d.npz", "target": "y"}
CSV = {"type": "csv", "path": "d.csv", "target": "y"}
OF_X = {"inputs": "x"}
LOST = "; of a large file the first rows were read, what only the others show is said by train"


def told(file: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check(file)
    assert all(problem.place is not None for problem in caught.value.problems)
    return [problem.message for problem in caught.value.problems]


def test_what_is_known_of_the_size(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All splits; or the rows, where a file says how many there are; a width may depend on rows not read."""
    assert check(written(large, NPZ, data=OF_X)).summary["summary"] == f"ok: 15 parameters, 300 rows{LOST}"
    found = check(written(large, CSV)).summary
    assert found["summary"] == f"ok: parameters depend on rows not read, rows not counted{LOST}"
    assert (found["parameters"], found["rows"]) == (None, None)
    monkeypatch.undo()
    found = check(written(large, NPZ, data=OF_X | {"split": {"test": 0.25}})).summary
    assert found["summary"] == "ok: 15 parameters, 225 train, 75 test"


def test_a_width_that_is_declared_is_taken(large: Path) -> None:
    """So that there is a model, with its problems."""
    data = {"inputs": {"c": ["word"], "s": ["size"]}}
    layers = [
        {"type": "Concatenate", "inputs": ["c", "s"]},
        {"type": "Dense", "units": 3, "activation": "softmax"},
    ]
    model = {"inputs": {"c": {"shape": [2]}, "s": {"shape": [1]}}, "layers": layers}
    assert check(written(large, CSV, data=data, model=model)).summary["parameters"] == 12
    wrong = model | {"layers": [*layers, {"type": "Flatten", "inputs": "nothere"}]}
    assert any("nothere" in message for message in told(written(large, CSV, data=data, model=wrong)))


def test_all_that_the_rows_show_comes_together(large: Path) -> None:
    """A label, an index, a class weight and a callback."""
    labels = np.arange(300) % 3
    labels[7] = 9
    np.savez(large / "d.npz", i=np.arange(900).reshape(300, 3) % 5, y=labels)
    layers = [
        {"type": "Embedding", "input_dim": 4, "output_dim": 2, "name": "table"}, "Flatten",
        {"type": "Dense", "units": 3, "activation": "softmax", "name": "o"},
    ]  # fmt: skip
    callbacks = [{"type": "EarlyStopping", "monitor": "val_loss"}]
    model = {"inputs": {"i": {"shape": [3]}}, "layers": layers}
    rest: dict[str, Any] = {"data": {"inputs": "i"}, "model": model, "callbacks": callbacks}
    assert told(written(large, NPZ, class_weight={"7": 2.0}, **rest)) == [
        "'table' has a table of 4 rows (0 to 3), but the index 4 occurs (d.npz, row 2)",
        "output 'o' has 3 classes (0 to 2), but the label 9 occurs (d.npz, row 8)",
        "there is no class '7'",
        "there is no 'val_loss' to monitor; it needs a validation split",
    ]


def test_what_follows_from_a_wrong_shape_or_metric_is_not_told(large: Path) -> None:
    """Labels are held against classes once shapes fit, and weights by class once metrics do, too."""
    np.savez(large / "d.npz", x=np.ones((300, 4), np.float32), y=np.full((300, 2), 9))
    callbacks = [{"type": "EarlyStopping", "monitor": "val_loss"}]
    rest: dict[str, Any] = {"data": OF_X, "class_weight": {"7": 2.0}, "callbacks": callbacks}
    shape, watched = told(written(large, NPZ, **rest))
    assert shape.endswith("wants a target of (), but the data gives (2)")
    assert watched.startswith("there is no 'val_loss'")
    np.savez(large / "d.npz", x=np.ones((300, 4), np.float32), y=np.full(300, 9))
    label, metric, watched = told(written(large, NPZ, metrics=["mae"], **rest))
    assert label.endswith("the label 9 occurs (d.npz, row 1)")
    assert metric.startswith("the metric does not fit output")
    assert watched.startswith("there is no 'val_loss'")


def test_words_of_rows_not_read_may_be_classes(large: Path) -> None:
    """With as many as the model tells apart, there are no others."""
    data = {"inputs": "size"}
    check(written(large, CSV, data=data, class_weight={"perhaps": 2.0}))
    two = {"layers": [{"type": "Dense", "units": 2, "activation": "softmax"}]}
    assert told(written(large, CSV, data=data, model=two, class_weight={"perhaps": 2.0})) == [
        "there is no class 'perhaps'"
    ]


VALIDATED: list[tuple[Any, bool]] = [
    ({}, False),
    ({"split": {"test": 0.2}}, False),
    ({"split": {"validation": 0.2}}, True),
    ({"split": {"by": "part"}}, True),
    ({"validation": NPZ}, True),
    ({"validation": NPZ, "split": {"test": 0.2}}, True),
]


@pytest.mark.parametrize(("more", "fine"), VALIDATED)
def test_whether_there_is_validation_is_known(more: Any, fine: bool, large: Path) -> None:
    file = written(large, NPZ, data=OF_X | more, callbacks=[{"type": "EarlyStopping", "monitor": "val_loss"}])
    if "validation" in more:
        file.write_text(file.read_text().replace("  source:", "  train:"))
    if fine:
        check(file)
    else:
        assert told(file) == ["there is no 'val_loss' to monitor; it needs a validation split"]


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("many", [False, True])
def test_whether_examples_have_weights_is_known(
    weight: str | None, many: bool, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not many:
        monkeypatch.undo()
    file = written(large, NPZ, data=OF_X | ({"sample_weight": weight} if weight else {}))
    found = quick_look(load_experiment(file))
    assert (found.head.exact, found.objective is not None) == (not many, True)
    assert found.objective.outputs[0].weighted == (weight is not None)  # type: ignore[union-attr]
