"""Where in a config the loss and the metrics of an output are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nnctl.core.errors import Path
from nnctl.graph.objective import Measured, OutputObjective
from nnctl.spec.language.experiment import Experiment


def loss_path(experiment: Experiment, output: OutputObjective) -> Path:
    """The path of the loss of `output`."""
    given = experiment.training.loss
    path: Path = ("training", "loss")
    if isinstance(given, Mapping):
        return (*path, output.output)
    if isinstance(given, Sequence):
        return (*path, next((i for i, loss in enumerate(given) if loss is output.loss), 0))
    return path


def metric_path(experiment: Experiment, output: OutputObjective, measured: Measured) -> Path:
    """The path of a metric of `output`."""
    field = "weighted_metrics" if measured.weighted else "metrics"
    given: Any = getattr(experiment.training, field)
    path: Path = ("training", field)
    if isinstance(given, Mapping):
        given, path = given.get(output.output, ()), (*path, output.output)
    names = [metric.log_name() for metric in given]
    name = measured.metric.log_name()
    return (*path, names.index(name)) if name in names else path
