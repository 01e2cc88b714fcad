"""Killed, or answered with an error, at system calls: every state resumes or starts, with one hash.

This is a sample. The whole: `make faults`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from tests.faults.syscalls import ROOT


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="needs Linux and a C compiler")
@pytest.mark.parametrize("together", [1, 6])
def test_a_sample(together: int) -> None:
    every = 40 * together + 1
    options = ["--every", str(every), "--offset", "7", "--together", str(together)]
    command = [sys.executable, "-m", "tests.faults.syscalls", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "; 0 do not resume or start with one hash" in done.stdout
