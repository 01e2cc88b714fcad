"""Random models, arguments of layers and activations drawn, trained beside Keras in float64."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.command import ROOT, environment

pytestmark = pytest.mark.keras
pytest.importorskip("keras")


@pytest.mark.parametrize(("seed", "count"), [(28, 2), pytest.param(0, 300, marks=pytest.mark.slow)])
def test_none_differs(seed: int, count: int) -> None:
    """In a process of its own: JAX is told at its start to compute in 64 bits.

    Every day a chain and a graph with a shared layer and two outputs, which compile quickly; images and
    recurrent layers are trained beside Keras in test_keras_training.py.
    """
    command = [sys.executable, "-m", "tests.workflow.random_keras"]
    command += ["--seed", str(seed), "--count", str(count)]
    ran = subprocess.run(
        command, cwd=ROOT, env=environment(JAX_ENABLE_X64="1"), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{count} models, 0 differ" in ran.stdout
