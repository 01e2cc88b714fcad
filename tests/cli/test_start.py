"""What a process finds when it starts: an early Ctrl-C, closed streams, odd settings, little memory."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from nnctl.cli.failure import explained
from nnctl.core.errors import StorageError
from nnctl.core.memory import ran_out_of_memory
from nnctl.runs.journal import Journal
from nnctl.runs.lock import RunLock
from nnctl.storage.disk import Disk
from tests.cli.command import environment, nnctl

INTERRUPTED = """
import os, signal, sys

class AtImport:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, AtImport())
"""


def run(
    here: Path, *arguments: str, limit: int | None = None, **more: str
) -> subprocess.CompletedProcess[str]:
    """`python -m nnctl ARGUMENTS` in `here`, its address space limited to `limit` bytes."""
    command = [sys.executable, "-m", "nnctl", *arguments]

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.run(
        command, cwd=here, env=environment(**more), capture_output=True, text=True, timeout=300,
        preexec_fn=limited,
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["nnctl.cli.main", "typer", "nnctl.spec.language.experiment", "numba", "nnctl.kernels.threads"]
)
def test_ctrl_c_while_modules_are_imported(here: Path, module: str) -> None:
    """No traceback of imports, and nothing was written yet."""
    (here / "site").mkdir()
    (here / "site" / "sitecustomize.py").write_text(INTERRUPTED.format(name=module))
    path = os.pathsep.join([str(here / "site"), environment()["PYTHONPATH"]])
    done = run(here, "train", "iris.yaml", "--run-dir", "run", PYTHONPATH=path)
    assert done.returncode == 130, done.stderr
    assert done.stderr == ""
    assert not (here / "run").exists()


def closed(here: Path, streams: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m nnctl ARGUMENTS` with streams closed as a shell does it."""
    script = f'exec "$0" -m nnctl "$@" {streams}'
    return subprocess.run(
        ["sh", "-c", script, sys.executable, *arguments], cwd=here, env=environment(),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("command", [["eval", "iris", "--json"], ["runs"]])
def test_a_result_needs_stdout(trained: Path, command: list[str]) -> None:
    done = closed(trained, ">&-", *command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "error: cannot write to stdout: it is closed"
    assert "Traceback" not in done.stderr


def test_a_run_needs_no_streams(here: Path) -> None:
    """No file of it is taken for stdout or stderr."""
    done = closed(
        here, "<&- >&- 2>&-", "train", "iris.yaml", "--run-dir", "run", "--set", "training.epochs=2"
    )
    assert done.returncode == 0
    assert json.loads((here / "run" / "manifest.json").read_text())["status"] == "completed"
    assert nnctl("eval", "run", cwd=here).code == 0


SETTINGS = {
    "NUMBA_NUM_THREADS=abc": "NUMBA_NUM_THREADS takes a whole number above 0, not 'abc'",
    "NUMBA_DISABLE_JIT=1": "NUMBA_DISABLE_JIT is set, and nnctl's kernels exist only compiled: unset it",
    "NUMBA_THREADING_LAYER=foo": "NUMBA_THREADING_LAYER is 'foo', which Numba does not have here: unset it",
    "NUMBA_OPT=fast": "the environment variable 'NUMBA_OPT' is defined but its associated value 'fast'",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_that_nothing_runs_with(trained: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    done = run(trained, "eval", "iris", **{name: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {SETTINGS[setting]}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("mebibytes", [60, 250, 639])
def test_a_memory_limit_is_named(trained: Path, mebibytes: int) -> None:
    """Whichever library is the first that finds no memory."""
    done = run(trained, "eval", "iris", "--json", limit=mebibytes << 20)
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is not enough memory"), done.stderr
    assert "ulimit -v" in done.stderr
    assert done.stderr.count("\n") <= 2
    if done.stdout:
        assert json.loads(done.stdout)["error"] == "resource"


def test_data_and_models_are_held_against_the_limit(
    here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from nnctl.core import memory

    monkeypatch.setattr(memory, "_process_limit", lambda: (1000, "this process may use (by ulimit -v)"))
    done = nnctl("check", "iris.yaml", cwd=here)
    assert done.code == 2
    assert "this process may use (by ulimit -v) 0.0 GiB" in done.err
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._container_limit(tmp_path) is None
    (tmp_path / "memory.max").write_text("5000\n")
    assert memory._container_limit(tmp_path) == (5000, "this container has")


def test_the_disk_is_named_where_nobody_else_did() -> None:
    """A failed close, say, of a file that was only read."""
    found = explained(OSError(errno.EIO, "Input/output error", "data.csv"))
    assert isinstance(found, StorageError)
    assert str(found) == "data.csv: the disk reported an I/O error (EIO)"
    assert explained(OSError(errno.EBADF, "Bad file descriptor")) is None


def test_a_log_that_cannot_be_closed_ends_nothing(tmp_path: Path) -> None:
    class Failing(Disk):
        def close(self, fd: int) -> None:
            super().close(fd)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    lock = RunLock(tmp_path)
    lock.acquire()
    assert lock._fd is not None
    os.close(lock._fd)
    lock.release()
    assert not lock.held
    journal = Journal(tmp_path / "log", disk=Failing())
    journal._fd = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    journal.close()
    assert journal._fd is None


def test_a_circle_of_exceptions_ends() -> None:
    """What one was raised under may lead back to it, after clean-ups that failed too."""
    first, second = OSError(errno.ENOSPC, "No space left on device"), ValueError("also")
    first.__context__, second.__context__ = second, first
    assert not ran_out_of_memory(first)
    second.__context__ = MemoryError()
    assert ran_out_of_memory(first)
