"""One trial: a run below the study's directory, whose epochs may prune it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnctl.core.errors import NnctlError, StorageError
from nnctl.core.events import EpochEnded
from nnctl.core.records import record
from nnctl.runs.directory import MANIFEST, RunDirectory, begun
from nnctl.spec.language.sweep import SweepSpec
from nnctl.workflow.sweep.board import Board, Taken
from nnctl.workflow.sweep.samplers import suggest
from nnctl.workflow.sweep.settings import chosen, overrides
from nnctl.workflow.sweep.storage import reached
from nnctl.workflow.train import Training, start


@record
class How:
    """What is the same for every trial."""

    config: Path
    overrides: tuple[str, ...]
    seed: int | None
    threads: int
    allow_plugins: bool


def attempt(board: Board, taken: Taken, how: How) -> int | None:
    """Train a trial, or go on with it, and settle it; the signal where one ended it, and it was given back.

    Raises:
        StorageError: the disk or the study's storage failed; the trial is given back where that is possible.
    """
    sweep, began = board.study.sweep, time.perf_counter()
    settings = reached(lambda: chosen(sweep, lambda path, range_: suggest(taken.trial, path, range_)))
    run = RunDirectory(board.place / str(taken.slot + 1))
    told: dict[str, Any] = {"settings": settings, "run": run.path.name}
    try:
        training = start(
            how.config,
            run_dir=run.path,
            resume=(run.path / MANIFEST).exists() or (run.path.is_dir() and begun(run.path)),
            overrides=(*how.overrides, *overrides(settings)),
            seed=how.seed,
            threads=how.threads,
            allow_plugins=how.allow_plugins,
            recording=True,
        )
        pruned = _trained(training, run, taken, sweep)
    except StorageError:
        board.give_back(taken.trial, died=False)
        raise
    except NnctlError as error:
        told |= {"reason": str(error)[:500], "exit_code": error.exit_code}
        board.settle(taken, "error", None, told)
        return None
    told["seconds"] = round(time.perf_counter() - began, 3)
    manifest = training.manifest
    told |= {"epochs": manifest.epochs, "weights_sha256": manifest.weights_sha256}
    if pruned:
        board.settle(taken, "pruned", None, told)
    elif training.exit_code == 5:
        board.settle(taken, "non-finite", None, told | {"reason": manifest.reason})
    elif training.exit_code > 128:
        board.give_back(taken.trial, died=False)
        return training.exit_code - 128
    else:
        value = _value(manifest.metrics, run, sweep.objective)
        if value is None:
            board.settle(taken, "non-finite", None, told)
        else:
            board.settle(taken, "completed", value, told)
    return None


def _trained(training: Training, run: RunDirectory, taken: Taken, sweep: SweepSpec) -> bool:
    """Train; whether the trial was pruned."""
    pruned, asked = False, sweep.pruner != "none"
    if asked and (run.path / MANIFEST).exists():
        for row in run.metrics():
            _report(taken, row["epoch"], row.get(sweep.objective))
    for event in training.events():
        if asked and not pruned and isinstance(event, EpochEnded):
            reported = _report(taken, event.epoch, event.logs.get(sweep.objective))
            last = event.epoch + 1 >= training.experiment.training.epochs
            if reported and not last and reached(taken.trial.should_prune):
                training.stop()
                pruned = True
    return pruned and training.exit_code > 128


def _report(taken: Taken, epoch: int, value: float | None) -> bool:
    if value is None or not math.isfinite(value):
        return False
    reached(lambda: taken.trial.report(value, epoch + 1))
    return True


def _value(metrics: Mapping[str, float | None], run: RunDirectory, objective: str) -> float | None:
    """What the model that is kept is worth: as the manifest says, or else the last epoch that measured it."""
    found = metrics.get(objective)
    if found is None:
        rows = [row[objective] for row in run.metrics() if row.get(objective) is not None]
        found = rows[-1] if rows else None
    return found if found is not None and math.isfinite(found) else None
