"""`export`: a run's model in other tools' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem, nearest
from nnctl.formats.exports.base import PARTS, ExportFormat, TrainedModel, Training, formats
from nnctl.optimizers.base import OptimizerSpec
from nnctl.storage.disk import DISK, Disk, commit
from nnctl.workflow.output import check_output, files_read, keep_apart
from nnctl.workflow.stored import StoredModel, open_stored


def export(
    run: str,
    format: str,
    output: Path,
    *,
    weights_only: bool = False,
    force: bool = False,
    allow_plugins: bool = False,
    disk: Disk = DISK,
) -> dict[str, Any]:
    """Write the model of `run` to `output`, whole or not at all. A summary.

    Raises:
        ConfigError: there is no such format, or it has no form with only the weights; the output cannot be
            written, is there and `force` is not said, or is a file that is read; the model holds what the
            format cannot.
        RunError: RUN cannot be used.
        StorageError: the output cannot be written; what was there before still is.
    """
    writer = _writer(format)
    check_output(output, force=force)
    writer = writer.form(output.name, weights_only)
    writer.check(output.name)
    stored = open_stored(run, allow_plugins=allow_plugins)
    keep_apart(output, files_read(stored.loaded, stored.directory))
    model = trained_model(stored)
    commit(disk, output, writer.pieces(model))
    kept = list(writer.kept(model))
    return {
        "run": stored.found.name,
        "format": format,
        "output": str(output),
        "weights_sha256": model.weights_sha256,
        "keeps": kept,
        "loses": [part for part in PARTS if part not in kept],
        "hint": writer.hint(model, output.name),
    }


def _writer(format: str) -> ExportFormat:
    found = formats.get(format)
    if found is None:
        names = formats.names()
        message = f"nnctl has no {formats.kind} '{format}'"
        raise ConfigError(Problem(message, expected=", ".join(names), suggestion=nearest(format, names)))
    return found()


def trained_model(stored: StoredModel) -> TrainedModel:
    """All that a format may write of what is stored."""
    experiment, file = stored.loaded.experiment, stored.file
    return TrainedModel(
        experiment.name,
        experiment.model,
        stored.model,
        file.state.weights,
        experiment.dtype,
        file.weights_sha256,
        stored.preprocessing,
        stored.objective,
        _training(stored),
        experiment.exact_convolution == "direct",
    )


def _training(stored: StoredModel) -> Training:
    """How the run trains, and the optimizer's state if it is that of these weights and whole."""
    optimizer: OptimizerSpec = stored.loaded.experiment.training.optimizer
    state = stored.file.state
    parts = optimizer.parts(stored.model.trainable())
    wanted = {
        f"{slot}/{name}": stored.model.weights[name].weight.shape
        for part in parts
        for slot in part.optimizer.all_slots()
        for name in part.names
    }
    held = {name: array.shape for name, array in state.optimizer.items()}
    # Where the average stands in the weights' place, its slot has the weights.
    whole = held == wanted and "averaged" not in state.scalars
    rate = state.scalars.get("learning_rate")
    return Training(optimizer, state.optimizer if whole else None, state.step, rate)
