"""Of a large file, check reads the first rows: what is wrong there is refused, what is not read is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.spec.emit import block
from nnctl.workflow.assemble import assemble
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
