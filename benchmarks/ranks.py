"""Steps in several processes of one thread each, beside PyTorch's DistributedDataParallel on gloo.

`python -m benchmarks.ranks [--ranks 1,2,4,8] [--workloads cnn,mlp] [--batch 512] [--steps 30] [--rounds 3]
[--peers PYTHON]`: in turns, medians over the steps of all rounds; more processes than cores share them. By
them stands what `nnctl plan --ranks` predicts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.folder import FOLDER
from benchmarks.prepare import peers_python
from benchmarks.processes import ROOT, environment


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__)
    parser.add_argument("--ranks", default="1,2,4,8")
    parser.add_argument("--workloads", default="cnn,mlp")
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--launcher", default="mpiexec", help="with its arguments, but for -n")
    parser.add_argument("--peers", help="a Python with torch; default: .venv-bench, made if need be")
    return parser.parse_args()


def run(command: list[str], env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    asked = arguments()
    peers = asked.peers or peers_python(lambda text: print(text, file=sys.stderr))
    sizes = [int(size) for size in asked.ranks.split(",")]
    print(f"batch {asked.batch}, one thread each, {asked.steps} steps x {asked.rounds} rounds, medians in ms")
    with tempfile.TemporaryDirectory() as folder:
        env = environment(1, {FOLDER: folder})
        for name in asked.workloads.split(","):
            subprocess.run(
                [sys.executable, "-m", "benchmarks.workers.nnctl_files", name], cwd=ROOT, env=env, check=True
            )
            work = [name, str(asked.batch), str(asked.steps)]
            seconds: dict[tuple[str, int], list[float]] = {}
            last: dict[tuple[str, int], dict[str, Any]] = {}
            for _ in range(asked.rounds):
                for size in sizes:
                    launched = [*asked.launcher.split(), "-n", str(size), sys.executable, "-m"]
                    commands = {
                        "nnctl": [*launched, "benchmarks.workers.ranks_nnctl", *work],
                        "torch": [peers, "-m", "benchmarks.workers.ranks_torch", *work, str(size)],
                    }
                    for who, command in commands.items():
                        found = run(command, env)
                        seconds.setdefault((who, size), []).extend(found["seconds"])
                        last[who, size] = found
            predicted = predictions(Path(folder), name, asked.batch, max(sizes), env)
            print(f"\n{name:<8}{'ranks':>6}{'nnctl':>9}{'DDP':>9}{'ratio':>7}{'faster':>8}{'DDP':>7}", end="")
            print(f"{'sent kB':>9}{'DDP':>8}{'predicted':>11}")
            for size in sizes:
                ours, theirs = (median(seconds[who, size]) for who in ("nnctl", "torch"))
                faster, their_faster = (
                    median(seconds[who, sizes[0]]) / own for who, own in (("nnctl", ours), ("torch", theirs))
                )
                sent, their_sent = (last[who, size]["sent"] / 1e3 for who in ("nnctl", "torch"))
                told = predicted.get(size)
                print(
                    f"{'':<8}{size:>6}{ours * 1e3:>9.2f}{theirs * 1e3:>9.2f}{theirs / ours:>7.2f}"
                    f"{faster:>8.2f}{their_faster:>7.2f}{sent:>9.0f}{their_sent:>8.0f}"
                    + (f"{told * 1e3:>11.2f}" if told is not None else "")
                )


def predictions(folder: Path, name: str, batch: int, size: int, env: dict[str, str]) -> dict[int, float]:
    """What `nnctl plan --ranks` says of a step, by the number of processes; they share this machine."""
    command = [
        sys.executable,
        "-m",
        "nnctl",
        "plan",
        str(folder / f"{name}.yaml"),
        "--json",
        "--threads",
        "1",
    ]
    command += ["--ranks", str(size), "--per-machine", str(size), "--bandwidth", "5GB", "--latency", "5us"]
    command += ["--set", f"data.batch_size={batch}", "--set", "training.shards=8"]
    found = run(command, env)
    return {row["ranks"]: row["step_seconds"] for row in found["ranks"]}


if __name__ == "__main__":
    main()
