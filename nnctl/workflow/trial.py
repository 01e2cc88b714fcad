"""A config trained aside, as a test: what it came to, held against what was expected and its record."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nnctl import __version__
from nnctl.core.errors import NnctlError, RunError
from nnctl.core.events import EpochEnded
from nnctl.core.leaves import flatten
from nnctl.core.records import record
from nnctl.runs.digests import Digests
from nnctl.runs.manifest import finite
from nnctl.runs.record import Record
from nnctl.runs.record_diff import differences
from nnctl.spec.language.experiment import trained
from nnctl.workflow.expectable import record_path
from nnctl.workflow.expected import Outcome
from nnctl.workflow.train import Training, Watch, start

_DIGITS = 10
"""How many digits of an evaluation's numbers a record keeps: the last ones depend on NumPy's exp and log."""


@record
class Trial:
    """What became of a config.

    Attributes:
        seconds: How long it took, from its file to its verdict.
        outcomes: Of what it expects, in its order.
        before: The record that there was.
        compared: Whether it was compared with that.
        differences: How the weights' bits differ from the record's, causes first; empty where they do not.
        made: What a record of it would say; None where it was not trained to its end.
        record: Where its record is, or would be.
        curve: The loss of each epoch, that of validation where there is one.
        error: Why there is no verdict.
    """

    config: Path
    seconds: float
    outcomes: tuple[Outcome, ...] = ()
    before: Record | None = None
    compared: bool = False
    differences: tuple[str, ...] = ()
    made: Record | None = None
    record: Path | None = None
    curve: tuple[float, ...] = ()
    error: NnctlError | None = None

    @property
    def exit_code(self) -> int:
        """0, 4 where something does not hold, or the fault's."""
        if self.error is not None:
            return self.error.exit_code
        return 0 if not self.differences and all(outcome.holds for outcome in self.outcomes) else 4

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "config": str(self.config),
            "exit_code": self.exit_code,
            "seconds": round(self.seconds, 3),
            "expectations": [outcome.as_json() for outcome in self.outcomes],
            "compared": self.compared,
            "differences": list(self.differences),
            "weights_sha256": self.made.weights_sha256 if self.made is not None else None,
            "error": str(self.error) if self.error is not None else None,
        }


def attempt(
    config: Path,
    *,
    threads: int | None = None,
    overrides: Sequence[str] = (),
    allow_plugins: bool = False,
    strict: bool = False,
    recording: bool = False,
    watch: Watch = lambda event: None,
) -> Trial:
    """Train a config in a directory of its own, which is gone afterwards.

    Args:
        recording: It is trained for a new record: nothing is compared with the one that there may be.
    """
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="nnctl-") as place:
            training = start(
                config,
                run_dir=Path(place) / "run",
                threads=threads,
                overrides=overrides,
                allow_plugins=allow_plugins,
                strict=strict,
                recording=recording,
                watch=watch,
            )
            trial = _trained(config, training, recording, watch)
    except NnctlError as error:
        trial = Trial(config, 0.0, error=error)
    return replace(trial, seconds=time.perf_counter() - began)


def _trained(config: Path, training: Training, recording: bool, watch: Watch) -> Trial:
    path = record_path(training.assembled.loaded)
    before = _read(path)
    epochs = training.experiment.training.epochs
    wanted = recording or before is not None
    digests = Digests(training.assembled.model.weights_by_layer(), epochs) if wanted else None
    curve: list[float] = []
    for event in training.events():
        if digests is not None:
            digests.see(event)
        if isinstance(event, EpochEnded):
            curve.append(event.logs.get("val_loss", event.logs["loss"]))
        watch(event)
    if training.exit_code not in (0, 4):
        raise _broken_off(training)
    made = _record_of(training, digests) if digests is not None else None
    found = None
    if before is not None and made is not None and not recording:
        found = differences(before, made)
    outcomes = tuple(training.outcomes)
    return Trial(
        config,
        0.0,
        outcomes,
        before=before,
        compared=found is not None,
        differences=tuple(found or ()),
        made=made,
        record=path,
        curve=tuple(curve),
    )


def _read(path: Path) -> Record | None:
    try:
        return Record.read(path)
    except FileNotFoundError:
        return None


def _broken_off(training: Training) -> NnctlError:
    """Why a training has no verdict."""
    error = RunError(training.manifest.reason or training.manifest.status)
    error.exit_code = training.exit_code
    return error


def _record_of(training: Training, digests: Digests) -> Record:
    manifest, config = training.manifest, training.experiment.config()
    assert manifest.weights_sha256 is not None
    return Record(
        config_sha256=manifest.config_sha256,
        data_sha256=manifest.data_sha256,
        weights_sha256=manifest.weights_sha256,
        epochs=manifest.epochs,
        steps=manifest.steps,
        settings={key: value for key, value in flatten(trained(config)) if value is not None},
        data={file["path"]: file["sha256"] for file in manifest.data_files.values()},
        versions={"nnctl": __version__},
        metrics=finite(manifest.metrics),
        numbers={
            split: {name: _short(value) for name, value in scored.numbers().items()}
            for split, scored in training.scores.items()
        },
        layers=tuple(digests.layers),
        digests=tuple(digests.lines),
    )


def _short(value: float) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None
