"""Which checkpoints a run keeps beside what callbacks ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core.errors import ConfigError
from nnctl.runs.directory import RunDirectory
from nnctl.workflow.plan import plan
from nnctl.workflow.train import start
from tests.runner.test_boundaries import job

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


@pytest.mark.parametrize(
    "callback", ["{type: ModelCheckpoint, save_freq: 4}", "ModelCheckpoint", "TerminateOnNaN"]
)
def test_the_best_is_marked_unless_a_callback_does_it(callback: str, tmp_path: Path) -> None:
    overrides = [f"training.callbacks=[{callback}]", "training.epochs=2"]
    for _ in start(IRIS, run_dir=tmp_path / "run", overrides=overrides, threads=1).events():
        pass
    assert RunDirectory(tmp_path / "run").checkpoints.best() is not None


@pytest.mark.parametrize(
    ("overrides", "watched"),
    [
        ([], "val_loss"),
        (["data.split={}"], "loss"),
        (["training.callbacks=[ModelCheckpoint]"], "val_loss"),
        (["training.callbacks=[{type: ModelCheckpoint, save_best_only: true}]"], None),
    ],
)
def test_what_the_best_is_judged_by(overrides: list[str], watched: str | None) -> None:
    assert job(*overrides).mark_best == watched


def test_a_failed_run_tells_of_checkpoints_only_where_there_are_some(tmp_path: Path) -> None:
    overrides = ["training.optimizer={type: SGD, learning_rate: 1e30}", "training.epochs=2"]
    training = start(IRIS, run_dir=tmp_path / "run", overrides=overrides, threads=1)
    said = "\n".join(event.text for event in training.events() if hasattr(event, "text"))
    assert training.exit_code == 5
    assert "learning rate" in said
    assert "checkpoint" not in said


@pytest.mark.parametrize("weights", [".nan", "{species: .inf}", "[-.inf]"])
def test_loss_weights_are_finite(weights: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"loss_weights|species"):
        start(IRIS, run_dir=tmp_path / "run", overrides=[f"training.loss_weights={weights}"])


@pytest.mark.parametrize(
    ("overrides", "copies"),
    [
        (["training.epochs=1"], 0),
        (["training.epochs=2"], 1),
        (["training.epochs=2", "training.checkpoint={every: epoch}"], 0),
        (["training.epochs=2", "training.callbacks=[{type: ModelCheckpoint, save_best_only: true}]"], 0),
        (["training.epochs=2", "training.callbacks=[{type: EarlyStopping, restore_best_weights: true}]"], 2),
    ],
)
def test_the_plan_counts_the_weights_that_are_kept(overrides: list[str], copies: int) -> None:
    memory = plan(IRIS, overrides=[*overrides], threads=1).memory
    assert memory.kept == copies * memory.weights
    assert memory.total > memory.kept
