"""The oracle: what may come of a model's file from a stranger. Every test and mutation asks this one.

`import` and `inspect` run in a forked process each, with an audit hook. They end in nnctl's own error, which
names the file, or in a run that opens; in bounds of time and memory; nothing is read but the file itself and
what Python and nnctl consist of, nothing written outside of the run, nothing run or imported.
"""

from __future__ import annotations

import inspect
import os
import shutil
import site
import sys
import sysconfig
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import nnctl
from nnctl.kernels.folder import cache_root
from tests.forking import Outcome, run
from tests.hostile.forge import WORDS

SECONDS, MEGABYTES = 2.0, 200.0
LONGEST = 20_000
"""Characters of what a command says of a file that it refuses."""
RUN = "run"
"""The directory that `import` is to make."""
_SEEN = "audit"
_NEVER = (
    "exec",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.",
    "socket.",
    "ctypes.dlopen",
    "marshal.loads",
    "pickle.find_class",
    "urllib.",
    "http.",
    "ftplib.",
    "webbrowser.",
    "os.symlink",
    "os.link",
    "shutil.unpack",
    "shutil.copy",
    "os.chmod",
    "os.chown",
    "code.__new__",
    "tempfile.",
)
_SYSTEM = ("/proc/", "/sys/", "/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo")


def judged(here: Path, command: Sequence[str], *, imports: bool | None = None, says: str = "") -> str | None:
    """What does not hold of `nnctl import` and `nnctl inspect` of a model in `here`, or None.

    Args:
        command: The model's file and options.
        imports: Whether it must come over; None where either will do.
        says: Part of the error.
    """
    before = _files(here)
    looked = asked(here, ("inspect", command[-1]))
    why = wrong(looked, here, command[-1:])
    if why is not None:
        return f"inspect: {why}"
    done = asked(here, ("import", *command, "-o", RUN))
    why = wrong(done, here, command)
    if why is not None:
        return f"import: {why}"
    if imports is not None and imports is not (done.code == 0):
        return f"import: exit code {done.code}: {said(done)[:400]}"
    if done.code and says not in said(done):
        return f"it should say '{says}': {said(done)[:400]}"
    left = {path for path in _files(here) - before if path.split("/")[0] != RUN or done.code}
    if left:
        return f"left behind: {sorted(left)[:5]}"
    if done.code == 0:
        opened = asked(here, ("export", RUN, "--format", "npz", "-o", f"{RUN}/w.npz"))
        if opened.code:
            return f"the run that was made does not open: {said(opened)[:400]}"
    return None


def asked(here: Path, command: tuple[str, ...]) -> Outcome:
    """`nnctl COMMAND` in `here`, watched; what it did that it may not is written to a file of its own."""
    return run(command, here, watch=lambda: _watch(here))


def wrong(found: Outcome, here: Path, names: Sequence[str]) -> str | None:
    """Why the outcome of one command about files of these names does not hold, or None."""
    err = found.err.decode("utf-8", "replace")
    out = found.out.decode("utf-8", "replace")
    seen = here.parent / f"{here.name}.{_SEEN}"
    broken = seen.read_text().splitlines() if seen.exists() else []
    seen.unlink(missing_ok=True)
    if broken:
        return f"it did what it may not: {broken[:3]}"
    if found.code < 0:
        return f"signal {-found.code}"
    if "Traceback" in err or "Exception ignored" in err or found.code not in (0, 2, 3):
        return f"exit code {found.code}: {(err.strip().splitlines() or [''])[-1][:300]}"
    if found.code and not any(name in err for name in names):
        return f"the error does not name the file: {err[:300]}"
    if WORDS in err + out:
        return "the secret is told"
    odd = {c for c in err + out if not c.isprintable() and c not in " \n"}
    if odd:
        return f"control characters on the terminal: {sorted(odd)}"
    if len(err) > LONGEST:
        return f"an error of {len(err):,} characters"
    if found.seconds > SECONDS:
        return f"{found.seconds:.1f} s"
    if found.grown > MEGABYTES:
        return f"{found.grown:.0f} MB more"
    return None


def said(found: Outcome) -> str:
    """What a command wrote to stderr."""
    return found.err.decode("utf-8", "replace").strip()


def _files(here: Path) -> set[str]:
    outputs = {"stdout", "stderr"}
    return {str(path.relative_to(here)) for path in here.rglob("*")} - outputs


def _watch(here: Path) -> None:
    """Write down what this process does and may not."""
    seen = os.open(here.parent / f"{here.name}.{_SEEN}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.set_inheritable(seen, False)
    known = set(sys.modules)
    sound = [os.path.realpath(place) for place in sound_places()]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        found = None
        if event == "open":
            found = _opened(here, sound, *arguments)
        elif event == "import":
            name = str(arguments[0])
            if name not in known and name.split(".")[0] not in ("nnctl", "numpy", "h5py", "encodings"):
                found = f"import {name}"
        elif event.startswith(_NEVER):
            by = sys._getframe(1).f_code.co_filename
            # Typer has annotations of its own evaluated at each command.
            if event != "exec" or by not in (inspect.__file__, typing.__file__):
                found = f"{event} {str(arguments)[:80]} by {by}"
        elif event in ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate"):
            places = [os.path.realpath(os.fsdecode(a)) for a in arguments if isinstance(a, str | bytes)]
            if any(
                not (p + "/").startswith(f"{here}/{RUN}/") and "/" in os.fsdecode(arguments[0])
                for p in places
            ):
                found = f"{event} {str(arguments)[:80]}"
        if found is not None:
            os.write(seen, (found.replace("\n", " ") + "\n").encode("utf-8", "replace"))

    sys.addaudithook(hook)


def sound_places() -> list[str]:
    """Where Python and nnctl are, and what nnctl compiled."""
    places = [sys.prefix, sys.base_prefix, *site.getsitepackages(), *sysconfig.get_paths().values()]
    packages = [str(Path(np.__file__).parents[1]), str(Path(nnctl.__file__).parent)]
    return [*places, *packages, str(cache_root())]


def _opened(here: Path, sound: list[str], path: Any, mode: Any, flags: int) -> str | None:
    """What is wrong with an open, or None."""
    if isinstance(path, int):
        return None
    place = os.path.realpath(os.fsdecode(path))
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0
    inside = place == f"{here}/{RUN}" or place.startswith(f"{here}/{RUN}/")
    if writes:
        return None if inside or "/" not in os.fsdecode(path) or place == "/dev/null" else f"write {place}"
    named = os.path.abspath(os.fsdecode(path))
    beside = os.path.dirname(named) == str(here) and not os.path.basename(place).startswith("secret")
    if (
        inside
        or beside
        or place == str(here)
        or place.startswith(_SYSTEM)
        or any(place == s or place.startswith(s + "/") for s in sound)
    ):
        return None
    return f"read {place}"


def prepared(place: Path, name: str) -> Path:
    """An empty directory for a case, with a secret in it that a file may name."""
    here = Path(os.path.realpath(place)) / name
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir(parents=True)
    (here / "secret.txt").write_text(WORDS)
    (here / "hostile_module.py").write_text("open('marker', 'w').close()\n")
    return here
