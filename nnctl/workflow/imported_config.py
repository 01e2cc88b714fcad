"""The config of a model that comes without data: written short, the losses and columns as its outputs say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.records import record
from nnctl.core.spec import first_fault
from nnctl.data.preprocessing import InputPrep, NumberPrep, Preprocessing, TargetPrep
from nnctl.formats.imports.base import Imported
from nnctl.formats.keras.reading.found import MOST, Findings
from nnctl.graph.build import build
from nnctl.graph.compile import compile_objective
from nnctl.graph.model import LayerGraph, Ref
from nnctl.graph.objective import Objective
from nnctl.runs.directory import MODEL
from nnctl.spec.language.experiment import Experiment, name_of
from nnctl.spec.language.training import TrainingSpec
from nnctl.spec.load import LoadedExperiment, validate
from nnctl.spec.output.short import short_model
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.emit import block
from nnctl.spec.yaml.source_text import SourceText

DATA = "data.npz"
"""What an imported model's config calls the data, which no model's file holds."""


@record
class Described:
    """A model with the config that was written for it.

    Attributes:
        text: The config.
        preprocessing: What is fed comes as the model takes it.
    """

    text: str
    loaded: LoadedExperiment
    graph: LayerGraph
    preprocessing: Preprocessing


def describe(imported: Imported, source: Path, output: Path, findings: Findings) -> Described:
    """The config of a model that a file describes.

    Args:
        source: The file.
        output: The directory that the config will be in.

    Raises:
        ConfigError: the model or how it is trained is not what nnctl can do.
    """
    assert imported.model is not None
    with _problems_of(source):
        # The graph as its config has it: its first weights are given.
        graph = build(imported.model.model_copy(update={"initial_weights": MODEL}))
        training = _training(imported.training, graph, findings)
        objective = compile_objective(_valid(training), graph)
        text = _text(imported, source, training, graph, objective)
        document = parse_document(SourceText(str(output / "config.yaml"), text))
        experiment = validate(Experiment, document, dict(document.data))
    loaded = LoadedExperiment(experiment, document, document, ())
    return Described(text, loaded, graph, _as_fed(graph, objective))


@contextmanager
def _problems_of(source: Path) -> Iterator[None]:
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


def _training(compiled: Mapping[str, Any], graph: LayerGraph, findings: Findings) -> dict[str, Any]:
    training = {"epochs": 1, **compiled}
    if not training.get("loss"):
        training["loss"] = guessed = _guessed(graph)
        shown = guessed if isinstance(guessed, str) else ", ".join(f"{a}: {b}" for a, b in guessed.items())
        findings.note("training", f"it was not compiled: the loss is a guess by its outputs ({shown})")
    training.setdefault("optimizer", "rmsprop")
    return training


def _guessed(graph: LayerGraph) -> str | dict[str, str]:
    """The loss that usually goes with what each output's layer ends in."""
    found = {name: _usual(graph, ref) for name, ref in graph.outputs.items()}
    return found if len(set(found.values())) > 1 else next(iter(found.values()))


def _usual(graph: LayerGraph, ref: Ref) -> str:
    if ref.name in graph.inputs:
        return "mean_squared_error"
    layer = graph.node(ref.name).layer
    if layer.softmax_axis() is not None:
        return "sparse_categorical_crossentropy"
    while (inner := getattr(layer, "layer", None)) is not None:
        layer = inner
    activation = getattr(layer, "activation", None)
    sigmoid = type(activation).__name__ == "sigmoid" or type(layer).__name__ == "Sigmoid"
    return "binary_crossentropy" if sigmoid else "mean_squared_error"


def _valid(training: Mapping[str, Any]) -> TrainingSpec:
    try:
        return TrainingSpec.model_validate(training)
    except ValidationError as error:
        raise ConfigError(f"training: {first_fault(error)}") from None


def _text(
    imported: Imported, source: Path, training: dict[str, Any], graph: LayerGraph, objective: Objective
) -> str:
    assert imported.model is not None
    head: dict[str, Any] = {"nnctl": 1, "name": name_of(imported.name)}
    if imported.dtype != "float32":
        head["dtype"] = imported.dtype
    model = short_model(imported.model) | {"initial_weights": MODEL}
    return "".join(
        (
            f"# Imported by nnctl from {said(source.name)} ({said(imported.made_by)}).\n",
            block(head),
            _data(graph, objective),
            block({"model": model, "training": training}),
        )
    )


def said(text: str) -> str:
    """A stranger's text in a comment: one line of visible characters."""
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def _data(graph: LayerGraph, objective: Objective) -> str:
    """The columns that the model reads and is trained towards, one array each."""
    told = [
        f"  # {said(name)}: ({', '.join(['N', *('?' if n is None else str(n) for n in shape)])}) {kind}"
        for name, (shape, kind) in _columns(graph, objective).items()
    ]
    inputs = {name: name for name in graph.inputs}
    targets = {output.output: _target(output.output, graph) for output in objective.outputs}
    first, *rest = block({"data": {"source": DATA, "inputs": inputs, "targets": targets}}).splitlines()
    head = "# No model's file holds its data: put these arrays into it, or name another source."
    return "\n".join((head, first, *told, *rest)) + "\n"


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
    inputs = {}
    for name, info in graph.inputs.items():
        shape = tuple(n or 0 for n in info.shape)
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
