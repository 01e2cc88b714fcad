"""Shapes once more, with the lengths that data gives: what `null` left open while the graph was built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from nnctl.core.arrays import distinct_values
from nnctl.core.errors import ConfigError, Problem, ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.data.feeding.buckets import Varying
from nnctl.data.feeding.dataset import Dataset
from nnctl.graph.model import LayerGraph, Ref, shown_reads
from nnctl.graph.objective import Objective
from nnctl.graph.targets import fits, target_misfit
from nnctl.graph.weighing import weight_misfit
from nnctl.layers.base import listed

Shapes = Mapping[str, Shape]
"""The shape of each model input (or target) without the batch axis."""


class GivenShapes(NamedTuple):
    """The shapes of inputs, targets and sample weights by name, and in words whose they are."""

    inputs: Shapes
    targets: Shapes
    weights: Shapes
    of: str


def given_shapes(split: Dataset, of: str) -> list[GivenShapes]:
    """Those of a split's examples: one for each bucket that has any.

    Targets of sequences, and weights of their steps, are filled up as far as each bucket's outputs (None); to
    their full length they have that of the outputs of full length.
    """
    targets: dict[str, Shape] = {name: part.shape for name, part in split.targets.items()}
    weights: dict[str, Shape] = {name: part.shape for name, part in split.weights.items()}
    if split.buckets is None:
        return [GivenShapes(split.input_shapes(), targets, weights, of)]
    varying = {name for name, part in split.targets.items() if isinstance(part.feed, Varying)}

    def filled(shapes: Shapes) -> Shapes:
        return {name: (None, *s[1:]) if s and name in varying else s for name, s in shapes.items()}

    given = [
        GivenShapes(split.input_shapes(bucket), filled(targets), filled(weights), of)
        for bucket in distinct_values(split.buckets.of).tolist()
    ]
    return [*given, GivenShapes(split.input_shapes(), targets, weights, of)] if varying else given


def check_lengths(model: LayerGraph, objective: Objective, given: Sequence[GivenShapes]) -> None:
    """Every layer takes the lengths that are given, and targets and weights have the length that comes out.

    Raises:
        ConfigError: with the place of the layer; of the first that do not fit.
    """
    if not varies(model) and len(given) == 1:
        # The model was built on these.
        return
    for shapes in given:
        problems = length_problems(model, objective, shapes)
        if problems:
            raise ConfigError(problems)


def check_file_lengths(model: LayerGraph, examples: Dataset, objective: Objective | None = None) -> None:
    """Hold the lengths of a file given to `eval` or `predict` against a trained model.

    Args:
        objective: Where targets and their weights count as well.

    Raises:
        DataError: a layer cannot take them, or a target, or its weights, have another length than an output.
    """
    if not len(examples) or not (objective or varies(model)):
        return
    for given in given_shapes(examples, ""):
        for problem in length_problems(model, objective or Objective(()), given):
            raise examples.origin.error(problem.message)


def check_targets_of_buckets(objective: Objective, split: Dataset) -> None:
    """Refuse targets of one length for outputs that have as many steps as inputs that vary with the batch.

    Raises:
        ConfigError: with the place of the buckets.
    """
    if split.buckets is None:
        return
    for output in objective.outputs:
        part = split.targets.get(output.output)
        if part is not None and None in output.target.shape and not isinstance(part.feed, Varying):
            raise ConfigError(
                Problem(
                    f"output '{output.output}' has the shape {show(output.shape)}, and its length varies "
                    f"with the bucket, but all its targets have the shape {show(part.shape)}",
                    ("data", "batching"),
                    "a target of `type: sequence`, or a model that puts out one shape, or no buckets",
                )
            )


def check_steps_of_targets(model: LayerGraph, objective: Objective, split: Dataset) -> None:
    """Hold the steps of each example's targets against those that its bucket's output has.

    Raises:
        DataError: an example has more; names file, row and both numbers.
    """
    if split.buckets is None:
        return
    for bucket in distinct_values(split.buckets.of).tolist():
        rows = np.flatnonzero(split.buckets.of == bucket)
        outputs = output_shapes(model, split.input_shapes(bucket))
        for output in objective.outputs:
            part = split.targets[output.output]
            if None not in output.target.shape or not isinstance(part.feed, Varying):
                continue
            room = outputs[output.output][0] or 0
            steps = part.feed.steps_of(split.rows[rows] + part.offset)
            if (steps > room).any():
                index = int(np.argmax(steps > room))
                origin, row = split.place(part, int(rows[index]))
                raise origin.error(
                    f"the target of output '{output.output}' has {steps[index]} steps, but the sequences "
                    f"that it belongs to are filled up to their bucket's length, which gives {room}",
                    row,
                    hint="a target has no more steps than its example's longest sequence",
                )


def output_shapes(model: LayerGraph, inputs: Shapes) -> dict[str, Shape]:
    """The shape of each model output where the inputs have the shapes `inputs`.

    Raises:
        ConfigError: a layer cannot take them; with its place.
    """
    known, problems = _shapes(model, inputs, "")
    if problems:
        raise ConfigError(problems)
    return {name: known[ref] for name, ref in model.outputs.items()}


def varies(model: LayerGraph) -> bool:
    """Whether an input has a length that is not known before data is there."""
    return any(None in info.shape for info in model.inputs.values())


def length_problems(model: LayerGraph, objective: Objective, given: GivenShapes) -> list[Problem]:
    """What does not fit when the inputs have these shapes: a layer, a target or its weights."""
    known, problems = _shapes(model, given.inputs, given.of)
    for output in objective.outputs:
        ref, target = model.outputs[output.output], given.targets.get(output.output)
        if ref not in known or target is None:
            continue
        wanted = output.target.shape
        if None in wanted:
            wanted = output.loss.target(known[ref]).shape
        if not fits(wanted, target):
            problems.append(target_misfit(output, known[ref], wanted, target, None, model))
        elif weights := given.weights.get(output.output):
            misfit = weight_misfit(output, known[ref], weights)
            problems += [misfit] if misfit is not None else []
    return problems


def _shapes(model: LayerGraph, inputs: Shapes, of: str) -> tuple[dict[Ref, Shape], list[Problem]]:
    """The shapes of all that is made of inputs of the shapes `inputs`, and which layers cannot take them."""
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
    return known, problems
