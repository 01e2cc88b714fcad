"""Shapes once more, with the lengths that data gives: what `null` left open while the graph was built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from nnctl.core.errors import ConfigError, Problem, ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.data.feeding.dataset import Dataset
from nnctl.graph.model import LayerGraph, Ref, shown_reads
from nnctl.graph.objective import Objective
from nnctl.graph.targets import fits, target_misfit
from nnctl.layers.base import listed

Shapes = Mapping[str, Shape]
"""The shape of each model input (or target) without the batch axis."""


class GivenShapes(NamedTuple):
    """The shapes of inputs and targets by name, and in words whose they are."""

    inputs: Shapes
    targets: Shapes
    of: str


def given_shapes(split: Dataset, of: str) -> list[GivenShapes]:
    """Those of a split's examples: one for each bucket that has any."""
    targets = {name: part.shape for name, part in split.targets.items()}
    found = [None] if split.buckets is None else np.unique(split.buckets.of).tolist()
    return [GivenShapes(split.input_shapes(bucket), targets, of) for bucket in found]


def check_lengths(model: LayerGraph, objective: Objective, given: Iterable[GivenShapes]) -> None:
    """Every layer takes the lengths that are given, and every target has the length that comes out.

    Raises:
        ConfigError: with the place of the layer; of the first that do not fit.
    """
    if not varies(model):
        return
    for shapes in given:
        problems = length_problems(model, objective, *shapes)
        if problems:
            raise ConfigError(problems)


def check_file_lengths(model: LayerGraph, examples: Dataset) -> None:
    """Hold the lengths of a file given to `eval` or `predict` against a trained model's layers.

    Raises:
        DataError: a layer cannot take them.
    """
    if not varies(model) or not len(examples):
        return
    for given in given_shapes(examples, ""):
        for problem in length_problems(model, Objective(()), given.inputs, {}, ""):
            raise examples.origin.error(problem.message)


def check_outputs_of_buckets(model: LayerGraph, split: Dataset) -> None:
    """Refuse outputs that have as many steps as the inputs, where these vary with the batch.

    Raises:
        ConfigError: neither a target nor a file of predictions has room for them.
    """
    if split.buckets is None:
        return
    for name, shape in model.output_shapes().items():
        if None in shape:
            raise ConfigError(
                Problem(
                    f"output '{name}' has the shape {show(shape)}, and its length would vary with the bucket",
                    ("data", "batching"),
                    "a model that puts out one shape for sequences of any length, or no buckets",
                )
            )


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
            made = node.layer.activated_shape(*node.at_parameters(shapes))
        except ShapeError as error:
            read, seen = shown_reads(node.inputs, shapes), shown_reads(map(Ref, inputs), inputs.values())
            message = f"layer '{node.name}': {error} (it reads {read}, from {of}{seen})"
            problems.append(Problem(message, (*node.path, *error.path), expected=error.expected))
            continue
        for index, shape in enumerate(listed(made)):
            known[Ref(node.name, index)] = shape
    for output in objective.outputs:
        ref, given = model.outputs[output.output], targets.get(output.output)
        if ref not in known or given is None or None not in output.target.shape:
            continue
        wanted = output.loss.target(known[ref]).shape
        if not fits(wanted, given):
            problems.append(target_misfit(output, known[ref], wanted, given, None, model))
    return problems
