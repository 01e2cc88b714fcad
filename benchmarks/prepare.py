"""The peers' environment, made once."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.processes import ROOT
from benchmarks.timing import Say

PLACE = ROOT / ".venv-bench"


def peers_python(say: Say) -> str:
    """The Python of .venv-bench; made and filled from requirements.txt if need be."""
    python = PLACE / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = PLACE / "installed"
    wanted = (Path(__file__).parent / "requirements.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        say(f"installing the peers into {PLACE.name} (once)")
        venv.create(PLACE, with_pip=True)
        install = ["install", "-q", "--disable-pip-version-check", "-r", "benchmarks/requirements.txt"]
        subprocess.run([str(python), "-m", "pip", *install], check=True, cwd=ROOT, stdout=sys.stderr)
        done.write_text(wanted)
    return str(python)
