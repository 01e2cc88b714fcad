"""`import`: a model of another tool as a run directory, from which it evaluates, predicts and trains on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nnctl.core import below
from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.data.preprocessing import InputPrep, NumberPrep, Preprocessing, TargetPrep
from nnctl.formats.imports.base import Imported
from nnctl.formats.keras.reading.found import MOST, Findings
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.runs.directory import MODEL, RunDirectory
from nnctl.runs.manifest import new_manifest, now
from nnctl.runs.model_file import ModelFile, write_model
from nnctl.runs.state import TrainingState
from nnctl.spec.language.experiment import Experiment, name_of
from nnctl.spec.load import LoadedExperiment, validate
from nnctl.spec.output.resolved import config_sha256, resolved_text
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.source_text import SourceText
from nnctl.storage.disk import DISK, Disk
from nnctl.workflow.assemble import assemble
from nnctl.workflow.opened_model import opened_model, read_model

DATA = "data.npz"
"""What an imported model's config calls the data, which no model's file holds."""


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
        found = made.imported.weights
        assert found is not None
        arrays = found(made.loaded.experiment.model, made.graph, findings)
        findings.check()
        digest = _write(output, made, arrays, model, disk)
    trained = made.graph
    return ImportedRun(
        str(output),
        str(model),
        made.imported.made_by,
        len(trained.calls),
        sum(trained.parameters()),
        digest,
        tuple(findings.notes),
    )


@record
class _Made:
    """A run that is about to be written: its config, its model, how its columns are prepared."""

    imported: Imported
    loaded: LoadedExperiment
    text: str
    graph: LayerGraph
    preprocessing: Preprocessing


def _check_output(output: Path) -> None:
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
    return _Made(imported, loaded, loaded.document.source.text, assembled.model, assembled.data.preprocessing)


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
    return _described(imported, model, output, findings)


def _weights_of(path: Path, findings: Findings, layers: Mapping[str, Any], stack: ExitStack) -> Imported:
    format, opened = stack.enter_context(opened_model(path))
    found = read_model(format, opened, Findings(path.name) if layers else findings, layers)
    if found.weights is None:
        raise ConfigError(Problem(f"{path} has no weights", expected="a file with weights"))
    return found


def _described(imported: Imported, source: Path, output: Path, findings: Findings) -> _Made:
    """The config of a model that comes without data, and the preparation of what it is fed: none."""
    assert imported.model is not None
    with _of(source):
        return _as_config(imported, source, output, findings)


@contextmanager
def _of(source: Path) -> Iterator[None]:
    """Problems of the config that was made are the file's: the config is not there to be looked at."""
    try:
        yield
    except ConfigError as error:
        some = error.problems[:MOST]
        raise ConfigError([_about(source, problem) for problem in some]) from None


def _about(source: Path, problem: Problem) -> Problem:
    line = problem.place.text.strip()[:80] if problem.place is not None else ""
    message = f"{source.name}: {problem.message}" + (f", in `{line}`" if line else "")
    return replace(problem, message=message, place=None)


def _as_config(imported: Imported, source: Path, output: Path, findings: Findings) -> _Made:
    text = _config_text(imported, source, findings)
    loaded = _checked(text, output)
    graph = build(loaded.experiment.model)
    objective = compile_objective(loaded.experiment.training, graph)
    loaded, text = _with_data(text, graph, objective, output)
    return _Made(imported, loaded, text, graph, _as_fed(graph, objective))


def _config_text(imported: Imported, source: Path, findings: Findings) -> str:
    """The config without its `data`, which depends on what the model turns out to be."""
    model = dict(imported.model or {})
    training = {"epochs": 1, **imported.training}
    if not training.get("loss"):
        training["loss"] = _guessed(model)
        findings.note(
            "training", f"it was not compiled: the loss is a guess by its outputs ({training['loss']})"
        )
    training.setdefault("optimizer", "rmsprop")
    head: dict[str, Any] = {"nnctl": 1, "name": name_of(imported.name)}
    if imported.dtype != "float32":
        head["dtype"] = imported.dtype
    sections = head | {
        "data": {"source": DATA},
        "model": model | {"initial_weights": MODEL},
        "training": training,
    }
    made = _said(imported.made_by)
    return f"# Imported by nnctl from {_said(source.name)} ({made}).\n" + block(sections)


def _said(text: str) -> str:
    """A stranger's text in a comment: one line of visible characters."""
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def _guessed(model: Mapping[str, Any]) -> Any:
    """The loss that usually goes with what each output's layer ends in."""
    outputs = model.get("outputs") or [None]
    named = {entry.get("name"): entry for entry in model["layers"] if isinstance(entry, dict)}
    last = model["layers"][-1]
    found = {}
    for name in outputs:
        entry = named.get(name, last) if name is not None else last
        activation = entry.get("activation") if isinstance(entry, dict) else None
        loss = {"softmax": "sparse_categorical_crossentropy", "sigmoid": "binary_crossentropy"}
        found[name] = loss.get(activation if isinstance(activation, str) else "", "mean_squared_error")
    return next(iter(found.values())) if len(found) == 1 else found


def _checked(text: str, output: Path) -> LoadedExperiment:
    document = parse_document(SourceText(str(output / "config.yaml"), text))
    data = dict(document.data)
    experiment = validate(Experiment, document, data)
    return LoadedExperiment(experiment, document, document, ())


def _with_data(
    text: str, graph: LayerGraph, objective: Objective, output: Path
) -> tuple[LoadedExperiment, str]:
    """The config with the columns that its model reads and is trained towards, one array each."""
    columns = _columns(graph, objective)
    told = [
        f"  # {_said(name)}: ({', '.join(['N', *('?' if n is None else str(n) for n in shape)])}) {kind}"
        for name, (shape, kind) in columns.items()
    ]
    inputs = {name: name for name in graph.inputs}
    targets = {output.output: _target(output.output, graph) for output in objective.outputs}
    section = {"data": {"source": DATA, "inputs": inputs, "targets": targets}}
    lines = block(section).splitlines()
    head = "# No model's file holds its data: put these arrays into it, or name another source.\n"
    data = "\n".join([lines[0], *told, *lines[1:]]) + "\n"
    old = block({"data": {"source": DATA}})
    assert old in text
    made = text.replace(old, head + data, 1)
    return _checked(made, output), made


def _target(name: str, graph: LayerGraph) -> str:
    return f"{name}_target" if name in graph.inputs else name


def _columns(graph: LayerGraph, objective: Objective) -> dict[str, tuple[Sequence[int | None], str]]:
    """Shape and kind of each array that the config's data consists of."""
    found: dict[str, tuple[Sequence[int | None], str]] = {}
    for name, info in graph.inputs.items():
        found[name] = info.shape, info.dtype
    for output in objective.outputs:
        target = output.target
        kind = f"whole numbers below {target.classes}" if target.kind == "classes" else "float32"
        found[_target(output.output, graph)] = target.shape, kind
    return found


def _as_fed(graph: LayerGraph, objective: Objective) -> Preprocessing:
    """What is fed comes as the model takes it."""
    inputs = {}
    for name, info in graph.inputs.items():
        if any(n is None for n in info.shape):
            shape: tuple[int, ...] = tuple(n or 0 for n in info.shape)
        else:
            shape = tuple(n for n in info.shape if n is not None)
        kind = "float32" if info.dtype.startswith("float") else "int32"
        inputs[name] = InputPrep(columns={name: NumberPrep(shape=shape)}, shape=tuple(info.shape), dtype=kind)
    targets = {}
    for output in objective.outputs:
        target = output.target
        kinds = {"classes": "ids", "onehot": "onehot", "numbers": "number"}
        shape = tuple(n or 0 for n in target.shape)
        targets[output.output] = TargetPrep(
            columns={_target(output.output, graph): NumberPrep(shape=shape)},
            kind=kinds[target.kind],
            shape=target.shape,
        )
    return Preprocessing(inputs=inputs, targets=targets)


def _write(output: Path, made: _Made, weights: Mapping[str, Array], source: Path, disk: Disk) -> str:
    experiment, graph = made.loaded.experiment, made.graph
    manifest = new_manifest(experiment.name, seed=experiment.seed, config_sha256=config_sha256(experiment))
    run = RunDirectory(output, disk=disk).open()
    try:
        resolved = resolved_text(made.loaded, output)
        run.write_config(made.text, resolved)
        state = TrainingState(
            weights={name: np.ascontiguousarray(weights[name]) for name in graph.weights},
            trainable={name: info.trainable for name, info in graph.weights.items()},
            complete=False,
        )
        config = made.loaded.resolved((str(made.loaded.directory), str(output)))
        digest = write_model(run.model_path, ModelFile(config, made.preprocessing.config(), state), run.disk)
        manifest.weights_sha256 = digest
        manifest.status, manifest.ended = "completed", now()
        manifest.reason = f"imported from {_said(source.name)} ({_said(made.imported.made_by)})"
        run.write_manifest(manifest)
    finally:
        run.close()
    return digest
