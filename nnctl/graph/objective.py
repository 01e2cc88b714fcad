"""What a training run minimises and measures: losses, metrics and targets by output, bound to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target
from nnctl.metrics.base import MetricSpec


@dataclass(frozen=True)
class Measured:
    """A metric under the name the logs give it; `weighted` ones see the sample weights."""

    name: str
    metric: MetricSpec
    weighted: bool


@dataclass(frozen=True)
class OutputObjective:
    """One output's loss, its weight in the total, its metrics and its target."""

    output: str
    shape: Shape
    loss: LossSpec
    loss_weight: float
    target: Target
    metrics: tuple[Measured, ...]


@dataclass(frozen=True)
class Objective:
    """All outputs that have a loss, in the model's order."""

    outputs: tuple[OutputObjective, ...]
    sample_weight: bool = False
    """Whether the data gives one weight an example."""

    def loss_names(self) -> tuple[str, ...]:
        """The loss trackers' names: `loss`, and `<output>_loss` where there are several outputs."""
        if len(self.outputs) == 1:
            return ("loss",)
        return ("loss", *(f"{o.output}_loss" for o in self.outputs))

    def log_names(self) -> tuple[str, ...]:
        """Every name in an epoch's logs, in Keras's order."""
        return (*self.loss_names(), *(m.name for o in self.outputs for m in o.metrics))

    def states(self) -> Mapping[str, tuple[int, ...]]:
        """The float64 state arrays of loss trackers and metrics, by full name."""
        shapes: dict[str, tuple[int, ...]] = {f"{name}/mean": (2,) for name in self.loss_names()}
        for output in self.outputs:
            for measured in output.metrics:
                for key, shape in measured.metric.state().items():
                    shapes[f"{measured.name}/{key}"] = shape
        return shapes

    def results(self, states: Mapping[str, Any]) -> dict[str, float]:
        """Every log value from the accumulated states."""
        logs: dict[str, float] = {}
        for name in self.loss_names():
            total, count = states[f"{name}/mean"]
            logs[name] = float(total / count) if count else 0.0
        for output in self.outputs:
            for measured in output.metrics:
                state = {key: states[f"{measured.name}/{key}"] for key in measured.metric.state()}
                logs[measured.name] = measured.metric.result(state)
        return logs
