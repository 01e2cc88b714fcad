"""`import`: a model of another tool as a run directory, from which it evaluates, predicts and trains on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core import below
from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, NnctlError, Problem
from nnctl.core.records import record
from nnctl.formats.imports.base import Imported
from nnctl.formats.keras.reading.found import Findings
from nnctl.runs.directory import RunDirectory, begun
from nnctl.runs.lock import holder
from nnctl.runs.manifest import new_manifest, now
from nnctl.runs.model_file import ModelFile, write_model
from nnctl.runs.remove import remove
from nnctl.runs.state import TrainingState
from nnctl.spec.output.resolved import config_sha256, resolved_text
from nnctl.storage.disk import DISK, Disk
from nnctl.workflow.assemble import assemble
from nnctl.workflow.imported_config import Described, describe, said
from nnctl.workflow.opened_model import opened_model, read_model


@record
class ImportedRun:
    """What `import` made.

    Attributes:
        made_by: What wrote the file.
        notes: What did not come over, each with its place in the file.
    """

    run: str
    source: str
    made_by: str
    layers: int
    parameters: int
    weights_sha256: str
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "run": self.run,
            "source": self.source,
            "made_by": self.made_by,
            "layers": self.layers,
            "parameters": self.parameters,
            "weights_sha256": self.weights_sha256,
            "notes": list(self.notes),
        }


def import_model(model: Path, output: Path, *, weights: Path | None = None, disk: Disk = DISK) -> ImportedRun:
    """Make a run directory of a model's file.

    Args:
        model: A file of Keras or ONNX; or a config of nnctl, with `weights`.
        output: The directory; it must not be there, or be empty.
        weights: The file that holds the weights, where `model` has only the structure.

    Raises:
        ConfigError: the model holds what nnctl has not, with its place in the file; the directory is in use.
        RunError: a file is damaged, or of no format that is read.
        StorageError: the directory cannot be written.
    """
    _check_output(output)
    findings = Findings(model.name)
    with ExitStack() as stack:
        if _is_config(model):
            made = _of_config(model, weights, findings, stack)
        else:
            made = _of_file(model, weights, output, findings, stack)
        graph, experiment = made.described.graph, made.described.loaded.experiment
        assert made.imported.weights is not None
        arrays = made.imported.weights(experiment.model, graph, experiment.dtype, findings)
        findings.check()
        digest = _write(output, made, arrays, model, disk)
    return ImportedRun(
        str(output),
        str(model),
        made.imported.made_by,
        len(graph.calls),
        sum(graph.parameters()),
        digest,
        tuple(findings.notes),
    )


@record
class _Made:
    """A run that is about to be written."""

    imported: Imported
    described: Described


def _check_output(output: Path) -> None:
    if begun(output) and holder(output) is None:
        return  # an import that was killed
    if os.path.lexists(output) and (not output.is_dir() or any(output.iterdir())):
        message = f"'{output}' is there already" + (", and is no directory" if not output.is_dir() else "")
        raise ConfigError(
            Problem(message, expected="another --output: a directory that is not there, or empty")
        )


def _is_config(model: Path) -> bool:
    """Whether it is a config of nnctl: YAML that says so in a line of its own.

    The name must say YAML too: a config's data is opened, and a model's file must not lead to any.
    """
    if model.suffix not in (".yaml", ".yml"):
        return False
    try:
        with below.reading(model) as file:
            return any(line.startswith(b"nnctl:") for line in file.read(1 << 16).splitlines())
    except (OSError, below.Refused):
        return False


def _of_config(model: Path, weights: Path | None, findings: Findings, stack: ExitStack) -> _Made:
    """A config's own model and data, with weights from elsewhere."""
    if weights is None:
        message = f"{model} is a config, which has no weights"
        raise ConfigError(Problem(message, expected="--weights FILE (`.weights.h5`, `.safetensors`, `.npz`)"))
    assembled = assemble(model)
    imported = _weights_of(weights, findings, {}, stack)
    loaded = assembled.loaded
    text, preprocessing = loaded.document.source.text, assembled.data.preprocessing
    return _Made(imported, Described(text, loaded, assembled.model, preprocessing))


def _of_file(model: Path, weights: Path | None, output: Path, findings: Findings, stack: ExitStack) -> _Made:
    format, opened = stack.enter_context(opened_model(model))
    imported = read_model(format, opened, findings)
    findings.check()
    if imported.model is None:
        message = f"{model} holds weights alone ({imported.made_by})"
        way = (
            f"nnctl import STRUCTURE --weights {model}, where STRUCTURE is the model's JSON, or a "
            f"config of nnctl"
        )
        raise ConfigError(Problem(message, expected=way))
    if weights is not None:
        there = _weights_of(weights, findings, imported.layers, stack)
        imported = replace(
            imported, weights=there.weights, made_by=f"{imported.made_by}, weights of {there.made_by}"
        )
    if imported.weights is None:
        raise ConfigError(
            Problem(f"{model} holds the structure alone", expected=f"nnctl import {model} --weights FILE")
        )
    return _Made(imported, describe(imported, model, output, findings))


def _weights_of(path: Path, findings: Findings, layers: Mapping[str, Any], stack: ExitStack) -> Imported:
    format, opened = stack.enter_context(opened_model(path))
    found = read_model(format, opened, Findings(path.name) if layers else findings, layers)
    if found.weights is None:
        raise ConfigError(Problem(f"{path} has no weights", expected="a file with weights"))
    return found


def _write(output: Path, made: _Made, weights: Mapping[str, Array], source: Path, disk: Disk) -> str:
    run = RunDirectory(output, disk=disk)
    try:
        digest = _write_files(run.open(), made, weights, source)
    except BaseException:
        run.close()
        with suppress(NnctlError):
            remove(run)
        raise
    run.close()
    return digest


def _write_files(run: RunDirectory, made: _Made, weights: Mapping[str, Array], source: Path) -> str:
    loaded, graph = made.described.loaded, made.described.graph
    experiment = loaded.experiment
    manifest = new_manifest(experiment.name, seed=experiment.seed, config_sha256=config_sha256(experiment))
    run.write_config(made.described.text, resolved_text(loaded, run.path))
    state = TrainingState(
        weights={name: np.asarray(weights[name], order="C") for name in graph.weights},
        trainable={name: info.trainable for name, info in graph.weights.items()},
        complete=False,
    )
    config = loaded.resolved((str(loaded.directory), str(run.path)))
    file = ModelFile(config, made.described.preprocessing.config(), state)
    digest = write_model(run.model_path, file, run.disk)
    manifest.weights_sha256 = digest
    manifest.status, manifest.ended = "completed", now()
    manifest.reason = f"imported from {said(source.name)} ({said(made.imported.made_by)})"
    run.write_manifest(manifest)
    return digest
