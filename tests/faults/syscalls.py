"""`train`, killed or answered with an error at its n-th system call on files, for every n.

A preloaded library (`shim.c`) counts what a process does to the files of its run directory and of the kernel
cache, in libc's own functions. One process imports everything once and forks the trainings; each is a
process of its own with its own cache in memory. After each fault a user starts again, or resumes where that
is asked for; the weights must be those of the run that nothing happened to.

    python -m tests.faults.syscalls [--every N] [--together N] [--errors NAME,...]
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.forking import import_everything

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MORE = """
  checkpoint: {keep: 1, every: epoch}
  callbacks:
    - {type: CSVLogger, filename: log.csv, append: true}
    - JSONLogger
"""
KILL = 0
LASTING = 7
COLD = 2
"""Kernels that the cache does not hold: compiled, and written, by every training."""


def build(folder: Path) -> Path | None:
    """The preloaded library, or None where there is no compiler for it."""
    target = folder / "shim.so"
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(target), str(HERE / "shim.c"), "-ldl"]
    return target if subprocess.run(command, check=False).returncode == 0 else None


@dataclass
class Ended:
    """How a training ended, and what it said."""

    code: int
    """As `waitpid` has it: negative for a signal."""
    out: str
    err: str

    def sha256(self) -> str | None:
        """The weights of a completed run."""
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        found = json.loads(lines[-1]) if self.code == 0 and lines else {}
        return found.get("weights_sha256") if found.get("status") == "completed" else None


@dataclass
class Result:
    """What a whole pass found."""

    operations: list[str] = field(default_factory=list)
    states: int = 0
    survived: int = 0
    """Trainings that completed in spite of an error."""
    failures: list[str] = field(default_factory=list)

    def line(self) -> str:
        """In one line."""
        kinds = ", ".join(f"{n} {k}" for k, n in collections.Counter(self.operations).most_common())
        return (
            f"{len(self.operations)} operations ({kinds}); {self.states} states, in {self.survived} of them "
            f"the training itself completed; {len(self.failures)} do not resume or start with one hash"
        )


class Harness:
    """Forks trainings. To be used in a process that was started with the library preloaded."""

    def __init__(self, folder: Path, shim: Path) -> None:
        self.folder = folder
        self.shim = ctypes.CDLL(str(shim))
        self.shim.fault_name.restype = ctypes.c_char_p
        self.numbers = 0
        (folder / "data").mkdir()
        config = (ROOT / "configs" / "iris.yaml").read_text().replace("epochs: 60", "epochs: 3")
        (folder / "iris.yaml").write_text(config.rstrip() + MORE)
        shutil.copy(ROOT / "configs" / "data" / "iris.csv", folder / "data")
        import_everything()
        whole = self.wait([self.start("whole", self.folder / "warm")])[0]
        expected = whole.sha256()
        assert expected is not None, whole.err
        self.expected = expected

    def cache(self) -> Path:
        """A new kernel cache that lacks a few kernels."""
        self.numbers += 1
        path = self.folder / "caches" / str(self.numbers)
        shutil.copytree(self.folder / "warm", path)
        for kernel in sorted(path.iterdir(), key=lambda p: (p.stat().st_size, p.name))[:COLD]:
            kernel.unlink()
        return path

    def start(self, run: str, cache: Path, at: int = -1, error: int = KILL, sticky: bool = False,
              resume: bool = False) -> tuple[int, Path]:  # fmt: skip
        """Fork a training into the run directory `run`; its number, and where its streams go."""
        place = self.folder / "streams" / f"{run.replace('/', '-')}-{resume}"
        place.parent.mkdir(exist_ok=True)
        pid = os.fork()
        if pid:
            return pid, place
        code = 70
        try:
            os.chdir(self.folder)
            for number, name in ((1, "out"), (2, "err")):
                os.dup2(os.open(f"{place}.{name}", os.O_CREAT | os.O_TRUNC | os.O_WRONLY), number)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            os.environ.update(NNCTL_CACHE_DIR=str(cache), NNCTL_THREADS="1", TMPDIR=str(self.folder / "tmp"))
            tempfile.tempdir = None
            (self.folder / "tmp").mkdir(exist_ok=True)
            folders = [f"{self.folder / run}".encode(), str(cache).encode()]
            self.shim.fault_arm(ctypes.c_long(at), error, int(sticky), *folders)
            code = self._train(run, resume)
            self.shim.fault_disarm()
            names = [self.shim.fault_name(ctypes.c_long(i)).decode() for i in range(self.shim.fault_count())]
            Path(f"{place}.names").write_text("\n".join(names))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _train(self, run: str, resume: bool) -> int:
        """The command itself, in this process; its exit code."""
        import traceback

        from nnctl.cli.main import main

        try:
            main(["train", "iris.yaml", "--run-dir", run, "--json", *["--resume"] * resume])
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        return 70

    def wait(self, started: list[tuple[int, Path]]) -> list[Ended]:
        """Wait for trainings."""
        ended = []
        for pid, place in started:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            out, err = (Path(f"{place}.{name}").read_text(errors="replace") for name in ("out", "err"))
            ended.append(Ended(code, out, err))
        return ended

    def names(self) -> list[str]:
        """The operations of a training that nothing happens to."""
        started = self.start("counted", self.cache())
        (ended,) = self.wait([started])
        assert ended.sha256() == self.expected, ended.err
        return Path(f"{started[1]}.names").read_text().split()

    def states(self, result: Result, at: int, error: int, sticky: bool, together: int) -> None:
        """Have something happen to `together` trainings at once, and see that each ends well after all."""
        label = f"{'kill' if error == KILL else errno.errorcode[error]}{' from' if sticky else ' at'} {at}"
        cache, group = self.cache(), f"{label.replace(' ', '-')}-{together}"
        (self.folder / group).mkdir()
        runs = [f"{group}/{i}" for i in range(together)]
        first = self.wait([self.start(run, cache, at + i, error, sticky) for i, run in enumerate(runs)])
        again = self.wait([self.start(run, cache) for run in runs])
        asked = [run for run, ended in zip(runs, again, strict=True) if "--resume" in ended.err]
        last = self.wait([self.start(run, cache, resume=True) for run in asked])
        resumed = dict(zip(asked, last, strict=True))
        for run, one, two in zip(runs, first, again, strict=True):
            result.states += 1
            result.survived += one.code == 0
            problem = self._problem(one, resumed.get(run, two), error)
            if problem:
                result.failures.append(f"{label} ({together} at once): {problem}")
                print(result.failures[-1], file=sys.stderr, flush=True)
        shutil.rmtree(self.folder / group)
        shutil.rmtree(cache)

    def _problem(self, first: Ended, last: Ended, error: int) -> str:
        """What is wrong with how a training and the one after it ended, if anything."""
        if "Traceback" in first.err:
            return f"a traceback: {first.err[-600:]}"
        if error == KILL and first.code not in (-signal.SIGKILL, 0):
            return f"ended with {first.code}: {first.err[-300:]}"
        if error != KILL and first.code not in (0, 1):
            return f"ended with {first.code}: {first.err[-300:]}"
        if first.code == 0 and first.sha256() != self.expected:
            return f"completed with other weights: {first.out[-300:]}"
        if last.sha256() != self.expected:
            return f"afterwards {last.code}: {last.out[-200:]}{last.err[-400:]}"
        return ""


def run(folder: Path, shim: Path, *, every: int, offset: int, together: int, errors: list[int]) -> Result:
    """A pass over every `every`-th operation: a kill, each error once, and at each seventh from then on.

    Where no kernel can be read any more, all are compiled: that takes its time.
    """
    harness = Harness(folder, shim)
    result = Result(harness.names())
    began, points = time.monotonic(), range(offset, len(result.operations), every)
    for number, at in enumerate(points):
        harness.states(result, at, KILL, False, together)
        for error in errors:
            harness.states(result, at, error, False, together)
            if number % LASTING == 0:
                harness.states(result, at, error, True, together)
        print(f"{number + 1}/{len(points)} {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return result


def main() -> None:
    """Start again with the library preloaded, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--together", type=int, default=1)
    parser.add_argument("--errors", default="ENOSPC,EIO")
    given = parser.parse_args()
    folder = Path(os.environ.get("NNCTL_FAULTS_FOLDER") or tempfile.mkdtemp(prefix="nnctl-faults-"))
    shim = folder / "shim.so"
    if "NNCTL_FAULTS_FOLDER" not in os.environ:
        if build(folder) is None:
            sys.exit("needs Linux and a C compiler")
        environ: dict[str, Any] = {**os.environ, "NNCTL_FAULTS_FOLDER": str(folder), "LD_PRELOAD": str(shim)}
        code = subprocess.run([sys.executable, *sys.orig_argv[1:]], env=environ, check=False).returncode
        shutil.rmtree(folder)
        sys.exit(code)
    errors = [getattr(errno, name) for name in given.errors.split(",") if name]
    result = run(folder, shim, every=given.every, offset=given.offset, together=given.together, errors=errors)
    print(result.line())
    sys.exit(bool(result.failures))


if __name__ == "__main__":
    main()
