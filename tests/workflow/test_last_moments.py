"""Between decision and lock, and between the last checkpoint and the end: nothing is lost or done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.workflow.train import Training, start

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
STOPPING = "{type: EarlyStopping, monitor: val_accuracy, patience: 1, restore_best_weights: true}"


def train(training: Training, checkpoints: int | None = None) -> tuple[Training, int]:
    """Drive it to its end, or until so many checkpoints are committed, as if killed there."""
    due = 0
    running = training.events()
    for event in running:
        due += isinstance(event, events.CheckpointDue)
        if due == checkpoints:
            break
    running.close()  # type: ignore[attr-defined]
    return training, due


@pytest.mark.parametrize("epochs", [2, 6])
def test_best_weights_come_back_also_after_a_kill_at_the_last_checkpoint(epochs: int, tmp_path: Path) -> None:
    """Two epochs end by themselves, six are stopped early."""
    overrides = [
        f"training.callbacks=[{STOPPING}, {{type: ModelCheckpoint}}]",
        f"training.epochs={epochs}",
        "training.metrics=[accuracy]",
    ]
    straight, count = train(start(IRIS, run_dir=tmp_path / "straight", overrides=overrides, threads=1))
    train(start(IRIS, run_dir=tmp_path / "killed", overrides=overrides, threads=1), count)
    again, _ = train(start(IRIS, run_dir=tmp_path / "killed", overrides=overrides, threads=1, resume=True))
    assert again.result()["weights_sha256"] == straight.result()["weights_sha256"]


def test_a_run_that_another_process_finished_meanwhile_is_left_alone(tmp_path: Path) -> None:
    overrides = ["training.epochs=1"]
    late = start(IRIS, run_dir=tmp_path / "run", overrides=["training.epochs=2"], threads=1)
    first, _ = train(start(IRIS, run_dir=tmp_path / "run", overrides=overrides, threads=1))
    with pytest.raises(RunError, match="another process"):
        train(late)
    done, _ = train(start(IRIS, run_dir=tmp_path / "run", overrides=overrides, threads=1))
    assert done.result() == first.result()
