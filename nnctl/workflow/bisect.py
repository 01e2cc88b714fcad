"""`bisect`: where two runs differ, by what they recorded and by training both again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nnctl.core import events
from nnctl.core.errors import NnctlError, RunError
from nnctl.core.events import Event
from nnctl.core.records import record
from nnctl.core.threads import thread_count
from nnctl.runs.digests import OtherDigests, other_digests
from nnctl.runs.directory import RunDirectory
from nnctl.runs.find import find
from nnctl.runs.record import SUFFIX, Record
from nnctl.runs.recorded import (
    OtherNumbers,
    Recorded,
    Row,
    compare_recorded,
    compare_with_record,
    other_numbers,
    rows_of,
)
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
        digests: The same of a record.
        same_model: Whether the trained model has the bits that were recorded; None where there is none.
    """

    numbers: OtherNumbers | None
    same_model: bool | None
    digests: OtherDigests | None = None

    @property
    def holds(self) -> bool:
        """Nothing is known to differ."""
        return self.numbers is None and self.digests is None and self.same_model is not False


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
            del replayed["rows"], replayed["digests"]
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
    pythons: tuple[str | None, str | None] = (None, None),
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
    sides = _sides(a, b)
    own = thread_count(threads) if threads is not None else max(1, thread_count() // 2)
    with ExitStack() as stack:
        replays: list[Replay] = []
        for name, side, python in zip(SIDES, sides, pythons, strict=True):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nnctl-")))
            task = Task(name, side.run.path, python, data, folder, own, allow_plugins)
            replay = start(task, watch if name == "A" else lambda event: None)
            stack.callback(replay.close)
            # They load and compile while what is recorded is compared.
            replay.ask("prepare", **task.preparing())
            replays.append(replay)
        recorded = _recorded(*sides)
        names = (sides[0].name, sides[1].name)
        try:
            replayed = _replayed(replays, sides, recorded, watch)
        except NnctlError as error:
            if not recorded.differs:
                raise
            return Bisected(names, recorded, not_replayed=str(error))
    agreements = [side.agreement(replayed, number) for number, side in enumerate(sides)]
    return Bisected(names, recorded, replayed, (agreements[0], agreements[1]))


@record
class Side:
    """A run, or a record beside a run whose config and data are trained again for it.

    Attributes:
        name: As the user knows it.
    """

    name: str
    run: RunDirectory
    record: Record | None = None

    def agreement(self, replayed: Replayed, number: int) -> Agreement:
        """What was found for side `number`, held against what is recorded."""
        trained = replayed.mark.weights_sha256
        recorded = (self.record or self.run.manifest()).weights_sha256
        same = trained == recorded if trained and recorded is not None else None
        if self.record is not None:
            lines = replayed.digests[number]
            return Agreement(None, same, other_digests(self.record.layers, self.record.digests, lines))
        found: dict[int, Row] = {
            int(row["epoch"]): {name: value for name, value in row.items() if name != "epoch"}
            for row in replayed.rows[number]
        }
        return Agreement(other_numbers(rows_of(self.run), found), same)


def _sides(a: str, b: str) -> tuple[Side, Side]:
    """What is meant. Raises RunError: one is neither a run nor a record, or none is a run."""
    records = [_record(text) for text in (a, b)]
    if None not in records:
        raise RunError("a record says what came out, not how: one of both has to be a run")
    runs = [_run(text) if found is None else None for text, found in zip((a, b), records, strict=True)]
    own = next(run for run in runs if run is not None)
    one, other = (
        Side(run.name, run) if run is not None else Side(text, own, found)
        for text, run, found in zip((a, b), runs, records, strict=True)
    )
    return one, other


def _record(text: str) -> Record | None:
    """The record of this name; None for what is no record's name."""
    try:
        return Record.read(Path(text)) if text.endswith(SUFFIX) else None
    except FileNotFoundError:
        raise RunError(f"there is no record {text}") from None


def _run(text: str) -> RunDirectory:
    """The run that is meant. Raises RunError: it is none."""
    found = find(text)
    if found.run is None or found.file is not None:
        raise RunError(f"{text} is a single file; `bisect` needs the run directory around it, or a *{SUFFIX}")
    found.run.manifest()
    return found.run


def _recorded(a: Side, b: Side) -> Recorded:
    if a.record is not None:
        return compare_with_record(b.run, a.record, record_first=True)
    if b.record is not None:
        return compare_with_record(a.run, b.record, record_first=False)
    return compare_recorded(a.run, b.run)


def _replayed(
    replays: Sequence[Replay],
    sides: Sequence[Side],
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
    found = Search(replays, steps, epochs, watch).run(checkpoints, _limit(sides))
    return replace(found, nnctl=(ready[0]["nnctl"], ready[1]["nnctl"]))


def _ready(replay: Replay) -> Mapping[str, Any]:
    ready: Mapping[str, Any] = replay.answer()
    if ready.get("protocol") != PROTOCOL:
        raise RunError(f"{replay.task.side}: nnctl {ready.get('nnctl')} does not answer as this one asks")
    return ready


def _limit(sides: Sequence[Side]) -> int | None:
    """The last step that a run which did not end well has tried; None where all did."""
    tried = []
    for side in sides:
        manifest = side.run.manifest()
        if manifest.weights_sha256 is None:
            tried.append(manifest.steps + (manifest.status == "failed"))
    return min(tried, default=None)
