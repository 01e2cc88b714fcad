"""What a run leaves behind: reads the runner's events and keeps the run directory up to date.

The order of writes is the promise: the checkpoint holds the history, so whatever else was lost with a killed
process is written again from it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nnctl.core.events import (
    CheckpointDue,
    EpochEnded,
    Event,
    Failed,
    Interrupted,
    RunEnded,
    RunStarted,
    StepEnded,
)
from nnctl.runs.directory import RunDirectory
from nnctl.runs.manifest import Manifest, Status, now
from nnctl.runs.model_file import ModelFile, write_model
from nnctl.runs.state import TrainingState


@dataclass
class Recorder:
    """Writes manifest, metrics, checkpoints and the final model of one run, as events tell.

    Args:
        run: The directory, open (its lock held).
        manifest: What it shall say; written when the run starts.
        config: The resolved config, as it goes into model files.
        preprocessing: What was fitted on the training split.
        history: The rows of a resumed run's checkpoint.

    Raises (from `handle`):
        StorageError: Something could not be written; the older checkpoints are intact.
    """

    run: RunDirectory
    manifest: Manifest
    config: Mapping[str, Any]
    preprocessing: Mapping[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)
    _before: float = 0.0

    def __post_init__(self) -> None:
        self._before = self.manifest.wall_seconds

    def handle(self, event: Event) -> None:
        """React to one event; those that leave nothing behind are passed by."""
        if isinstance(event, StepEnded):
            return
        if isinstance(event, CheckpointDue):
            self._commit(event)
        elif isinstance(event, EpochEnded):
            self._epoch(event)
        elif isinstance(event, RunStarted):
            self.run.rewrite_metrics(self.history)
            self._write("running")
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

    def finish(self, state: TrainingState) -> str:
        """Write the final model, then say that the run is completed; the weights' hash.

        The model keeps weights, optimizer and history; what only resuming needs stays in the checkpoints.
        """
        final = replace(state, callback_states=[], metric_states={}, kept={})
        model = ModelFile(self.config, self.preprocessing, final)
        digest = write_model(self.run.model_path, model, self.run.disk)
        self.run.rewrite_metrics(state.history)
        self.manifest.weights_sha256 = digest
        self._write("completed")
        return digest

    def _epoch(self, event: EpochEnded) -> None:
        row = {"epoch": event.epoch, "step": event.step, **event.logs, "seconds": event.seconds}
        self.manifest.epochs, self.manifest.steps = event.epoch + 1, event.step
        self.manifest.metrics = dict(event.logs)
        self.run.append_metrics(row)

    def _commit(self, event: CheckpointDue) -> None:
        model = ModelFile(self.config, self.preprocessing, event.state)
        if event.name is not None:
            self.run.checkpoints.commit_as(event.name, model)
        self.run.checkpoints.commit(model, best=event.best)

    def _write(self, status: Status, reason: str | None = None) -> None:
        self.manifest.status, self.manifest.reason = status, reason
        self.manifest.started = self.manifest.started or now()
        self.manifest.ended = None if status == "running" else now()
        self.manifest.wall_seconds = round(self._before + time.monotonic() - self._since, 3)
        self.run.write_manifest(self.manifest)
