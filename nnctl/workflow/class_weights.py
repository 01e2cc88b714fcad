"""`class_weight`: what a loss is multiplied by, by the class of its example or step, for each output."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Path, Problem, nearest
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.graph.weighing import class_axes
from nnctl.spec.language.class_weight import ClassWeight, OfClasses, by_output, goes_by_output

PATH: Path = ("training", "class_weight")


def class_weights(
    dataset: Dataset, data: Data, objective: Objective, weights: ClassWeight
) -> dict[str, Array]:
    """The weight of each class (C,), by the outputs whose classes count.

    Raises:
        ConfigError: an output has no one class per example or step; a key is no class, or not clearly one.
    """
    named = goes_by_output(weights)
    if not named and len(objective.outputs) > 1:
        expected = ", ".join(f"{o.output}: ..." for o in objective.outputs if class_axes(o) is not None)
        message = "class_weight without the name of an output is for a model that has only one"
        raise ConfigError(Problem(message, PATH, expected=f"{{{expected}}}" if expected else None))
    by_name = {o.output: o for o in objective.outputs}
    tables: dict[str, Array] = {}
    problems: list[Problem] = []
    for name, given in by_output(weights, list(by_name)).items():
        path = (*PATH, name) if named else PATH
        try:
            tables[name] = _of_classes(dataset, data, by_name[name], given, path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tables


def _of_classes(
    dataset: Dataset, data: Data, objective: OutputObjective, weights: OfClasses, path: Path
) -> Array:
    output, classes, axes = objective.output, objective.target.classes, class_axes(objective)
    if classes is None or axes is None:
        message = f"class_weight is for one class per example or step; output '{output}' has none"
        raise ConfigError(Problem(message, path, at_key=path != PATH))
    if isinstance(weights, str):
        return balanced(dataset, output, classes, axes)
    return by_key(weights, data.class_names.get(output), classes, path)


def class_numbers(labels: Array, axes: int) -> Array:
    """The class of each example (N,), or of each of its places (N, ...), int64.

    Args:
        labels: Class numbers or 0 and 1 (N, ...) or (N, ..., 1), or one-hot rows (N, ..., C).
        axes: How many axes the places have; 0: an example has one class.
    """
    if labels.ndim > 1 + axes and labels.shape[-1] > 1:
        labels = labels.argmax(axis=-1)
    return labels.reshape(labels.shape[: 1 + axes]).astype(np.int64)


def balanced(dataset: Dataset, output: str, classes: int, axes: int) -> Array:
    """Examples / (classes that occur * examples of the class): all classes together weigh what examples do.

    Where each place has a class, these are the places; what fills sequences up does not count. Neither do
    labels that are no class (the loss ignores them); a class that does not occur weighs 1.
    Source: sklearn.utils.class_weight.compute_class_weight.
    """
    counts = np.zeros(classes, dtype=np.int64)
    part = dataset.targets[output]
    for start, labels in dataset.pieces(part, part.dtype):
        found = class_numbers(labels, axes)
        counted = (found >= 0) & (found < classes) & dataset.own_places(output, start, found.shape)
        counts += np.bincount(found[counted], minlength=classes)
    there = counts > 0
    weights = np.ones(classes)
    weights[there] = counts.sum() / (there.sum() * counts[there])
    return weights


def by_key(
    weights: Mapping[str, float], names: tuple[str, ...] | None, classes: int, place: Path = PATH
) -> Array:
    """Weights by class name; or by number, from 0, where no class is named by a number."""
    table = np.ones(classes)
    taken: dict[int, str] = {}
    known = list(names) if names else [str(i) for i in range(classes)]
    numbered = names is not None and any(map(_is_number, names))
    for word, weight in weights.items():
        path = (*place, word)
        index = known.index(word) if word in known else None
        if index is None and _is_number(word):
            if numbered:
                listed = ", ".join(f"{name}: ..." for name in known[:10])
                raise ConfigError(
                    Problem(
                        f"'{word}' is no class: the classes are named by numbers, so a key is a name and no "
                        f"position (the first class is called '{known[0]}')",
                        path,
                        expected=f"{{{listed}}}",
                        at_key=True,
                    )
                )
            index = int(word) if int(word) < classes else None
        if index is None:
            raise ConfigError(
                Problem(
                    f"there is no class '{word}'",
                    path,
                    expected=f"one of {', '.join(known[:10])}",
                    suggestion=nearest(word, known),
                    at_key=True,
                )
            )
        if index in taken:
            raise ConfigError(
                Problem(
                    f"'{taken[index]}' and '{word}' are the same class, '{known[index]}'",
                    path,
                    expected="each class once",
                    at_key=True,
                )
            )
        table[index], taken[index] = weight, word
    return table


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdecimal()
