"""`export`: a run's model in other tools' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.keras.archive import keras_archive, keras_weights_file
from nnctl.formats.npz import npz
from nnctl.formats.structure import as_json, as_yaml
from nnctl.runs.disk import DISK, Buffers, Disk, commit
from nnctl.workflow.output import check_output, files_read, keep_apart
from nnctl.workflow.stored import StoredModel, open_stored

Format = Literal["yaml", "json", "h5", "keras", "npz"]

_WEIGHTS = ".weights.h5"
"""What Keras wants the name of a file of weights to end in."""


def export(
    run: str,
    format: Format,
    output: Path,
    *,
    force: bool = False,
    allow_plugins: bool = False,
    disk: Disk = DISK,
) -> dict[str, Any]:
    """Write the model of `run` to `output`, whole or not at all. A summary.

    Raises:
        ConfigError: the output cannot be written, is there and `force` is not said, or is a file that is
            read; the model holds what the format cannot.
        RunError: RUN cannot be used.
        StorageError: the output cannot be written; what was there before still is.
    """
    check_output(output, force=force)
    _check_ending(format, output)
    stored = open_stored(run, allow_plugins=allow_plugins)
    keep_apart(output, files_read(stored.loaded, stored.directory))
    pieces = _pieces(format, stored)
    commit(disk, output, pieces)
    return {
        "run": stored.found.name,
        "format": format,
        "output": str(output),
        "weights_sha256": stored.file.weights_sha256,
        "hint": _hint(format, stored, output),
    }


def _check_ending(format: Format, output: Path) -> None:
    if format == "keras" and output.suffix != ".keras":
        message = f"Keras opens files that end in .keras alone, not '{output.name}'"
        raise ConfigError(Problem(message, expected=f"--output {output.stem}.keras"))


def _pieces(format: Format, stored: StoredModel) -> Buffers:
    experiment = stored.loaded.experiment
    spec, graph, weights = experiment.model, stored.model, stored.file.state.weights
    if format == "yaml":
        return [as_yaml(spec, graph)]
    if format == "json":
        return [as_json(spec, graph)]
    if format == "npz":
        return [npz(weights)]
    if format == "h5":
        return keras_weights_file(spec, graph, weights, experiment.dtype)
    return [keras_archive(spec, graph, weights, name=experiment.name, dtype=experiment.dtype)]


def _hint(format: Format, stored: StoredModel, output: Path) -> str:
    """What a user should know before using the file."""
    if format in ("yaml", "json"):
        return f"a config takes it as model: {{path: {output.name}}}"
    if format == "npz":
        return f"numpy.load('{output.name}') gives an array a weight"
    if format == "h5":
        if output.name.endswith(_WEIGHTS):
            return f"load_weights('{output.name}') of the model that --format keras writes reads it"
        return "Keras reads it if its name ends in .weights.h5"
    return f"it takes inputs prepared as in training: {', '.join(stored.model.inputs)}"
