"""Whole processes: commands of nnctl beside scripts that do the same job, wall time and peak memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.processes import ROOT, Whole, environment, run_whole
from benchmarks.timing import Say

CONFIG = ROOT / "configs" / "digits_mlp.yaml"
FIRST = ROOT / "configs" / "digits_cnn.yaml"


@dataclass
class Command:
    """A command that is timed; `make` gives its arguments for a scratch directory."""

    name: str
    make: Callable[[Path], Sequence[str]]
    env: Mapping[str, str]
    accuracy: Callable[[str], float] | None = None
    runs: list[Whole] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Medians over the runs."""
        found: dict[str, Any] = {
            "command": self.name,
            "seconds": round(median(r.seconds for r in self.runs), 3),
            "seconds_best": round(min(r.seconds for r in self.runs), 3),
            "cpu_seconds": round(median(r.cpu for r in self.runs), 3),
            "megabytes": round(median(r.megabytes for r in self.runs), 1),
            "runs": len(self.runs),
        }
        failed = [r.code for r in self.runs if r.code != 0]
        if failed:
            found["exit_code"] = failed[0]
        elif self.accuracy is not None:
            found["test_accuracy"] = round(self.accuracy(self.runs[-1].output), 4)
        return found


def _nnctl_accuracy(output: str) -> float:
    metrics = json.loads(output)["metrics"]
    return float(metrics.get("test_accuracy", metrics.get("val_accuracy", float("nan"))))


def _last_number(output: str) -> float:
    return float(output.strip().splitlines()[-1])


def commands(nnctl: str, peers: str | None, threads: int) -> list[Command]:
    """nnctl's commands, and the scripts of the libraries that `peers` (a Python) has."""
    env = environment(threads)
    run = [nnctl, "-m", "nnctl"]
    config = str(CONFIG)
    found = [
        Command("nnctl --help", lambda tmp: [*run, "--help"], env),
        Command("nnctl check digits_mlp", lambda tmp: [*run, "check", config], env),
        Command(
            "nnctl train digits_mlp",
            lambda tmp: [*run, "train", config, "--run-dir", str(tmp / "run"), "--json", "--quiet"],
            env,
            _nnctl_accuracy,
        ),
    ]
    if peers is None:
        return found
    described = run_whole([nnctl, "-m", "benchmarks.workers.digits_job", config], env, ROOT).output.strip()
    for backend in ("jax", "tensorflow"):
        found.append(
            Command(
                f"Keras on {backend}",
                lambda tmp: [peers, "-m", "benchmarks.scripts.keras_digits", described],
                environment(threads, {"KERAS_BACKEND": backend}),
                _last_number,
            )
        )
    found.append(
        Command(
            "scikit-learn MLPClassifier",
            lambda tmp: [peers, "-m", "benchmarks.scripts.sklearn_digits", described],
            env,
            _last_number,
        )
    )
    return found


def whole(nnctl: str, peers: str | None, threads: int, rounds: int, say: Say) -> list[dict[str, Any]]:
    """Every command `rounds` times, taking turns, after one run that fills caches."""
    every = commands(nnctl, peers, threads)
    for turn in range(rounds + 1):
        say(f"  whole processes: round {turn} of {rounds}")
        for command in every:
            with tempfile.TemporaryDirectory() as scratch:
                result = run_whole(command.make(Path(scratch)), command.env, ROOT)
            if turn:
                command.runs.append(result)
    return [command.summary() for command in every]


def cold(nnctl: str, threads: int) -> dict[str, Any]:
    """The first run ever: one epoch of the digits with convolutions, no kernel compiled yet."""
    with tempfile.TemporaryDirectory() as scratch:
        tmp = Path(scratch)
        env = environment(threads, {"NNCTL_CACHE_DIR": str(tmp / "cache")})
        train = ["train", str(FIRST), "--run-dir", str(tmp / "run"), "--set", "training.epochs=1", "--quiet"]
        command = Command(
            "first run ever: digits_cnn, 1 epoch", lambda _: [nnctl, "-m", "nnctl", *train], env
        )
        command.runs.append(run_whole(command.make(tmp), env, ROOT))
    return command.summary()
