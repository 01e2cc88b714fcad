"""Labels of a file given to `eval` that are no classes of the model: an error, and no NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, DataError
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.train import start

CONFIG = """
nnctl: 1
data: {source: {type: npz, path: d.npz}, inputs: {x: x}, targets: {o: y}, batch_size: 8}
model: {layers: [{type: Dense, units: 3, activation: softmax, name: o}]}
training: {epochs: 1, optimizer: sgd, loss: {type: SparseCategoricalCrossentropy, ignore_class: 255}}
"""


def save(path: Path, label: int) -> Path:
    """Eleven examples of four numbers; the seventh has `label`."""
    labels = np.arange(11) % 3
    labels[6] = label
    np.savez(path, x=np.ones((11, 4), np.float32), y=labels)
    return path


@pytest.mark.parametrize("label", [3, -1, 2**31 - 1])
def test_a_label_that_is_no_class(label: int, tmp_path: Path) -> None:
    save(tmp_path / "d.npz", 0)
    (tmp_path / "c.yaml").write_text(CONFIG)
    list(start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1).events())
    run = str(tmp_path / "run")
    with pytest.raises(DataError, match=f"more.npz:7: the label {label} is none of the classes 0 to 2"):
        evaluate(run, data=save(tmp_path / "more.npz", label), threads=1)
    assert evaluate(run, data=save(tmp_path / "more.npz", 255), threads=1).examples == 11


SOURCE = "{type: npy, path: x.npy, others: {y: y.npy, w: w.npy}}"
WINDOW = "window: {length: 2, horizon: 3}"
PLACED = f"""
nnctl: 1
data: {{source: {SOURCE}, inputs: x, target: y, SAID}}
model: {{layers: [Flatten, {{type: Dense, units: 3, activation: softmax}}]}}
training: {{loss: sparse_categorical_crossentropy}}
"""


@pytest.mark.parametrize("said", ["batch_size: 8", WINDOW])
def test_a_label_is_found_where_it_is(said: str, tmp_path: Path) -> None:
    """In the file of its own column, and in the row of the target, not where its window begins."""
    labels = np.arange(11) % 3
    labels[6] = 7
    for name, values in {"x": np.ones((11, 4)), "y": labels, "w": np.ones(11)}.items():
        np.save(tmp_path / f"{name}.npy", values)
    (tmp_path / "c.yaml").write_text(PLACED.replace("SAID", said))
    with pytest.raises(ConfigError, match=r"the label 7 occurs \(y.npy, row 7\)"):
        start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1)


def test_a_weight_is_found_where_it_is(tmp_path: Path) -> None:
    for name, values in {"x": np.ones((4, 4)), "y": np.arange(4) % 3, "w": np.array([1, 2, -3, 4])}.items():
        np.save(tmp_path / f"{name}.npy", values)
    (tmp_path / "c.yaml").write_text(PLACED.replace("SAID", "sample_weight: w"))
    with pytest.raises(DataError, match=r"w.npy:3, column 'w': a sample weight is negative"):
        start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1)


def test_a_label_of_a_window_in_a_file_for_eval(tmp_path: Path) -> None:
    rows = [f"{i},{i % 3}" for i in range(12)]
    (tmp_path / "a.csv").write_text("\n".join(["x,y", *rows]))
    text = PLACED.replace("SAID", "window: {length: 2, horizon: 3}").replace(
        "layers: [", "layers: [Flatten, "
    )
    source = "{type: npy, path: x.npy, others: {y: y.npy, w: w.npy}}"
    (tmp_path / "c.yaml").write_text(text.replace(source, "a.csv"))
    list(start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1).events())
    rows[6] = "6,7"
    (tmp_path / "b.csv").write_text("\n".join(["x,y", *rows]))
    with pytest.raises(DataError, match=r"b.csv:8: the label 7 is none of the classes 0 to 2"):
        evaluate(str(tmp_path / "run"), data=tmp_path / "b.csv", threads=1)


CATEGORY = "columns: {y: {type: category}}, which numbers the labels"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, 2, 3], f"{CATEGORY} (1, 2, 3) from 0 on"),
        ([10, 20, 255], f"{CATEGORY} (10, 20) from 0 on"),
        ([-1, 1], f"{CATEGORY} (-1, 1) from 0 on"),
        ([0, 2, 5], f"{CATEGORY} (0, 2, 5) from 0 on"),
        ([0, 1, 2, 3], "units: 4"),
        ([1, 2, 3, 4, 5], f"units: 5, and {CATEGORY} (1, 2, 3, 4, ...) from 0 on"),
    ],
)
def test_what_helps_against_labels_that_are_no_classes(
    labels: list[int], expected: str, tmp_path: Path
) -> None:
    """Labels 1 to 3 of 3 units want no fourth unit; and the advice holds."""
    y = np.resize(labels, 12)
    np.savez(tmp_path / "d.npz", x=np.ones((12, 4), np.float32), y=y)
    (tmp_path / "c.yaml").write_text(CONFIG)
    with pytest.raises(ConfigError) as caught:
        start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1)
    (problem,) = caught.value.problems
    assert problem.expected == expected
    if 255 not in labels:
        text = CONFIG
        if "units" in expected:
            text = text.replace("units: 3", expected[:8])
        if "category" in expected:
            text = text.replace("batch_size: 8", "columns: {y: {type: category}}")
        (tmp_path / "c.yaml").write_text(text)
        start(tmp_path / "c.yaml", run_dir=tmp_path / "run", threads=1)
