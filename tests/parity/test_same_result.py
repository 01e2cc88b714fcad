"""Whole trainings beside Keras: a few steps of one model everyday, six models behind a mark."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("keras")
pytest.importorskip("jax")

from tests.cli.command import ROOT, environment
from tests.parity.experiments import MODELS
from tests.parity.same_result import APART, apart, losses

pytestmark = pytest.mark.keras


def test_a_few_losses() -> None:
    ours, theirs = losses("MLP", 5, "float32")
    assert ours[-1] < ours[0]
    assert apart(ours, theirs) < APART / 10


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_losses_and_metrics(name: str) -> None:
    """In a process of its own: XLA is told at its start to make programs fast."""
    command = [sys.executable, "-m", "tests.parity.same_result", "--only", name]
    told = environment(XLA_FLAGS="")
    ran = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
