"""`bisect`: where two runs differ, by what they recorded and by training both again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnctl.core import events
from nnctl.core.errors import NnctlError, RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.runs.directory import RunDirectory
from nnctl.runs.find import find
from nnctl.runs.recorded import OtherNumbers, Recorded, Row, compare_recorded, other_numbers, rows_of
from nnctl.workflow.first_difference import Replayed, Search
from nnctl.workflow.pieces import PROTOCOL
from nnctl.workflow.replays import Replay, ReplayProcess, Task

SIDES = ("A", "B")

StartReplay = Callable[[Task, Callable[[Event], None]], Replay]


@record
class Agreement:
    """Whether a training that was gone through again is what its run recorded.

    Attributes:
        numbers: The first epoch whose numbers are others: those recorded, and those found.
        same_model: Whether the trained model has the bits that were recorded; None where there is none.
    """

    numbers: OtherNumbers | None
    same_model: bool | None

    @property
    def holds(self) -> bool:
        """Nothing is known to differ."""
        return self.numbers is None and self.same_model is not False


@record
class Bisected:
    """What `bisect` found.

    Attributes:
        runs: Both, by name.
        agreements: Of each with its run; None where nothing was trained again.
        not_replayed: Why nothing was.
    """

    runs: tuple[str, str]
    recorded: Recorded
    replayed: Replayed | None = None
    agreements: tuple[Agreement, Agreement] | None = None
    not_replayed: str = ""

    @property
    def differs(self) -> bool:
        """Whether any bits differ: of what was recorded, or found."""
        found = self.replayed is not None and self.replayed.first is not None
        left = self.agreements is not None and not all(each.holds for each in self.agreements)
        return self.recorded.differs or found or left

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        recorded = asdict(self.recorded) | {"common": None}
        if self.recorded.common is not None:
            recorded["common"] = self.recorded.common[0].step
        replayed = None
        if self.replayed is not None:
            first = self.replayed.first
            replayed = asdict(self.replayed) | {"first": first.as_json() if first is not None else None}
            del replayed["rows"]
        return {
            "runs": list(self.runs),
            "differs": self.differs,
            "recorded": recorded,
            "replayed": replayed,
            "agreements": [asdict(each) for each in self.agreements or ()],
            "not_replayed": self.not_replayed or None,
        }


def bisect(
    a: str,
    b: str,
    *,
    pythons: tuple[Path | None, Path | None] = (None, None),
    data: Path | None = None,
    threads: int | None = None,
    allow_plugins: bool = False,
    watch: Callable[[Event], None] = lambda event: None,
    start: StartReplay = ReplayProcess,
) -> Bisected:
    """Find the first step and value in which two runs differ.

    Args:
        pythons: The interpreters whose nnctl trains each again; None: this one.
        data: Where the training data of both is now, if not where the runs say.
        threads: Of each of both; default: they share the cores.
        start: What starts a training that answers.

    Raises:
        RunError: one is no run, or, where nothing is known to differ, cannot be trained again.
    """
    runs = (_run(a), _run(b))
    own = thread_count(threads) if threads is not None else max(1, thread_count() // 2)
    with ExitStack() as stack:
        replays: list[Replay] = []
        for side, run, python in zip(SIDES, runs, pythons, strict=True):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nnctl-")))
            task = Task(side, run.path, python, data, folder, own, allow_plugins)
            replay = start(task, watch if side == "A" else lambda event: None)
            stack.callback(replay.close)
            # They load and compile while what is recorded is compared.
            replay.ask("prepare", **task.preparing())
            replays.append(replay)
        recorded = compare_recorded(*runs)
        names = (runs[0].name, runs[1].name)
        try:
            replayed = _replayed(replays, runs, recorded, watch)
        except NnctlError as error:
            if not recorded.differs:
                raise
            return Bisected(names, recorded, not_replayed=str(error))
    agreements = [_agreement(run, replayed, side) for side, run in enumerate(runs)]
    return Bisected(names, recorded, replayed, (agreements[0], agreements[1]))


def _run(text: str) -> RunDirectory:
    """The run that is meant. Raises RunError: it is none."""
    found = find(text)
    if found.run is None or found.file is not None:
        raise RunError(f"{text} is a single file; `bisect` needs the run directory around it")
    found.run.manifest()
    return found.run


def _replayed(
    replays: Sequence[Replay],
    runs: tuple[RunDirectory, RunDirectory],
    recorded: Recorded,
    watch: Callable[[Event], None],
) -> Replayed:
    """Train both again, from where nothing is known to differ yet."""
    ready = [_ready(replay) for replay in replays]
    common = recorded.common if recorded.differs else None
    checkpoints = [str(each.path.absolute()) for each in common] if common is not None else [None, None]
    first, step = ready[0], common[0].step if common is not None else 0
    steps, epochs = int(first["steps_per_epoch"]), int(first["epochs"])
    watch(
        events.RunStarted(first["name"], None, epochs, steps, step // steps, step, int(first["parameters"]))
    )
    found = Search(replays, steps, epochs, watch).run(checkpoints, _limit(runs))
    return Replayed(found.first, found.start, found.mark, found.rows, (ready[0]["nnctl"], ready[1]["nnctl"]))


def _ready(replay: Replay) -> Mapping[str, Any]:
    ready: Mapping[str, Any] = replay.answer()
    if ready.get("protocol") != PROTOCOL:
        raise RunError(f"{replay.task.side}: nnctl {ready.get('nnctl')} does not answer as this one asks")
    return ready


def _limit(runs: Sequence[RunDirectory]) -> int | None:
    """The last step that a run which did not end well has tried; None where all did."""
    tried = []
    for run in runs:
        manifest = run.manifest()
        if manifest.weights_sha256 is None:
            tried.append(manifest.steps + (manifest.status == "failed"))
    return min(tried, default=None)


def _agreement(run: RunDirectory, replayed: Replayed, side: int) -> Agreement:
    """What was found, held against what the run recorded."""
    found: dict[int, Row] = {
        int(row["epoch"]): {name: value for name, value in row.items() if name != "epoch"}
        for row in replayed.rows[side]
    }
    trained, recorded = replayed.mark.weights_sha256, run.manifest().weights_sha256
    same = trained == recorded if trained and recorded is not None else None
    return Agreement(other_numbers(rows_of(run), found), same)
