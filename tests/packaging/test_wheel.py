"""The wheel, built and installed with nothing but what it asks for, trains every template."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.lock import ROOT

TEMPLATES = sorted(file.stem for file in (ROOT / "nnctl" / "templates").glob("*.yaml"))


def run(*command: str | Path, cwd: Path) -> str:
    """What `command` prints, outside the checkout and without its environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ran = subprocess.run([*map(str, command)], cwd=cwd, env=kept, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds nnctl's wheel and the lock of what it needs."""
    place = tmp_path_factory.mktemp("wheel")
    for name in ["pyproject.toml", "README.md", "LICENSE"]:
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "nnctl", place / "nnctl", ignore=shutil.ignore_patterns("__pycache__"))
    quiet = ["-m", "pip", "-q", "--disable-pip-version-check"]
    own = ["--no-deps", "--no-index"]
    run(sys.executable, *quiet, "wheel", *own, "--no-build-isolation", "-w", place / "dist", place, cwd=place)
    (wheel,) = (place / "dist").iterdir()
    run(sys.executable, "-m", "venv", place / "venv", cwd=place)
    python = place / "venv" / "bin" / "python"
    locked = ["--require-hashes", "--only-binary", ":all:", "-r", ROOT / "requirements" / "run.txt"]
    run(python, *quiet, "install", *locked, cwd=place)
    run(python, *quiet, "install", *own, wheel, cwd=place)
    run(python, *quiet, "check", cwd=place)
    return python.parent


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_the_wheel_alone_trains_every_template(installed: Path, template: str, tmp_path: Path) -> None:
    run(installed / "nnctl", "init", template, cwd=tmp_path)
    trained = json.loads(run(installed / "nnctl", "train", f"{template}.yaml", "--json", cwd=tmp_path))
    assert trained["status"] == "completed"
    scored = json.loads(run(installed / "nnctl", "eval", template, "--json", cwd=tmp_path))
    assert scored["examples"] > 0
