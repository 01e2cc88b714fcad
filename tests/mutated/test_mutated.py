"""Mutated files end in nnctl's own error or in right output, in bounds of time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def cases(count: int, first: int) -> str:
    """Run cases in a process of their own; what does not hold."""
    command = [sys.executable, "-m", "tests.mutated", "--count", str(count), "--first", str(first)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "cases, " in done.stdout, done.stderr
    return done.stdout if done.returncode else ""


def test_a_few() -> None:
    assert cases(21, 0) == ""


@pytest.mark.slow
def test_two_thousand() -> None:
    assert cases(2000, 0) == ""
