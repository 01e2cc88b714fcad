"""Holding the data's targets against what the losses want of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nnctl.core.arrays import distinct_values
from nnctl.core.errors import Path, Problem
from nnctl.core.shapes import Shape, show
from nnctl.data.feeding.dataset import Dataset, ExampleArray, Signature
from nnctl.data.open import Data
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective, OutputObjective


def label_problems(objective: Objective, model: LayerGraph, data: Data) -> list[Problem]:
    """Labels that are none of their output's classes, in the rows that `data` has."""
    return [
        problem
        for output in objective.outputs
        if output.target.kind == "classes" and output.target.classes is not None
        for problem in _labels(output, output.target.classes, data, model)
    ]


def shape_problems(
    objective: Objective,
    model: LayerGraph,
    targets: Mapping[str, Signature],
    class_names: Mapping[str, Sequence[str]],
) -> list[Problem]:
    """What is wrong with the presence and the shapes of targets; classes have names where all are known."""
    problems: list[Problem] = []
    for output in objective.outputs:
        if output.output not in targets:
            problems.append(
                Problem(
                    f"output '{output.output}' has a loss, but no column is its target",
                    ("data",),
                    expected=f"targets: {{{output.output}: COLUMN}}",
                )
            )
        elif not fits(output.target.shape, targets[output.output].shape):
            names = class_names.get(output.output)
            shape = targets[output.output].shape
            problems.append(target_misfit(output, output.shape, output.target.shape, shape, names, model))
    return problems


def with_own_lengths(objective: Objective, given: Mapping[str, Shape]) -> Objective:
    """The objective with the lengths of targets that have one of their own, as the data gives them."""

    def known(output: OutputObjective) -> OutputObjective:
        target, shape = output.target, given.get(output.output, ())
        if not target.own_length or len(shape) != len(target.shape):
            return output
        lengths = tuple(w if w is not None else g for w, g in zip(target.shape, shape, strict=True))
        return replace(output, target=replace(target, shape=lengths))

    return replace(objective, outputs=tuple(map(known, objective.outputs)))


def fits(wanted: Shape, given: Shape) -> bool:
    """Whether a target of shape `given` can be read as `wanted`; (1,) and () are the same numbers."""
    if wanted[-1:] == (1,) and len(given) == len(wanted) - 1:
        wanted = wanted[:-1]
    if given[-1:] == (1,) and len(wanted) == len(given) - 1:
        given = given[:-1]
    return len(wanted) == len(given) and all(
        w is None or g is None or w == g for w, g in zip(wanted, given, strict=True)
    )


def target_misfit(
    output: OutputObjective,
    made: Shape,
    target: Shape,
    shape: Shape,
    names: Sequence[str] | None,
    model: LayerGraph,
) -> Problem:
    """A target of `shape`, where an output of the shape `made` wants one of the shape `target`."""
    loss = type(output.loss).__name__
    classes = f"; its classes are {', '.join(names[:6])}" if names else ""
    message = (
        f"output '{output.output}' is {show(made)}, so {loss} wants a target of "
        f"{show(target)}, but the data gives {show(shape)}{classes}"
    )
    if output.target.kind == "onehot" and fits(target[:-1], shape):
        return Problem(
            message,
            ("training", "loss", output.output),
            expected="sparse_categorical_crossentropy for numbers of classes, or the target's column as "
            "{type: category, encoding: onehot}",
        )
    if output.target.kind == "classes":
        if fits(made, shape):
            way_out = "categorical_crossentropy, for a number per class"
            return Problem(message, ("training", "loss", output.output), expected=way_out)
        # How many classes there are is no matter: the axes before them are other ones.
        wanted = f"an output of shape {show((*shape, made[-1]))}"
        return Problem(message, model.node(model.outputs[output.output].name).path, expected=wanted)
    wanted = f"an output of shape {show(shape)}" if shape else "an output of 1 unit, or another loss"
    return Problem(message, _units_path(output, model), expected=wanted)


def _units_path(output: OutputObjective, model: LayerGraph) -> Path:
    """Where the output layer's size is written."""
    node = model.node(model.outputs[output.output].name)
    return (*node.path, "units") if hasattr(node.layer, "units") else node.path


def _labels(output: OutputObjective, classes: int, data: Data, model: LayerGraph) -> list[Problem]:
    """A problem where some split has a label outside 0..classes-1."""
    ignored = getattr(output.loss, "ignore_class", None)
    for split in (data.train, data.validation, data.test):
        if split is None:
            continue
        part = split.targets[output.output]
        found = outside(split, part, classes, ignored)
        if found is None:
            continue
        at, label, most = found
        origin, row = split.place(part, at)
        names = data.class_names.get(output.output)
        expected = f"units: {len(names)}" if names else _way_out(output.output, classes, most, data, ignored)
        return [
            Problem(
                f"output '{output.output}' has {classes} classes (0 to {classes - 1}), but the label "
                f"{names[label] if names and label < len(names) else label} occurs "
                f"({origin.place(row)})",
                _units_path(output, model),
                expected=expected,
            )
        ]
    return []


def _way_out(output: str, classes: int, most: int, data: Data, ignored: int | None) -> str:
    """What to do about numbers that are no classes from 0 on: more units, or have the labels numbered."""
    train = data.train
    part = train.targets[output]
    found: set[int] = set()
    for _, labels in train.pieces(part, "int32"):
        found.update(distinct_values(labels).tolist())
    found -= {ignored}
    counted_from_zero = min(found, default=0) == 0
    if counted_from_zero and len(found) > classes:
        return f"units: {most + 1}"
    column = next(iter(data.preprocessing.targets[output].columns))
    shown = ", ".join(map(str, sorted(found)[:4])) + (", ..." if len(found) > 4 else "")
    numbered = f"columns: {{{column}: {{type: category}}}}, which numbers the labels ({shown}) from 0 on"
    return numbered if len(found) <= classes else f"units: {len(found)}, and {numbered}"


def check_labels(objective: Objective, examples: Dataset) -> None:
    """Hold the labels of a file given to `eval` against a trained model's classes.

    Raises:
        DataError: a label is none of them; names file, row and output.
    """
    for output in objective.outputs:
        name, classes = output.output, output.target.classes
        if output.target.kind != "classes" or classes is None:
            continue
        ignored = getattr(output.loss, "ignore_class", None)
        part = examples.targets[name]
        found = outside(examples, part, classes, ignored)
        if found is not None:
            at, label, _ = found
            message = f"the label {label} is none of the classes 0 to {classes - 1} of output '{name}'"
            origin, row = examples.place(part, at)
            raise origin.error(message, row)


def outside(
    split: Dataset, part: ExampleArray, classes: int, ignored: int | None = None
) -> tuple[int, int, int] | None:
    """The first example whose label (or index) is no class: (example, label, largest label), or None."""
    first: tuple[int, int] | None = None
    most = 0
    for start, labels in split.pieces(part, "int32"):
        bad = (labels < 0) | (labels >= classes)
        if ignored is not None:
            bad &= labels != ignored
        most = max(most, int(labels.max(initial=0)))
        if first is None and bad.any():
            at = int(np.flatnonzero(bad.reshape(len(labels), -1).any(axis=1))[0])
            first = start + at, int(labels[at][bad[at]].reshape(-1)[0])
    return None if first is None else (*first, most)
