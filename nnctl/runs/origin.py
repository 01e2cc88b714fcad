"""Where a run comes from: versions, machine, git commit. Asking never fails and never runs anything."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from nnctl import __version__

_PACKAGES = ("nnctl", "numpy", "numba", "llvmlite", "h5py", "pydantic")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def versions() -> dict[str, str]:
    """The versions that may matter to a run, by package; nothing is imported.

    Read off the names of the installed packages' `*.dist-info`: importing `importlib.metadata` alone would
    take longer than all else that a manifest needs.
    """
    found = {"python": platform.python_version(), "nnctl": __version__}
    for place in map(Path, sys.path):
        try:
            names = [name for name in os.listdir(place) if name.endswith(".dist-info")]
        except OSError:
            continue
        for name in names:
            package, _, version = name.removesuffix(".dist-info").partition("-")
            if package in _PACKAGES:
                found.setdefault(package, version)
    return found


def machine() -> dict[str, str | int]:
    """The machine's kind; no names of hosts or users."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"system": platform.system(), "architecture": platform.machine(), "cpu": _cpu(), "cpus": cpus}


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def git_commit(start: Path) -> str | None:
    """The commit that is checked out around `start`, read from `.git`, or None."""
    try:
        start = start.resolve()
        for directory in (start, *start.parents):
            if (directory / ".git").exists():
                return _head(_git_directory(directory / ".git"))
    except (OSError, ValueError, RuntimeError):
        pass
    return None


def _git_directory(dot_git: Path) -> Path:
    """`.git` itself, or what it points to in a worktree or submodule."""
    if dot_git.is_dir():
        return dot_git
    return dot_git.parent / _read(dot_git).removeprefix("gitdir:").strip()


def _head(git: Path) -> str | None:
    head = _read(git / "HEAD")
    if not head.startswith("ref:"):
        return head if _COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref:").strip()
    common = git / "commondir"
    places = [git, git / _read(common)] if common.is_file() else [git]
    for place in places:
        if (place / ref).is_file():
            commit = _read(place / ref)
            return commit if _COMMIT.fullmatch(commit) else None
    for place in places:
        packed = place / "packed-refs"
        for line in packed.read_text(errors="replace").splitlines() if packed.is_file() else []:
            commit, _, name = line.partition(" ")
            if name == ref and _COMMIT.fullmatch(commit):
                return commit
    return None


def _read(path: Path) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(4096).strip()
