"""A small config to sweep, and a study without processes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from nnctl.spec.language.sweep import SweepSpec
from nnctl.workflow.sweep.board import Board, Study
from nnctl.workflow.sweep.storage import open_storage

CONFIGS = Path("configs")
SWEEP = """
sweep:
  ranges:
    training.optimizer.learning_rate: {low: 1e-4, high: 1e-1, log: true}
    model.layers.0.units: {low: 4, high: 12, int: true}
    model.layers.1.activation: [relu, tanh]
  startup: 2
  trials: 4
"""


def config(folder: Path, sweep: str = SWEEP, epochs: int = 2) -> Path:
    """Iris with a section `sweep`, its data beside it."""
    (folder / "data").mkdir()
    shutil.copy(CONFIGS / "data" / "iris.csv", folder / "data")
    file = folder / "iris.yaml"
    file.write_text((CONFIGS / "iris.yaml").read_text().replace("epochs: 60", f"epochs: {epochs}") + sweep)
    return file


def study(number: int = 3, **more: Any) -> Study:
    """A study of one setting."""
    search = SweepSpec.model_validate({"ranges": {"a.b": {"low": 0.5, "high": 2}}} | more)
    return Study("s", search, "minimize", 5, 4, number, {"config": "c", "data": "d"})


def board(place: Path, key: str = "here", grace: float = 60.0, of: Study | None = None) -> Board:
    """A worker's view of it, in a journal at `place`."""
    return Board(of or study(), open_storage(place), place, key, grace)
