"""`runs show` and `runs compare`: runs by what the user calls them."""

from __future__ import annotations

from collections.abc import Sequence

from nnctl.core.errors import ConfigError, RunError
from nnctl.runs.compare import Comparison, Shown, compare_runs, show_run
from nnctl.runs.directory import RunDirectory
from nnctl.runs.find import find


def shown(run: str) -> Shown:
    """All of one run. Raises RunError where there is none."""
    return show_run(_directory(run))


def compared(runs: Sequence[str]) -> Comparison:
    """Several runs side by side. Raises ConfigError for fewer than two, RunError where one is missing."""
    if len(runs) < 2:
        raise ConfigError("compare needs two runs or more")
    return compare_runs([_directory(run) for run in runs])


def _directory(run: str) -> RunDirectory:
    found = find(run)
    if found.run is None:
        raise RunError(f"{run} is a file alone, not a run")
    return found.run
