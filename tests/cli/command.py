"""Running the command line inside the test's process, as a shell would see it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnctl.cli.main import main

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


@dataclass(frozen=True)
class Result:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, which must be one JSON object on one line and nothing else."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


def nnctl(*arguments: str | Path, cwd: Path | None = None) -> Result:
    """Run `nnctl ARGUMENTS` in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGINT)
    code = 0
    try:
        with (
            contextlib.chdir(cwd or Path.cwd()),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        signal.signal(signal.SIGINT, before)
    return Result(code, out.getvalue(), err.getvalue())


def environment(**more: str) -> dict[str, str]:
    """The environment of a process of its own: this tree's nnctl, one thread."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "NNCTL_THREADS": "1", **more}


def process(*arguments: str | Path, cwd: Path, **more: Any) -> subprocess.Popen[str]:
    """`python -m nnctl ARGUMENTS` as a process of its own, its streams as text."""
    more.setdefault("env", environment())
    command = [sys.executable, "-m", "nnctl", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    )
