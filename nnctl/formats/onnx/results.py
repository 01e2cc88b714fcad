"""A model's outputs as `nnctl predict` shows them: in their targets' own units, classes as probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.writer import Writer
from nnctl.graph.probabilities import said_of_classes


def write_results(model: TrainedModel, w: Writer, outputs: Mapping[str, str]) -> dict[str, str]:
    """Add what is done to outputs; the names of what comes of it."""
    made = {name: _restored(model, w, name, tensor) for name, tensor in outputs.items()}
    return made | {
        output.output: _probabilities(
            w, made[output.output], said_of_classes(model.preprocessing, output), output.output
        )
        for output in model.objective.outputs
    }


def _restored(model: TrainedModel, w: Writer, name: str, tensor: str) -> str:
    """A scaled number in its target's own unit again."""
    target = model.preprocessing.targets.get(name)
    numbers = target.numbers if target is not None else None
    if numbers is None or all(prep.scale == "none" for prep in numbers):
        return tensor
    w.origin = name
    divide = w.constant(np.array([d for prep in numbers for d in prep.divide], w.dtype))
    shift = w.constant(np.array([s for prep in numbers for s in prep.shift], w.dtype))
    return w.node("Add", w.node("Mul", tensor, divide), shift)


def _probabilities(w: Writer, tensor: str, said: str | None, name: str) -> str:
    """A probability per class."""
    w.origin = name
    if said == "logits":
        return w.node("Softmax", tensor, axis=-1)
    if said == "logit of the second":
        tensor = w.node("Sigmoid", tensor)
    if said is None:
        return tensor
    return w.node("Concat", w.node("Sub", w.number(1.0), tensor), tensor, axis=1)
