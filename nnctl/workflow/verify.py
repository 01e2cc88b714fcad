"""`verify`: a run trained again from what it recorded; its bits compared."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl import __version__
from nnctl.core import events
from nnctl.core.errors import RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.runs.directory import RESOLVED, RunDirectory
from nnctl.runs.find import find
from nnctl.runs.manifest import finite
from nnctl.runs.recorded import OtherNumbers, Row, other_numbers, rows_of
from nnctl.runs.state import weights_sha256
from nnctl.workflow.again import train_again
from nnctl.workflow.bisect import Bisected, StartReplay, bisect
from nnctl.workflow.replays import ReplayProcess


@record
class Verified:
    """What `verify` found.

    Attributes:
        numbers: Where bits differ: the first epoch whose numbers are not those that were recorded.
        again: Where bits differ: two more trainings, compared with each other.
        next: What to do about it.
    """

    run: str
    recorded: str
    found: str
    holds: bool
    message: str
    numbers: OtherNumbers | None = None
    again: Bisected | None = None
    next: str = ""

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": self.run,
            "holds": self.holds,
            "recorded": self.recorded,
            "found": self.found,
            "message": self.message,
            "numbers": asdict(self.numbers) if self.numbers is not None else None,
            "again": self.again.as_json() if self.again is not None else None,
            "next": self.next or None,
        }


def verify(
    run: str,
    *,
    data: Path | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] = lambda event: None,
    start: StartReplay = ReplayProcess,
) -> Verified:
    """Train the run again, without a directory, and compare `weights_sha256`.

    Where it differs, the run is trained twice more, side by side: does this machine agree with itself?

    Args:
        data: Where the training data is now, if not where the run says.
        start: As `bisect`'s.

    Raises:
        RunError: RUN is no completed run.
        DataError: the data is not what the run was trained on; says what changed.
    """
    found = find(run)
    if found.run is None:
        raise RunError(f"{run} is a single file; `verify` needs the run directory around it")
    directory = found.run
    recorded = directory.manifest().weights_sha256
    if recorded is None:
        raise RunError(
            f"{directory.name} is {directory.status()}, not completed: there is nothing to compare with"
        )
    job = train_again(directory, data=data, threads=threads, allow_plugins=allow_plugins, watch=watch)
    from nnctl.kernels.threads import spread
    from nnctl.runner.train import train

    rows: dict[int, Row] = {}
    with spread():
        for event in train(job):
            if isinstance(event, events.EpochEnded):
                rows[event.epoch] = {"step": event.step, **finite(event.logs)}
            if not isinstance(event, events.CheckpointDue):
                watch(event)
    again = weights_sha256(job.session.weights.arrays)
    if again == recorded:
        return Verified(directory.name, recorded, again, True, f"{directory.name}: holds {again}")
    message = f"{directory.name}: does not hold: recorded {recorded}, found {again}"
    numbers = other_numbers(rows_of(directory), rows)
    path = str(directory.path)
    twice = bisect(
        path, path, data=data, threads=threads, allow_plugins=allow_plugins, watch=watch, start=start
    )
    flags = f" --data {shlex.quote(str(data))}" if data is not None else ""
    flags += " --allow-plugins" if allow_plugins else ""
    way_on = _next(directory, twice, flags)
    return Verified(directory.name, recorded, again, False, message, numbers, twice, way_on)


def _next(run: RunDirectory, twice: Bisected, flags: str) -> str:
    """What to type where a run's bits do not hold."""
    path = shlex.quote(str(run.path))
    if twice.replayed is not None and twice.replayed.first is not None:
        return f"nnctl bisect {path} {path} --threads 1{flags}"
    made_by = run.manifest().versions.get("nnctl")
    if made_by != __version__:
        return f"nnctl bisect {path} {path} --python-a PYTHON{flags}, with a Python that has nnctl {made_by}"
    config = shlex.quote(str(run.path / RESOLVED))
    plugins = " --allow-plugins" if "--allow-plugins" in flags else ""
    return f"nnctl train {config} --run-dir again{plugins} && nnctl bisect {path} again{flags}"
