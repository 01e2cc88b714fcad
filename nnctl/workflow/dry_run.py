"""Composing a run's programs without memory, kernels or numbers: a layer that raises is found by `check`."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.foreign import told
from nnctl.core.shapes import Shape
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.ops.base import Graph
from nnctl.program import step
from nnctl.program.weights import SEGMENT
from nnctl.spec.language.experiment import Experiment


def dry_run(
    experiment: Experiment, model: LayerGraph, objective: Objective, inputs: Mapping[str, Shape]
) -> None:
    """Trace training and evaluation of one batch, gradients included, the optimizer's step, and constraints.

    Raises:
        ConfigError: a layer cannot take the sizes, or code of a plugin raises.
    """
    if any(None in shape for shape in inputs.values()):
        return
    batch = experiment.data.batch_size
    sizes = {
        name: (batch, *(n for n in inputs[name] if n is not None)) for name in model.inputs if name in inputs
    }
    step.training(model, objective, experiment.dtype, sizes, experiment.seed)
    step.evaluation(model, objective, experiment.dtype, sizes, experiment.seed)
    for part in experiment.training.optimizer.parts(model.trainable()):
        with told(part.optimizer, "the optimizer", ("training", "optimizer", *part.path)):
            graph = Graph(experiment.dtype)
            step.optimize(graph, part.optimizer, (0, SEGMENT), ((SEGMENT,),), ("weight",))
    step.constrain(model, Graph(experiment.dtype))
