"""How a run's outputs are shown: under their targets' names, with classes, in the data's own units."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.data.feeding.table_feeds import restore
from nnctl.formats.outputs import GIVEN, class_names, gives_logits, is_binary, target_names
from nnctl.formats.predictions.base import ShownOutput
from nnctl.graph.objective import OutputObjective
from nnctl.workflow.stored import StoredModel


def shown_outputs(stored: StoredModel, outputs: Mapping[str, Array], *, bare: bool) -> list[ShownOutput]:
    """How each of the outputs (N, ...) is shown; with `bare`, as the model gives it, without its classes."""
    called = target_names(stored.model.outputs, stored.preprocessing)
    classes = {} if bare else class_names(stored.objective, stored.preprocessing)
    shown = []
    for name, values in outputs.items():
        target = stored.preprocessing.targets.get(name)
        parts = tuple(target.columns) if target is not None and len(target.columns) > 1 else None
        shown.append(ShownOutput(name, called[name], values.shape[1:], classes.get(name), parts))
    return shown


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


def in_own_units(stored: StoredModel, outputs: Mapping[str, Array], *, bare: bool) -> dict[str, Array]:
    """The model's outputs (N, ...) as a user reads them: scaled numbers restored, logits as probabilities.

    With `bare`, logits stay as they are.
    """
    found = {name: _restored(stored, name, values) for name, values in outputs.items()}
    if bare:
        return found
    told = {o.output: _probabilities(stored, found[o.output], o) for o in stored.objective.outputs}
    return found | told


def _probabilities(stored: StoredModel, values: Array, output: OutputObjective) -> Array:
    """A probability per class (N, C), where the model gives logits or only the second class's (N, 1)."""
    logits = gives_logits(output)
    exact = values.astype(np.float64)
    if is_binary(stored.preprocessing, output):
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
