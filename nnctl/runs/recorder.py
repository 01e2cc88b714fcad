"""What a run leaves behind: reads the runner's events and keeps the run directory up to date.

The order of writes is the promise. Files that grow with the epochs are brought to the platter before a
checkpoint that says how far they came; what stands behind that belongs to epochs that are trained again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from nnctl.core.errors import NnctlError
from nnctl.core.events import (
    CheckpointDue,
    EpochEnded,
    Event,
    Failed,
    Interrupted,
    LogDue,
    RunEnded,
    RunStarted,
    StepEnded,
)
from nnctl.runs.directory import METRICS, RunDirectory, metrics_line
from nnctl.runs.journal import Journal, Mark
from nnctl.runs.manifest import Manifest, Status, now
from nnctl.runs.model_file import ModelFile, write_model
from nnctl.runs.scores import Scores
from nnctl.runs.state import TrainingState

LogRow = Mapping[str, Any]


@dataclass
class Recorder:
    """Writes manifest, metrics, log files, checkpoints and the final model of one run, as events tell.

    Args:
        run: The directory, open (its lock held).
        manifest: What it shall say; written when the run starts.
        config: The resolved config, as it goes into model files.
        preprocessing: What was fitted on the training split.

    Raises (from each method):
        StorageError: Something could not be written; the older checkpoints are intact.
    """

    run: RunDirectory
    manifest: Manifest
    config: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    _begun: bool = False
    _journals: dict[str, Journal] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)
    _before: float = 0.0

    def begin(self, manifest: Manifest | None = None) -> None:
        """Say that the run is running, by `manifest` if it is given. From then on every end has a status."""
        self.manifest = manifest or self.manifest
        self._before = self.manifest.wall_seconds
        self._write("running")
        self._begun = True

    def go_on(self, state: TrainingState, logs: Iterable[str] = ()) -> frozenset[str]:
        """Cut the metrics and the files `logs` back to where they were at `state`; those that are lost.

        A lost file does not hold what it held then. Metrics go on behind what is left of them.
        """
        lost = frozenset(name for name in (METRICS, *logs) if not self._restored(name, state))
        if METRICS in lost:
            # Other hands may have been in it: only what is an epoch's before the checkpoint is taken over.
            known = range(state.epoch)
            rows = [row for row in self.run.metrics() if row.get("epoch") in known]
            self._journal(METRICS).append("".join(map(metrics_line, rows)))
        return lost

    def history(self) -> list[LogRow]:
        """`epoch` and logs of each epoch so far, as callbacks see them."""
        return [
            {k: math.nan if v is None else v for k, v in row.items() if k not in ("step", "seconds")}
            for row in self.run.metrics()
        ]

    def handle(self, event: Event) -> None:
        """React to one event; those that leave nothing behind are passed by."""
        if isinstance(event, StepEnded):
            return
        if isinstance(event, CheckpointDue):
            self._commit(event)
        elif isinstance(event, EpochEnded):
            self._epoch(event)
        elif isinstance(event, LogDue):
            self._journal(event.name).append(event.text)
        elif isinstance(event, RunStarted):
            if not self._begun:
                self.begin()
            self._journal(METRICS)
        elif isinstance(event, Interrupted):
            self.manifest.steps = event.step
            self._write("interrupted", f"signal {event.signal}")
        elif isinstance(event, Failed):
            self.manifest.steps = event.step
            layer = f" in {event.layer}" if event.layer else ""
            self._write("failed", f"{event.what}{layer} at step {event.step}")
        elif isinstance(event, RunEnded):
            self.manifest.steps, self.manifest.epochs = event.step, event.epochs
            self.manifest.metrics = dict(event.logs)
            self.manifest.restored_epoch = event.restored_epoch

    def keep(self, state: TrainingState, scores: Mapping[str, Any]) -> str:
        """Write the final model and its scores by split; the weights' hash.

        The model keeps weights and optimizer; what only resuming needs stays in the checkpoints.
        """
        self.run.check_held()
        self._marks()
        final = replace(state, callback_states=[], metric_states={}, kept={}, kept_logs={}, complete=False)
        model = ModelFile(self.config, self.preprocessing, final)
        digest = write_model(self.run.model_path, model, self.run.disk)
        self.run.write_scores(Scores(digest, dict(scores)))
        return digest

    def complete(self, weights_sha256: str, expectations: Sequence[Mapping[str, Any]] = ()) -> None:
        """Say that the run is completed, whose model was kept, and what came of what was expected of it."""
        self.manifest.weights_sha256 = weights_sha256
        self.manifest.expectations = [dict(outcome) for outcome in expectations]
        try:
            self._write("completed")
        except NnctlError:
            self.manifest.weights_sha256, self.manifest.expectations = None, []
            raise

    def seconds(self) -> float:
        """Time spent training so far, over all processes of the run."""
        return self._before + time.monotonic() - self._since

    def break_off(self, error: BaseException) -> None:
        """Say how a run ended whose end no event tells: an error, or whoever drove it went away.

        What cannot be written is left: on a full disk, or in a directory that is no longer this run's.
        """
        if not self._begun or self.manifest.status != "running":
            return
        status: Status = "failed"
        if isinstance(error, KeyboardInterrupt | GeneratorExit | SystemExit):
            status, reason = "interrupted", "the process was told to end"
        elif isinstance(error, NnctlError):
            reason = str(error).partition("\n")[0]
        else:
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            reason = ", ".join([said, *getattr(error, "__notes__", [])])
        with suppress(NnctlError):
            self._write(status, reason)

    def close(self) -> None:
        """Close the files that grow."""
        for journal in self._journals.values():
            journal.close()

    def _restored(self, name: str, state: TrainingState) -> bool:
        if name not in state.files:
            return False
        journal = self.run.journal(name)
        if not journal.restore(Mark(*state.files[name])):
            return False
        self._journals[name] = journal
        return True

    def _journal(self, name: str) -> Journal:
        """The file `name`, begun with this run if it is not yet open."""
        if name not in self._journals:
            # Only then known: a file that cannot be made is not to be synced later.
            journal = self.run.journal(name)
            journal.begin()
            self._journals[name] = journal
        return self._journals[name]

    def _epoch(self, event: EpochEnded) -> None:
        self.run.check_held()
        row = {"epoch": event.epoch, "step": event.step, **event.logs, "seconds": event.seconds}
        self.manifest.epochs, self.manifest.steps = event.epoch + 1, event.step
        self.manifest.metrics = dict(event.logs)
        self._journal(METRICS).append(metrics_line(row))

    def _commit(self, event: CheckpointDue) -> None:
        self.run.check_held()
        state = replace(event.state, files=self._marks())
        model = ModelFile(self.config, self.preprocessing, state)
        if event.name is not None:
            self.run.checkpoints.commit_as(event.name, model)
        self.run.checkpoints.commit(model, best=event.best)

    def _marks(self) -> dict[str, tuple[int, str]]:
        """How far each file that grows came; they are on the platter now."""
        marks = {name: journal.mark() for name, journal in self._journals.items()}
        return {name: (mark.size, mark.sha256) for name, mark in marks.items()}

    def _write(self, status: Status, reason: str | None = None) -> None:
        self.run.check_held()
        before = self.manifest.status, self.manifest.reason
        self.manifest.status, self.manifest.reason = status, reason
        self.manifest.started = self.manifest.started or now()
        self.manifest.ended = None if status == "running" else now()
        self.manifest.wall_seconds = round(self.seconds(), 3)
        try:
            self.run.write_manifest(self.manifest)
        except NnctlError:
            # It is still what the file says: a run that could not be called completed can be called failed.
            self.manifest.status, self.manifest.reason = before
            raise
