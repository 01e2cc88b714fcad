"""What `nnctl plan` says of memory against what the process really holds."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, environment, run_whole
from benchmarks.timing import Say

_DATA = """
import numpy as np
r = np.random.default_rng(0)
np.savez("big.npz", x=r.random((40000, 784), dtype=np.float32), y=r.integers(0, 10, 40000).astype(np.int32))
"""

_BIG = """
nnctl: 1
data: {source: {type: npz, path: big.npz, target: y}, batch_size: 256, split: {validation: 0.1}}
model:
  layers:
    - {type: Dense, units: 1024, activation: relu}
    - {type: Dense, units: 1024, activation: relu}
    - {type: Dense, units: 10, activation: softmax}
training: {epochs: 1, steps_per_epoch: 20, optimizer: adam, loss: sparse_categorical_crossentropy}
"""


def memory(nnctl: str, threads: int, say: Say) -> dict[str, Any]:
    """Peak memory of a large training, of a tiny one (the interpreter), and the plan of the large one."""
    env = environment(threads)
    with tempfile.TemporaryDirectory() as scratch:
        tmp = Path(scratch)
        subprocess.run([nnctl, "-c", _DATA], cwd=tmp, check=True)
        (tmp / "big.yaml").write_text(_BIG)
        iris = str(ROOT / "configs" / "iris.yaml")
        peaks = {}
        for name, config in (("interpreter", iris), ("process", str(tmp / "big.yaml"))):
            say(f"  memory: {name}")
            for turn in range(2):  # The first one compiles kernels where the cache is cold.
                train = ["train", config, "--run-dir", str(tmp / f"{name}{turn}"), "--quiet"]
                peaks[name] = run_whole([nnctl, "-m", "nnctl", *train], env, ROOT).megabytes
        asked = run_whole([nnctl, "-m", "nnctl", "plan", str(tmp / "big.yaml"), "--json"], env, ROOT)
    planned = json.loads(asked.output)["memory"]["total"] / 1e6
    return {
        "planned_megabytes": round(planned, 1),
        "interpreter_megabytes": round(peaks["interpreter"], 1),
        "process_megabytes": round(peaks["process"], 1),
        "ratio": round(peaks["process"] / (planned + peaks["interpreter"]), 3),
    }
