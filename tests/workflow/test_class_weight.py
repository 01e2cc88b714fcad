"""Class weights: one class an example, or an error; labels that the loss ignores have none to look up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
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


def test_labels_of_every_step_or_of_several_kinds_have_no_one_class(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one class an example"):
        train(tmp_path, (6, 4), np.arange(66).reshape(11, 6) % 3, SPARSE)
    with pytest.raises(ConfigError, match="one class an example"):
        train(tmp_path, (4,), np.arange(33).reshape(11, 3) % 2, "{type: bce, from_logits: true}")
    assert not (tmp_path / "run").exists()
