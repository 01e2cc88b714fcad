"""`runs show`, `runs compare` and `runs rm`: runs by what the user calls them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from nnctl.core.errors import ConfigError, RunError
from nnctl.runs.compare import Comparison, ShownRun, compare_runs, show_run
from nnctl.runs.directory import RunDirectory, numbered
from nnctl.runs.find import RUNS, find
from nnctl.runs.remove import removable, remove


def shown(run: str) -> ShownRun:
    """All of one run. Raises RunError where there is none."""
    return show_run(_directory(run))


def compared(runs: Sequence[str]) -> Comparison:
    """Several runs side by side. Raises ConfigError for fewer than two, RunError where one is missing."""
    if len(runs) < 2:
        raise ConfigError("compare needs two runs or more")
    return compare_runs([_directory(run) for run in runs])


def removed(runs: Sequence[str], *, force: bool = False) -> list[str]:
    """Remove runs, each named by its own directory or `NAME/NUMBER`; what was removed.

    Raises:
        RunError: One is not there, is a file, stands for several, is held by a process, or has files that the
            run did not write and `force` is not said. Nothing is removed then.
    """
    # One run under two names is one; "." and ".." cannot be removed by that name.
    found = {os.path.realpath(run.path): run for run in map(_one, runs)}
    for run in found.values():
        removable(run, force=force)
    for path in found:
        remove(RunDirectory(Path(path)))
    return [run.name for run in found.values()]


def _one(text: str) -> RunDirectory:
    """The run, where `text` can mean no other: a name of several does not stand for the newest here."""
    found = find(text)
    if found.run is None or found.file is not None:
        raise RunError(f"{text} is a file, not a run")
    siblings = numbered(found.run.path.parent)
    if len(siblings) > 1 and found.run.path not in (Path(text), RUNS / text):
        raise RunError(f"'{text}' stands for {len(siblings)} runs; say which, as in {found.run.name}")
    return found.run


def _directory(run: str) -> RunDirectory:
    found = find(run)
    if found.run is None:
        raise RunError(f"{run} is a single file, not a run")
    return found.run
