"""Files from untrusted hands end in nnctl's own error or in a sound run, and nothing else happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def cases(*options: str) -> str:
    """Run cases in a process of their own; what does not hold."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert "cases, " in done.stdout, done.stderr
    return done.stdout if done.returncode else ""


def test_the_corpus() -> None:
    assert cases("--short") == ""


@pytest.mark.slow
def test_the_whole_corpus() -> None:
    assert cases() == ""
