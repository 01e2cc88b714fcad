"""What a model asks of its data, read off its spec before any shape is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape
from nnctl.data.columns.roles import Wanted
from nnctl.layers.entry import Entry, entry_names
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.language.training import TrainingSpec


def data_arguments(experiment: Experiment) -> dict[str, Any]:
    """What `data.open_data` and `data.head` want to know of an experiment's model."""
    asks = wanted(experiment.model, experiment.training)
    return {
        "input_shapes": asks.inputs,
        "outputs": asks.outputs,
        "integer_inputs": asks.integer_inputs,
        "categorical": asks.categorical,
    }


def wanted(model: ModelSpec, training: TrainingSpec) -> Wanted:
    """The inputs, outputs and kinds of targets of a model."""
    entries = model.layers or ()
    inputs: dict[str, Shape | None] = {}
    for name, given in (model.inputs or {}).items():
        inputs[name] = tuple(given.shape) if given.shape is not None else None
    names = entry_names(entries, taken=list(inputs))
    for entry, name in zip(entries, names, strict=True):
        if entry.is_input:
            inputs[name] = entry.layer.shape
    outputs = tuple(model.outputs or names[-1:])
    integers = frozenset(_integer_inputs(entries, list(inputs)))
    declared = {n for n, s in (model.inputs or {}).items() if s.dtype and not s.dtype.startswith("float")}
    return Wanted(inputs, outputs, integers | declared, _categorical(training.loss, outputs))


def _integer_inputs(entries: tuple[Entry, ...], inputs: list[str]) -> list[str]:
    """Model inputs that a layer reads as whole numbers; "input" stands for the one that is not named."""
    found = []
    previous = inputs[0] if inputs else "input"
    for at, entry in enumerate(entries):
        if entry.is_input:
            continue
        reads = list(entry.reads) if entry.reads is not None else [previous] if at == 0 or previous else []
        if entry.layer is not None and entry.layer.reads_integers():
            found += [name for name in _first(entry, reads) if name in inputs or name == "input"]
        previous = ""
    return found


def _first(entry: Entry, reads: list[str]) -> list[str]:
    """Without what a layer reads beside its first input: weights of numbers are none."""
    names = entry.layer.input_names() if entry.layer.nests is None else ()
    if not names:
        return reads
    given = entry.input_names or names
    return [name for name, called in zip(reads, given, strict=False) if called == names[0]]


def _categorical(loss: Any, outputs: tuple[str, ...]) -> Mapping[str, bool]:
    """By output: whether its loss reads class numbers."""
    found = {}
    for at, name in enumerate(outputs):
        chosen = loss
        if isinstance(loss, Mapping):
            chosen = loss.get(name)
        elif isinstance(loss, list | tuple):
            chosen = loss[at] if at < len(loss) else None
        if chosen is not None:
            try:
                found[name] = chosen.target((2,)).kind == "classes"
            except ShapeError:
                found[name] = False
    return found
