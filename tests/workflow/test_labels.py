"""Labels of a file given to `eval` that are no classes of the model: an error, and no NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nnctl.core.errors import DataError
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
