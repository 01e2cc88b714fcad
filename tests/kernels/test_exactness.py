"""The same bits whatever CPU the kernels are compiled for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

TARGETS = {
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
}


def hashes(dtype: str, target: dict[str, str]) -> str:
    command = [sys.executable, "-m", "tests.kernels.hashed_kernels", dtype]
    done = subprocess.run(command, env={**os.environ, **target}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_hash_for_every_target(dtype: str) -> None:
    native = hashes(dtype, {})
    assert native
    for target in TARGETS.values():
        assert hashes(dtype, target) == native
