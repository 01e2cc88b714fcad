"""What the shell offers for an argument that is begun: names of runs, configs, templates.

Nothing heavy is imported: this runs while someone waits for a Tab.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from nnctl.formats.exports.base import formats

RUNS = "runs"
_MANIFEST = "manifest.json"
_CONFIGS = (".yaml", ".yml")


def runs(incomplete: str) -> list[str]:
    """Runs by name, `name/number` once a name is there, directories and model files."""
    name, slash, _ = incomplete.rpartition("/")
    if slash:
        known = [f"{name}/{number}" for number in _numbers(os.path.join(RUNS, name))]
    else:
        known = [entry for entry in _directories(RUNS) if _is_run(os.path.join(RUNS, entry))]
    return [*_beginning(incomplete, known), *_paths(incomplete, (".h5",))]


def configs(incomplete: str) -> list[str]:
    """YAML files, and directories on the way to some."""
    return _paths(incomplete, _CONFIGS)


def templates(incomplete: str) -> list[str]:
    """What `init` can start from."""
    folder = Path(__file__).parents[1] / "templates"
    return _beginning(incomplete, sorted(path.stem for path in folder.glob("*.yaml")))


def export_formats(incomplete: str) -> list[str]:
    """What `export` can write."""
    return _beginning(incomplete, formats.declared())


def _beginning(incomplete: str, known: Iterable[str]) -> list[str]:
    return [word for word in known if word.startswith(incomplete)]


def _paths(incomplete: str, endings: tuple[str, ...]) -> list[str]:
    start = incomplete.rpartition("/")[2]
    prefix = incomplete.removesuffix(start)
    found = []
    for entry in _entries(prefix or "."):
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            if entry.is_dir():
                found.append(f"{prefix}{entry.name}/")
            elif entry.name.endswith(endings):
                found.append(f"{prefix}{entry.name}")
    return sorted(found)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError:
        return []


def _directories(folder: str) -> list[str]:
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def _numbers(folder: str) -> list[str]:
    numbers = [n for n in _directories(folder) if n.isdecimal() and _is_run(os.path.join(folder, n))]
    return sorted(numbers, key=int)


def _is_run(folder: str) -> bool:
    """Whether a run is here, or numbered runs are below."""
    return os.path.lexists(os.path.join(folder, _MANIFEST)) or any(
        name.isdecimal() for name in _directories(folder)
    )
