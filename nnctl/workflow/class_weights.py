"""`class_weight`: what an example's loss is multiplied by, by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem, nearest
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.base import Target

ClassWeight = Mapping[str, float] | Literal["balanced"]
"""By class, as the config has it."""

PATH = ("training", "class_weight")


def class_weights(
    dataset: Dataset, data: Data, objective: Objective, weights: ClassWeight
) -> tuple[str, Array]:
    """The output whose class counts, and the weight of each class (C,).

    Raises:
        ConfigError: the model has no one class per example; a key is no class, or not clearly one.
    """
    match objective.outputs:
        case [OutputObjective(output=output, target=Target(classes=int(classes)) as target)] if _one(target):
            pass
        case _:
            raise ConfigError(
                Problem("class_weight is for a model with one output, and one class per example", PATH)
            )
    if weights == "balanced":
        return output, balanced(dataset, output, classes)
    assert not isinstance(weights, str)
    return output, by_key(weights, data.class_names.get(output), classes)


def _one(target: Target) -> bool:
    """Whether an example has one class: a number, or a row of 0 and 1."""
    return target.shape in ((), (1,)) or (target.kind == "onehot" and len(target.shape) == 1)


def class_numbers(labels: Array) -> Array:
    """The class of each example (N,) int64, of targets that are class numbers, 0 and 1, or one-hot rows."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        labels = labels.argmax(axis=1)
    return labels.reshape(len(labels)).astype(np.int64)


def balanced(dataset: Dataset, output: str, classes: int) -> Array:
    """Examples / (classes that occur * examples of the class): all classes together weigh what examples do.

    Labels that are no class (the loss ignores them) do not count; a class that does not occur weighs 1.
    Source: sklearn.utils.class_weight.compute_class_weight.
    """
    counts = np.zeros(classes, dtype=np.int64)
    part = dataset.targets[output]
    for _, labels in dataset.pieces(part, part.dtype):
        found = class_numbers(labels)
        counts += np.bincount(found[(found >= 0) & (found < classes)], minlength=classes)
    there = counts > 0
    weights = np.ones(classes)
    weights[there] = counts.sum() / (there.sum() * counts[there])
    return weights


def by_key(weights: Mapping[str, float], names: tuple[str, ...] | None, classes: int) -> Array:
    """Weights by class name; or by number, from 0, where no class is named by a number."""
    table = np.ones(classes)
    taken: dict[int, str] = {}
    known = list(names) if names else [str(i) for i in range(classes)]
    numbered = names is not None and any(map(_is_number, names))
    for word, weight in weights.items():
        path = (*PATH, word)
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
