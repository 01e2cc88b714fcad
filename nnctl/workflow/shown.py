"""How a run's outputs are shown: under their targets' names, with classes, in the data's own units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.data.feeding.table_feeds import restore
from nnctl.data.preprocessing import Preprocessing
from nnctl.formats.predictions.base import ShownOutput
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.crossentropy import BinaryCrossentropy
from nnctl.workflow.stored import StoredModel

GIVEN = "_given"
"""What stands behind the name of a column that is carried over, where the predictions have that name too."""


def shown_outputs(stored: StoredModel, outputs: Mapping[str, Array], *, bare: bool) -> list[ShownOutput]:
    """How each of the outputs (N, ...) is shown; with `bare`, as the model gives it, without its classes."""
    called = target_names(stored)
    classes = {} if bare else class_names(stored.objective, stored.preprocessing)
    shown = []
    for name, values in outputs.items():
        target = stored.preprocessing.targets.get(name)
        parts = tuple(target.columns) if target is not None and len(target.columns) > 1 else None
        shown.append(ShownOutput(name, called[name], values.shape[1:], classes.get(name), parts))
    return shown


def target_names(stored: StoredModel) -> dict[str, str]:
    """The column that each output was trained towards; its own name where there are several, or none."""
    names = {}
    for output in stored.model.outputs:
        target = stored.preprocessing.targets.get(output)
        names[output] = next(iter(target.columns)) if target and len(target.columns) == 1 else output
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    return {output: output if name in twice else name for output, name in names.items()}


def kept_names(keep: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """What each column that is carried over is called in a file where predictions have the names `taken`.

    Raises:
        ConfigError: a name is taken twice.
    """
    names = {name: f"{name}{GIVEN}" if name in taken else name for name in keep}
    for name, called in names.items():
        if called in taken or list(names.values()).count(called) > 1:
            raise ConfigError(Problem(f"the output has a column '{called}' already; '{name}' cannot be kept"))
    return names


def class_names(objective: Objective, preprocessing: Preprocessing) -> dict[str, tuple[str, ...]]:
    """The classes of each output that tells them apart; numbered where they have no names."""
    names = {}
    for output in objective.outputs:
        if _binary(preprocessing, output):
            names[output.output] = preprocessing.class_names[output.output]
        kind, classes = output.target.kind, output.target.classes
        if kind in ("classes", "onehot") and classes is not None:
            given = preprocessing.targets[output.output].class_names
            names[output.output] = given or tuple(str(i) for i in range(classes))
    return names


def in_own_units(stored: StoredModel, outputs: Mapping[str, Array], *, bare: bool) -> dict[str, Array]:
    """The model's outputs (N, ...) as a user reads them: scaled numbers restored, logits as probabilities.

    With `bare`, logits stay as they are.
    """
    found = {name: _restored(stored, name, values) for name, values in outputs.items()}
    if bare:
        return found
    told = {o.output: _probabilities(stored, found[o.output], o) for o in stored.objective.outputs}
    return found | told


def _binary(preprocessing: Preprocessing, output: OutputObjective) -> bool:
    """Whether an output of one number tells two named classes apart, by the second one's probability."""
    named = preprocessing.class_names.get(output.output, ())
    return len(named) == 2 and output.shape == (1,) and type(output.loss) is BinaryCrossentropy


def _probabilities(stored: StoredModel, values: Array, output: OutputObjective) -> Array:
    """A probability per class (N, C), where the model gives logits or only the second class's (N, 1)."""
    logits = getattr(output.loss, "from_logits", False)
    exact = values.astype(np.float64)
    if _binary(stored.preprocessing, output):
        second = sigmoid(exact) if logits else exact
        exact = np.concatenate([1 - second, second], axis=1)
    elif logits and output.target.kind in ("classes", "onehot"):
        exact = softmax(exact)
    return exact.astype(values.dtype)


def sigmoid(logits: Array) -> Array:
    """The probabilities of logits (...), float64."""
    found: Array = 1 / (1 + np.exp(-np.maximum(logits, -700)))
    return found


def softmax(logits: Array) -> Array:
    """The probabilities of rows of logits (..., C), float64."""
    powers: Array = np.exp(logits - logits.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def _restored(stored: StoredModel, name: str, values: Array) -> Array:
    """Predictions of a scaled number in the target's own unit again."""
    target = stored.preprocessing.targets.get(name)
    return values if target is None else restore(target, values)
