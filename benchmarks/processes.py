"""Other processes: workers that answer, commands that are timed whole, one that keeps a core busy."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


SLOWER_BLAS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""With these set, NumPy and SciPy run a kernel that is not the CPU's best."""


def environment(threads: int, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every process that is measured: `threads` threads, the best kernels, no chatter."""
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NNCTL_THREADS", "BENCH_THREADS")
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "1", "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if name not in SLOWER_BLAS}
    return {**kept, **dict.fromkeys(names, count), **quiet, **(more or {})}


class Worker:
    """A library in a process of its own; see protocol.py.

    Args:
        name: What tables call it.
        command: How it is started.
    """

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=dict(env),
            cwd=ROOT,
        )

    def ask(self, **request: Any) -> Any:
        """The reply to a request. Raises RuntimeError where the worker fails."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"{self.name} could not be started") from None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(f"{self.name}: {reply['error'].strip().splitlines()[-1]}")
        return reply["ok"]

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Whole:
    """What a whole process took: wall and CPU seconds, peak resident megabytes, exit code, its output."""

    seconds: float
    cpu: float
    megabytes: float
    code: int
    output: str


_WATCH = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
status, usage = os.wait4(child, 0)[1:]
seconds = time.perf_counter() - start
found = seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status)
os.write(int(sys.argv[1]), repr(found).encode())
"""
"""Starts a command and says what it took. A process begins with the peak memory of the one that started it:
this one is small."""


def run_whole(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Whole:
    """Run a command to its end."""
    told, tells = os.pipe()
    watched = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _WATCH, str(tells), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=dict(env),
        cwd=cwd,
        pass_fds=[tells],
        check=True,
    )
    os.close(tells)
    with open(told) as pipe:
        seconds, cpu, most, code = ast.literal_eval(pipe.read())
    unit = 1 if sys.platform == "darwin" else 1024
    return Whole(seconds, cpu, most * unit / 1e6, code, watched.stdout)


class Busy:
    """A process that keeps one core busy while it is let run."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
        self.process.send_signal(signal.SIGSTOP)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let it run while this lasts."""
        self.process.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
