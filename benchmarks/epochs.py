"""Many tiny epochs: what an epoch costs besides its steps, and what is left on the disk."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, environment, run_whole
from benchmarks.timing import Say

_CONFIG = """
nnctl: 1
name: many-epochs
data: {source: {type: csv, path: rows.csv, target: z}, batch_size: 32}
model:
  layers:
    - {type: Dense, units: 8, activation: relu}
    - {type: Dense, units: 1}
training:
  epochs: %d
  optimizer: {type: Adam, learning_rate: 1e-4}
  loss: mse
  metrics: [mae]
  callbacks: [{type: CSVLogger, filename: log.csv}]
"""
_ROWS = 65


def epochs(nnctl: str, threads: int, say: Say, count: int = 100_000) -> dict[str, Any]:
    """Seconds of `count` epochs of 65 rows with a log file, and the run directory's megabytes."""
    env = environment(threads)
    numbers = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch:
        tmp = Path(scratch)
        rows = [(numbers.random(), numbers.random()) for _ in range(_ROWS)]
        text = "".join(f"{x:.4f},{y:.4f},{2 * x - y:.4f}\n" for x, y in rows)
        (tmp / "rows.csv").write_text("x,y,z\n" + text)
        (tmp / "many.yaml").write_text(_CONFIG % count)
        found: dict[str, Any] = {"epochs": count}
        for name, more in (("start", ["--set", "training.epochs=1"]), ("seconds", [])):
            say(f"  epochs: {name}")
            run = tmp / name
            train = ["train", str(tmp / "many.yaml"), "--run-dir", str(run), "--quiet", *more]
            found[name] = round(run_whole([nnctl, "-m", "nnctl", *train], env, ROOT).seconds, 2)
        found["megabytes"] = round(sum(p.stat().st_size for p in run.rglob("*") if p.is_file()) / 1e6, 2)
    return found
