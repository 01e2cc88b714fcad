"""Shapes once more, with the lengths that data gives: what `null` left open while the graph was built."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.errors import ConfigError, Problem, ShapeError
from nnctl.core.shapes import Shape
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data
from nnctl.graph.model import LayerGraph, Ref, shown_reads
from nnctl.graph.objective import Objective
from nnctl.graph.targets import fits, target_misfit

Shapes = Mapping[str, Shape]
"""The shape of each model input without the batch axis."""


def check_lengths(model: LayerGraph, objective: Objective, data: Data) -> None:
    """Every layer takes the lengths of every split, and every target has the length that comes out.

    Raises:
        ConfigError: with the place of the layer.
    """
    if not varies(model):
        return
    for split in (data.train, data.validation, data.test):
        if split is None:
            continue
        inputs, targets = _shapes(split)
        problems = length_problems(model, objective, inputs, targets, f"the {split.name} split of ")
        if problems:
            raise ConfigError(problems)


def check_file_lengths(model: LayerGraph, examples: Dataset) -> None:
    """Hold the lengths of a file given to `eval` or `predict` against a trained model's layers.

    Raises:
        DataError: a layer cannot take them.
    """
    if not varies(model) or not len(examples):
        return
    for problem in length_problems(model, Objective(()), _shapes(examples)[0], {}, ""):
        raise examples.origin.error(problem.message)


def varies(model: LayerGraph) -> bool:
    """Whether an input has a length that is not known before data is there."""
    return any(None in info.shape for info in model.inputs.values())


def length_problems(
    model: LayerGraph, objective: Objective, inputs: Shapes, targets: Shapes, of: str
) -> list[Problem]:
    """What does not fit when the inputs have the shapes `inputs`; `of` says whose shapes these are."""
    known: dict[Ref, Shape] = {Ref(name): inputs[name] for name in model.inputs}
    problems: list[Problem] = []
    for node in model.nodes:
        if any(ref not in known for ref in node.inputs):
            continue
        shapes = [known[ref] for ref in node.inputs]
        try:
            made = node.layer.output_shape(*shapes)
        except ShapeError as error:
            read, seen = shown_reads(node.inputs, shapes), shown_reads(map(Ref, inputs), inputs.values())
            message = f"layer '{node.name}': {error} (it reads {read}, from {of}{seen})"
            path = (*node.path, error.field) if error.field else node.path
            problems.append(Problem(message, path, expected=error.expected))
            continue
        for index, shape in enumerate(made if isinstance(made, list) else [made]):
            known[Ref(node.name, index)] = shape
    for output in objective.outputs:
        ref, given = model.outputs[output.output], targets.get(output.output)
        if ref not in known or given is None or None not in output.target.shape:
            continue
        wanted = output.loss.target(known[ref]).shape
        if not fits(wanted, given):
            problems.append(target_misfit(output, known[ref], wanted, given, None, model))
    return problems


def _shapes(split: Dataset) -> tuple[Shapes, Shapes]:
    return (
        {name: part.shape for name, part in split.inputs.items()},
        {name: part.shape for name, part in split.targets.items()},
    )
