"""Trains the configs of `configs/` whole and prints the table of `docs/configs.md`.

python -m tests.docs.whole_configs [iris ...]
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from tests.cli.command import CONFIGS, environment

NAMES = tuple(sorted(path.stem for path in CONFIGS.glob("*.yaml")))
TITLES = ("config", "on the test split", "parameters", "epochs", "seconds", "weights_sha256")


def cells(name: str) -> list[str]:
    """A config's row, trained whole. All of it is exact but the seconds of a processor, the last but one."""
    config = str(CONFIGS / f"{name}.yaml")
    with tempfile.TemporaryDirectory() as directory:
        run = str(Path(directory) / "run")
        before = _seconds()
        trained = _command("train", config, "--run-dir", run, "--quiet")
        seconds = _seconds() - before
        tested = _command("eval", run)["metrics"]
    return [
        f"[{name}](#{name})",
        ", ".join(f"{metric} {value:.4g}" for metric, value in _shown(tested).items()),
        f"{_command('plan', config)['parameters']:,}",
        str(trained["epochs"]),
        str(ceil(seconds)),
        f"`{trained['weights_sha256'][:12]}`",
    ]


def _seconds() -> float:
    """Of a processor, of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _command(*arguments: str) -> Any:
    """What a command of nnctl says, in a process of its own."""
    command = [sys.executable, "-m", "nnctl", *arguments, "--json"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _shown(metrics: Mapping[str, float]) -> dict[str, float]:
    """All but losses, in the column's own unit where it was scaled."""
    return {
        name: metrics.get(f"{name}_unscaled", value)
        for name, value in metrics.items()
        if "loss" not in name and not name.endswith("_unscaled")
    }


def main() -> None:
    """Print a row for each config asked for; the seconds are those of a second run, kernels compiled."""
    print(f"| {' | '.join(TITLES)} |\n|{' --- |' * len(TITLES)}")
    for name in sys.argv[1:] or NAMES:
        cells(name)
        print(f"| {' | '.join(cells(name))} |", flush=True)


if __name__ == "__main__":
    main()
