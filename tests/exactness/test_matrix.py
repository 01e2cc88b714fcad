"""One config, one seed, one hash: over thread counts and CPU targets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.exactness.hashes import CONFIGS

ROOT = Path(__file__).resolve().parents[2]
ALL = tuple(sorted(path.name for path in CONFIGS.glob("*.yaml")))
SAMPLE = ("digits_cnn.yaml", "digits_mlp.yaml")
TARGETS = {
    "native": {},
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
}


@cache
def hashes(target: str, threads: int, configs: tuple[str, ...]) -> dict[str, str]:
    """The hashes that a process for this CPU target computes."""
    environment = {**os.environ, **TARGETS[target], "NUMBA_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.exactness.hashes", str(threads), *configs],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("target", "threads"), [("native", 2), ("generic", 3)])
def test_sample(target: str, threads: int) -> None:
    assert hashes(target, threads, SAMPLE) == hashes("native", 1, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_config(target: str, threads: int) -> None:
    assert hashes(target, threads, ALL) == hashes("native", 1, ALL)


def test_configs_differ_by_seed(tmp_path: Path) -> None:
    from nnctl.workflow.train import start

    found = set()
    for seed in (1, 2):
        training = start(
            CONFIGS / "iris.yaml", run_dir=tmp_path / str(seed), overrides=["training.epochs=1"], seed=seed
        )
        for _ in training.events():
            pass
        found.add(training.result()["weights_sha256"])
    assert len(found) == 2
