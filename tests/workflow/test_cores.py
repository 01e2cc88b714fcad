"""`train`, `eval` and `predict` give each thread a core of its own; the manifest counts what there was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import CONFIGS, environment

PROGRAM = """
import json, os, sys
from pathlib import Path
from nnctl.workflow.evaluate import evaluate
from nnctl.workflow.predict import predict
from nnctl.workflow.train import start

cores = len(os.sched_getaffinity(0))
real, given = os.sched_setaffinity, []

def record(thread, wanted):
    given.append(len(wanted))
    real(thread, wanted)

os.sched_setaffinity = record

def seen():
    found, given[:] = list(given), []
    return found

config = Path(sys.argv[1])
training = start(config, run_dir=Path("run"), overrides=["training.epochs=1"], threads=cores)
list(training.events())
trained = seen()
evaluate("run", threads=cores)
evaluated = seen()
predict("run", config.parent / "data" / "iris.csv", Path("out.csv"), threads=cores)
predicted = seen()
print(json.dumps([training.manifest.machine["cpus"], trained, evaluated, predicted]))
"""


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@pytest.mark.skipif(CORES < 2, reason="needs two cores, on Linux")
def test_a_core_each_and_all_of_them_back(tmp_path: Path) -> None:
    """Both threads of `eval` and `predict` shared one core often, at half the speed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CONFIGS / "iris.yaml")],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cpus, *given = json.loads(done.stdout.splitlines()[-1])
    assert cpus == CORES
    for calls in given:
        assert calls == [1] * CORES + [CORES] * CORES
