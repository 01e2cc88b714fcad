"""Stopped at any moment and resumed: the bits of the uninterrupted run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.workflow.train import Training, start

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
OVERRIDES = ["training.epochs=4", "training.checkpoint={every: epoch}"]
HALVES = CONFIGS / "digits_halves.yaml"


def run(training: Training, stop_at: int | None = None) -> dict[str, object]:
    """Drive a training to its end, or to a signal after update `stop_at`."""
    for event in training.events():
        if isinstance(event, events.StepEnded) and event.step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
    return training.result()


def files(directory: Path) -> dict[str, object]:
    """What a finished run leaves that must not depend on how it got there."""
    rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    log = directory / "log.csv"
    return {"metrics": rows, "log": log.read_text() if log.exists() else None}


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], dict[str, object]]:
    directory = tmp_path_factory.mktemp("straight") / "run"
    result = run(start(HALVES, run_dir=directory, overrides=OVERRIDES))
    return result, files(directory)


@pytest.mark.parametrize("stops", [(1,), (39,), (40,), (41, 42), (57, 80, 101, 159)])
def test_sigterm_and_resume(stops: tuple[int, ...], straight, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    directory = tmp_path / "run"
    for number, stop in enumerate(stops):
        training = start(HALVES, run_dir=directory, overrides=OVERRIDES, resume=number > 0)
        result = run(training, stop)
        assert (training.exit_code, result["status"]) == (143, "interrupted")
        assert result["steps"] == stop
        with pytest.raises(RunError, match="--resume"):
            start(HALVES, run_dir=directory, overrides=OVERRIDES)
    result = run(start(HALVES, run_dir=directory, overrides=OVERRIDES, resume=True))
    assert result["weights_sha256"] == straight[0]["weights_sha256"]
    assert result["metrics"] == straight[0]["metrics"]
    assert files(directory) == straight[1]


LONG = {
    "constitution_lstm.yaml": ["training.epochs=40", "training.steps_per_epoch=2"],
    "constitution_transformer.yaml": ["training.epochs=40", "training.steps_per_epoch=2"],
    "diabetes.yaml": ["training.epochs=400", "training.callbacks.0.patience=400"],
    "digits_autoencoder.yaml": ["training.epochs=150"],
    "digits_cnn.yaml": ["training.epochs=60", "training.callbacks.0.patience=60"],
    "digits_halves.yaml": ["training.epochs=150"],
    "digits_mlp.yaml": ["training.epochs=150"],
    "digits_pairs.yaml": ["training.epochs=60", "training.steps_per_epoch=5"],
    "digits_residual.yaml": ["training.epochs=60", "training.steps_per_epoch=4"],
    "iris.yaml": ["training.epochs=400"],
    "penguins.yaml": ["training.epochs=300"],
    "sentences.yaml": ["training.epochs=200", "training.callbacks.0.patience=200"],
    "sunspots_lstm.yaml": ["training.epochs=120", "training.callbacks.0.patience=120"],
}
"""What makes each config train for seconds, in short epochs: kills come before and after checkpoints."""


def resumed(directory: Path) -> int:
    """How often the run was resumed, by its manifest; -1 before it has one."""
    try:
        return int(json.loads((directory / "manifest.json").read_text())["resumed"])
    except FileNotFoundError:
        return -1


def kill_and_resume(
    config: Path, overrides: list[str], directory: Path, kills: int, longest: float
) -> tuple[dict[str, object], int]:
    """Train in processes that are killed at random moments up to `longest` seconds after they began to
    train, then to the end; the result, and how many kills came while it trained."""
    random_ = random.Random(11)
    command = [sys.executable, "-m", "nnctl", "train", str(config), "--run-dir", str(directory), "--json"]
    command += [part for text in overrides for part in ("--set", text)]
    training = 0
    for _ in range(kills):
        before = resumed(directory)
        resume = ["--resume"] if before >= 0 else []
        process = subprocess.Popen([*command, *resume], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while resumed(directory) == before and process.poll() is None:
            time.sleep(0.002)
        time.sleep(random_.uniform(0.0, longest))
        training += process.poll() is None
        process.kill()
        process.wait()
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result, training


@pytest.mark.parametrize("every", ["epoch", "auto"])
def test_kill_9_and_resume(every: str, straight, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """With `auto` the run is too short for a checkpoint: it begins again, and so do its files."""
    overrides = [OVERRIDES[0], f"training.checkpoint={{every: {every}}}"]
    result, training = kill_and_resume(HALVES, overrides, tmp_path / "run", kills=2, longest=0.02)
    assert training
    assert result["weights_sha256"] == straight[0]["weights_sha256"]
    assert files(tmp_path / "run") == straight[1]


AUGMENTED = """model.layers=[
  {type: RandomRotation, factor: 0.1},
  {type: RandomErasing, value_range: [0, 1]},
  {type: RandomGaussianBlur, value_range: [0, 1]},
  Flatten,
  {type: Dense, units: 10, activation: softmax, name: digit},
]"""


def test_images_that_are_changed_at_random_go_on(tmp_path: Path) -> None:
    """Stopped within an epoch and killed, on other numbers of threads: the draws are those of the step."""
    config, stopped = CONFIGS / "digits_cnn.yaml", tmp_path / "stopped"
    overrides = [
        AUGMENTED,
        "training.epochs=2",
        "training.callbacks=[]",
        "training.checkpoint={every: epoch}",
    ]
    straight = run(start(config, run_dir=tmp_path / "straight", overrides=overrides))
    run(start(config, run_dir=stopped, overrides=overrides, threads=2), 3)
    run(start(config, run_dir=stopped, overrides=overrides, threads=1, resume=True), 57)
    result = run(start(config, run_dir=stopped, overrides=overrides, threads=3, resume=True))
    assert result["weights_sha256"] == straight["weights_sha256"]
    assert files(stopped) == files(tmp_path / "straight")
    killed, _ = kill_and_resume(config, overrides, tmp_path / "killed", kills=1, longest=0.05)
    assert killed["weights_sha256"] == straight["weights_sha256"]


@pytest.mark.slow
@pytest.mark.parametrize("config", sorted(path.name for path in CONFIGS.glob("*.yaml")))
def test_twenty_kills(config: str, tmp_path: Path) -> None:
    overrides = [*LONG[config], "training.checkpoint={every: epoch}"]
    reference = run(start(CONFIGS / config, run_dir=tmp_path / "straight", overrides=overrides))
    result, training = kill_and_resume(CONFIGS / config, overrides, tmp_path / "killed", 20, 0.06)
    assert training >= 15, "most kills must come while it trains"
    assert result["weights_sha256"] == reference["weights_sha256"]
    assert files(tmp_path / "killed") == files(tmp_path / "straight")


def test_completed_run_is_left_alone(tmp_path: Path) -> None:
    config, directory = CONFIGS / "iris.yaml", tmp_path / "run"
    first = run(start(config, run_dir=directory, overrides=["training.epochs=1"]))
    before = {p.name: p.stat().st_mtime_ns for p in directory.iterdir()}
    training = start(config, run_dir=directory, overrides=["training.epochs=1"])
    assert run(training)["weights_sha256"] == first["weights_sha256"]
    assert training.exit_code == 0
    assert {p.name: p.stat().st_mtime_ns for p in directory.iterdir()} == before


def test_another_config_is_refused_with_the_difference(tmp_path: Path) -> None:
    config, directory = CONFIGS / "iris.yaml", tmp_path / "run"
    run(start(config, run_dir=directory, overrides=["training.epochs=1"]))
    with pytest.raises(RunError, match=r"(?s)another config.*epochs: 2"):
        start(config, run_dir=directory, overrides=["training.epochs=2"])
