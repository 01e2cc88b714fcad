"""Files from untrusted hands end in nnctl's own error or in a sound run, and nothing else happens."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.corpus import CORPUS
from tests.hostile.oracle import RUN, prepared, sound_places

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = (
    "/lib",
    "/usr/lib",
    "/etc/ld.so",
    "/proc",
    "/sys",
    "/dev/null",
    "/dev/urandom",
    "/etc/localtime",
    "/usr/share",
)
TRACED = [
    name
    for name in CORPUS
    if name.startswith(("cve_", "onnx_numbers")) or name in ("fifo", "device", "sound_npz")
]


def cases(*options: str) -> str:
    """Run cases in a process of their own; what does not hold."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert "cases, " in done.stdout, done.stderr
    return done.stdout if done.returncode else ""


def test_the_corpus() -> None:
    assert cases("--short") == ""


def test_a_few_mutations() -> None:
    assert cases("--only", "--count", "14", "--cut", "50") == ""


@pytest.mark.slow
def test_the_whole_corpus() -> None:
    assert cases() == ""


@pytest.mark.slow
def test_two_thousand_mutations() -> None:
    assert cases("--only", "--count", "2000") == ""


@pytest.mark.slow
def test_cut_off_at_every_percent() -> None:
    assert cases("--only", "--cut", "1") == ""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (apt install strace)")
@pytest.mark.parametrize("name", TRACED)
def test_the_system_is_asked_for_nothing_else(tmp_path: Path, name: str) -> None:
    """What HDF5's library opens is seen by no hook of Python's."""
    here = prepared(tmp_path, name)
    command = CORPUS[name].command(here)
    log = tmp_path / "strace"
    traced = ["strace", "-f", "-qq", "-e", "trace=open,openat,creat,execve,network", "-o", str(log)]
    nnctl = [sys.executable, "-m", "nnctl", "import", *command, "-o", RUN]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([*traced, *nnctl], cwd=here, capture_output=True, env=environment)
    lines = log.read_text(errors="replace").splitlines()
    assert any(command[0] in line for line in lines)
    allowed = (*sound_places(), str(ROOT), *SYSTEM)
    odd = [line for line in lines[1:] if not _harmless(line, here, allowed)]
    assert odd == []


def _harmless(line: str, here: Path, allowed: tuple[str, ...]) -> bool:
    """Whether a system call failed, or opened what may be opened."""
    found = re.search(r"open(?:at)?\([^\"]*\"([^\"]*)\"", line)
    if found is None:
        # The manifest names the processor, for which Python asks `uname`.
        return any(word in line for word in ("+++", "---", "resumed", '["uname", "-p"]'))
    named, real = str(here / found[1]), os.path.realpath(here / found[1])
    if real.startswith((f"{here}/secret", f"{here}/marker")):
        return False
    sound = "= -1 " in line or named.startswith(allowed) or real.startswith((*allowed, str(here)))
    # Where Python looks for modules, and where the run's directory is to be.
    return sound or Path(real) in (here, *here.parents)
