"""`export`: a run's model in other tools' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nnctl.core.errors import ConfigError, Problem, nearest
from nnctl.formats.exports.base import ExportFormat, TrainedModel, formats
from nnctl.storage.disk import DISK, Disk, commit
from nnctl.workflow.output import check_output, files_read, keep_apart
from nnctl.workflow.stored import StoredModel, open_stored


def export(
    run: str,
    format: str,
    output: Path,
    *,
    force: bool = False,
    allow_plugins: bool = False,
    disk: Disk = DISK,
) -> dict[str, Any]:
    """Write the model of `run` to `output`, whole or not at all. A summary.

    Raises:
        ConfigError: there is no such format; the output cannot be written, is there and `force` is not said,
            or is a file that is read; the model holds what the format cannot.
        RunError: RUN cannot be used.
        StorageError: the output cannot be written; what was there before still is.
    """
    writer = _writer(format)
    check_output(output, force=force)
    writer.check(output.name)
    stored = open_stored(run, allow_plugins=allow_plugins)
    keep_apart(output, files_read(stored.loaded, stored.directory))
    model = _trained(stored)
    commit(disk, output, writer.pieces(model))
    return {
        "run": stored.found.name,
        "format": format,
        "output": str(output),
        "weights_sha256": model.weights_sha256,
        "hint": writer.hint(model, output.name),
    }


def _writer(format: str) -> ExportFormat:
    found = formats.get(format)
    if found is None:
        names = formats.names()
        message = f"nnctl has no {formats.kind} '{format}'"
        raise ConfigError(Problem(message, expected=", ".join(names), suggestion=nearest(format, names)))
    return found()


def _trained(stored: StoredModel) -> TrainedModel:
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
    )
