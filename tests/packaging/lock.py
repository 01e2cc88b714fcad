"""What the lock in `requirements/` names."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def locked(file: str, python: str) -> dict[str, str]:
    """Name to version, for a Python on Linux."""
    found: dict[str, str] = {}
    for line in (ROOT / "requirements" / file).read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\"))
            environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}
            if requirement.marker is None or requirement.marker.evaluate(environment):
                assert requirement.name not in found
                ((operator, number),) = [(s.operator, s.version) for s in requirement.specifier]
                assert operator == "=="
                found[canonicalize_name(requirement.name)] = number
    return found


def is_locked(name: str, file: str = "run.txt") -> bool:
    """Whether the version of `name` that is installed is the lock's: where its words and forms are known."""
    python = ".".join(map(str, sys.version_info[:3]))
    return version(name) == locked(file, python)[name]
