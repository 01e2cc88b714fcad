"""Holding sample weights against outputs: one per example, or one for each place that has a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from nnctl.core.errors import Path, Problem
from nnctl.core.shapes import Shape, show
from nnctl.data.feeding.dataset import Dataset, Signature
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.spec.language.class_weight import ClassWeight, by_output


def class_axes(output: OutputObjective) -> int | None:
    """How many axes of an output have one class at each place (0: each example has one); None: none has."""
    target = output.target
    if target.classes is None or target.own_length:
        return None
    if target.kind == "classes":
        return len(target.shape)
    if target.kind == "onehot" or target.shape[-1:] == (1,):
        return len(target.shape) - 1
    return None if target.shape else 0


def with_weight_axes(
    objective: Objective, axes: Callable[[str], int], class_weight: ClassWeight | None
) -> Objective:
    """The objective with a weight wherever the data has one, or each place has a class that counts.

    Args:
        axes: How many axes the data's weights have, for the name of an output.
    """
    classes = by_output(class_weight, [output.output for output in objective.outputs])

    def known(output: OutputObjective) -> OutputObjective:
        by_class = class_axes(output) if output.output in classes else None
        return replace(output, weight_axes=max(axes(output.output), by_class or 0))

    return replace(objective, outputs=tuple(map(known, objective.outputs)))


def weight_shapes(data: Dataset, targets: Mapping[str, Signature]) -> dict[str, Shape]:
    """The shape of an example's weights by output; a length that may grow with the target's is None."""
    found: dict[str, Shape] = {}
    for output, part in data.weights.items():
        grows = part.shape and targets[output].shape[:1] == (None,)
        found[output] = (None, *part.shape[1:]) if grows else part.shape
    return found


def weight_problems(objective: Objective, weights: Mapping[str, Shape]) -> list[Problem]:
    """What is wrong with the shapes of sample weights, for the losses and the metrics that see them."""
    problems: list[Problem] = []
    for output in objective.outputs:
        if shape := weights.get(output.output):
            misfit = weight_misfit(output, output.shape, shape)
            problems += [misfit] if misfit is not None else _unweighable(output, len(shape))
    return problems


def weight_misfit(output: OutputObjective, made: Shape, shape: Shape) -> Problem | None:
    """Weights of `shape` for an output of the shape `made`, where they do not fit."""
    path: Path = ("data", "sample_weight", output.output)
    axes, loss = output.loss.row_axes(made), type(output.loss).__name__
    places, given = made[: min(axes, len(shape))], f"but the data gives weights of {show(shape)} per example"
    if len(shape) > axes:
        what = f"a loss at each of {show(places)}" if axes else "one loss per example"
        way_out = f"weights of {show(places)}, or one per example" if axes else "one weight per example"
        if made in (shape, (None, *shape[1:])):
            way_out += f"; or an output of shape {show((*made, 1))}, which has a loss at each place"
        message = f"output '{output.output}' is {show(made)}, of which {loss} makes {what}, {given}"
        return Problem(message, path, expected=way_out)
    if any(None not in (m, w) and m != w for m, w in zip(places, shape, strict=True)):
        message = f"output '{output.output}' is {show(made)}, {given}"
        return Problem(message, path, expected=f"weights of {show(places)}, or one per example")
    return None


def _unweighable(output: OutputObjective, axes: int) -> Iterator[Problem]:
    """Metrics that are to see weights of places, and look at several of these at once."""
    for measured in output.metrics:
        if measured.weighted and measured.metric.row_axes(measured.output) < axes:
            message = (
                f"'{measured.name}' looks at several of the places of output '{output.output}' at once, "
                "which have a weight each"
            )
            yield Problem(message, ("training", "weighted_metrics", output.output), "`metrics` for it")
