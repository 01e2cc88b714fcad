"""The plugin of the documentation: its test and its commands, in processes of their own (a plugin stays)."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cli.command import environment
from tests.docs.blocks import PAGES, ROOT, commands

RUN = "import shlex, sys; from tests.cli.command import nnctl\n"


def test_example_layer_passes_its_test() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "docs/examples"]
    ran = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_commands_with_plugins_run(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "configs" / "data", tmp_path / "configs" / "data")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    wanted = [c for page in PAGES for c in commands(page) if "--allow-plugins" in c]
    assert len(wanted) >= 5
    lines = [f"done = nnctl(*{shlex.split(c)[1:]!r}); assert done.code == 0, done" for c in wanted]
    ran = subprocess.run(
        [sys.executable, "-c", RUN + "\n".join(lines)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
