"""A copy of the checkout for mutants, and processes forked with every library imported but nnctl."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import py_compile
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py  # noqa: F401
import hypothesis  # noqa: F401
import numba  # noqa: F401
import numpy as np  # noqa: F401
import pydantic  # noqa: F401
import pytest
import rich  # noqa: F401
import typer  # noqa: F401
import yaml  # noqa: F401

from tests.mutants.choose import ROOT

_MEMORY = 8 * 2**30


@dataclass(frozen=True)
class Ended:
    """How a child ended: `code` is pytest's, None if it was ended by a signal or took too long."""

    code: int | None
    failed: str
    """The first test that failed."""


class Nursery:
    """A copy of the checkout, removed at the end.

    Compiled files in it are checked by content: a mutant as long and as old as what it replaces is seen.
    """

    def __enter__(self) -> Nursery:
        self.place = Path(tempfile.mkdtemp(prefix="nnctl-mutants-"))
        self.root = self.place / "nnctl"
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).exists():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        mode = py_compile.PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(self.root / "nnctl", quiet=2, invalidation_mode=mode)
        return self

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self.place, ignore_errors=True)

    def run(self, work: Callable[[Path], int], cpu: float, wall: float) -> Ended:
        """Do `work` in a child in the copy; it writes what it has to say into the file that it is given."""
        told = self.place / "told"
        told.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            self._settle(cpu)
            code = 1
            try:
                code = work(told)
            finally:
                os._exit(code)
        until, status = time.monotonic() + wall, None
        while status is None and time.monotonic() < until:
            done, found = os.waitpid(child, os.WNOHANG)
            status = found if done else None
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
        code = os.WEXITSTATUS(status) if status is not None and os.WIFEXITED(status) else None
        return Ended(code, told.read_text().strip() if told.exists() else "")

    def _settle(self, cpu: float) -> None:
        os.setsid()
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        whole = int(cpu) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        os.chdir(self.root)
        # The tests' package was imported from the checkout: from here on it is the copy's.
        for name in [n for n in sys.modules if n.partition(".")[0] in ("tests", "nnctl")]:
            del sys.modules[name]
        sys.path[:] = [str(self.root), *(p for p in sys.path if p not in ("", str(ROOT)))]
        os.environ["PYTHONPATH"] = str(self.root)
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(self.place / "hypothesis")


def run_tests(nodes: Sequence[str], told: Path) -> int:
    """Run some tests until the first one fails; its name is written into `told`."""

    class First:
        @staticmethod
        def pytest_runtest_logreport(report: Any) -> None:
            if report.failed:
                told.write_text(report.nodeid)

    common = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    return int(pytest.main([*common, *nodes], plugins=[First()]))


def watch_tests(paths: Sequence[str], told: Path) -> int:
    """Run tests under coverage; what each runs and takes is written into `told`."""
    import coverage

    root = Path.cwd()
    watched = coverage.Coverage(data_file=None, source=[str(root / "nnctl")], config_file=False)
    seconds: dict[str, float] = {}
    bad: set[str] = set()

    class Watch:
        @staticmethod
        def pytest_runtest_logstart(nodeid: str) -> None:
            seconds[nodeid] = -time.process_time()
            watched.switch_context(nodeid)

        @staticmethod
        def pytest_runtest_logfinish(nodeid: str) -> None:
            seconds[nodeid] += time.process_time()

        @staticmethod
        def pytest_runtest_logreport(report: Any) -> None:
            if not report.passed:
                bad.add(report.nodeid)

    watched.start()
    common = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    pytest.main([*common, *paths], plugins=[Watch()])
    watched.stop()
    data = watched.get_data()
    lines: dict[str, dict[int, list[str]]] = {}
    for file in data.measured_files():
        found = data.contexts_by_lineno(file)
        lines[str(Path(file).relative_to(root))] = {
            line: [c for c in contexts if c and c not in bad] for line, contexts in found.items()
        }
    told.write_text(
        json.dumps({"seconds": {k: v for k, v in seconds.items() if k not in bad}, "lines": lines})
    )
    return 0
