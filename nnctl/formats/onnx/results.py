"""A model's outputs as `nnctl predict` shows them: in their targets' own units, classes as probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnctl.formats.exports.base import TrainedModel
from nnctl.formats.onnx.writer import Writer
from nnctl.formats.outputs import gives_logits, is_binary
from nnctl.graph.objective import OutputObjective


def write_results(model: TrainedModel, w: Writer, outputs: Mapping[str, str]) -> dict[str, str]:
    """Add what is done to outputs; the names of what comes of it."""
    made = {name: _restored(model, w, name, tensor) for name, tensor in outputs.items()}
    for output in model.objective.outputs:
        w.origin = output.output
        binary = is_binary(model.preprocessing, output)
        made[output.output] = _probabilities(w, made[output.output], output, binary)
    return made


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


def _probabilities(w: Writer, tensor: str, output: OutputObjective, binary: bool) -> str:
    """A probability per class, where the model gives logits or, `binary`, only the second class's."""
    logits = gives_logits(output)
    if binary:
        second = w.node("Sigmoid", tensor) if logits else tensor
        return w.node("Concat", w.node("Sub", w.number(1.0), second), second, axis=1)
    told = output.target.kind in ("classes", "onehot")
    return w.node("Softmax", tensor, axis=-1) if logits and told else tensor
