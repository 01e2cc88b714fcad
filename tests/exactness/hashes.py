"""Trains configs for a few steps and prints their weights' hashes; a process of its own per CPU target."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def short_run(config: str, threads: int, directory: Path) -> str:
    """The hash after two epochs of three steps each (validation and short batches included)."""
    from nnctl.workflow.train import start

    overrides = ["training.epochs=2", "training.steps_per_epoch=3"]
    training = start(CONFIGS / config, run_dir=directory / config, overrides=overrides, threads=threads)
    for _ in training.events():
        pass
    return str(training.result()["weights_sha256"])


def short_runs(configs: Sequence[str], threads: int) -> dict[str, str]:
    """The hash of each config, each trained in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        return {config: short_run(config, threads, Path(directory)) for config in configs}


def main() -> None:
    """`python -m tests.exactness.hashes THREADS CONFIG...`"""
    threads, configs = int(sys.argv[1]), sys.argv[2:]
    print(json.dumps(short_runs(configs, threads)))


if __name__ == "__main__":
    main()
