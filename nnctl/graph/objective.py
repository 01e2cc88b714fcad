"""What a training run minimises and measures: losses, metrics and targets by output, bound to a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from nnctl.core.records import record
from nnctl.core.shapes import Shape
from nnctl.losses.base import LossSpec, Target
from nnctl.metrics.base import MetricSpec


@record
class Measured:
    """A metric under the name the logs give it; `weighted` ones see the sample weights."""

    name: str
    metric: MetricSpec
    weighted: bool
    output: Shape
    """The shape of what it measures, without the batch axis."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the logs call its results."""
        return tuple(f"{self.name}_{part}" for part in self.metric.parts(self.output)) or (self.name,)

    @property
    def state(self) -> Mapping[str, tuple[int, ...]]:
        """The shapes of its state, by full name."""
        return {f"{self.name}/{key}": shape for key, shape in self.metric.state(self.output).items()}

    def own(self, states: Mapping[str, Any]) -> dict[str, Any]:
        """Its state by its own names, out of all states."""
        return {full.removeprefix(f"{self.name}/"): states[full] for full in self.state}


@record
class OutputObjective:
    """One output's loss, its weight in the total, its metrics and its target."""

    output: str
    shape: Shape
    loss: LossSpec
    loss_weight: float
    target: Target
    metrics: tuple[Measured, ...]
    weighted: bool = False
    """Whether each example has a weight of its own here, from the data or by its class."""
    weight_axes: int = 0
    """How many axes of the output, from its first on, have a weight at each place; 1: a weight per step."""


UNSCALED = "_unscaled"
"""What a name in the logs ends in where the number is in its target's own unit (`graph.units`)."""


@record
class Objective:
    """All outputs that have a loss, in the model's order."""

    outputs: tuple[OutputObjective, ...]
    unscaled: Mapping[str, float] = field(default_factory=dict)
    """By log name: what it is multiplied by to be in its target's own unit (`graph.units`)."""

    def loss_names(self) -> tuple[str, ...]:
        """The loss trackers' names: `loss`, and `<output>_loss` where there are several outputs."""
        if len(self.outputs) == 1:
            return ("loss",)
        return ("loss", *(f"{o.output}_loss" for o in self.outputs))

    def log_names(self) -> tuple[str, ...]:
        """Every name in an epoch's logs, in Keras's order."""
        measured = (*self.loss_names(), *(n for o in self.outputs for m in o.metrics for n in m.names))
        return tuple(name for own in measured for name in self._with_unscaled(own))

    def _with_unscaled(self, name: str) -> tuple[str, ...]:
        """A log's name and, right after it, that of the same number in its target's own unit."""
        return (name, name + UNSCALED) if name in self.unscaled else (name,)

    def better(self) -> dict[str, Literal["min", "max"]]:
        """Whether less or more is better, of every log whose metric tells."""
        known: dict[str, Literal["min", "max"]] = dict.fromkeys(self.loss_names(), "min")
        for measured in (m for output in self.outputs for m in output.metrics):
            if measured.metric.better is not None:
                known |= dict.fromkeys(measured.names, measured.metric.better)
        return {name: way for own, way in known.items() for name in self._with_unscaled(own)}

    def states(self) -> Mapping[str, tuple[int, ...]]:
        """The float64 state arrays of loss trackers and metrics, by full name."""
        shapes: dict[str, tuple[int, ...]] = {f"{name}/mean": (2,) for name in self.loss_names()}
        for output in self.outputs:
            for measured in output.metrics:
                shapes |= measured.state
        return shapes

    def results(self, states: Mapping[str, Any]) -> dict[str, float]:
        """Every log value from the accumulated states."""
        logs: dict[str, float] = {}
        for name in self.loss_names():
            total, count = states[f"{name}/mean"]
            logs[name] = float(total / count) if count else 0.0
        for output in self.outputs:
            for measured in output.metrics:
                values = measured.metric.results(measured.own(states))
                logs |= zip(measured.names, values, strict=True)
        return {
            name: value * (self.unscaled[own] if name != own else 1.0)
            for own, value in logs.items()
            for name in self._with_unscaled(own)
        }
