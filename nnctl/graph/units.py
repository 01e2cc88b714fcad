"""Losses and metrics of a scaled target in the target's own unit, beside what they are in scaled ones.

A target y is trained as (y - shift) / divide. What grows with the unit by a power (1 for the mean absolute
and the root mean squared error, 2 for the mean squared error) is `divide` to that power as large in the
column's own unit: exactly so, and at no cost. Others (percentages, logarithms, Huber) have no such factor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from nnctl.data.preprocessing import TargetPrep
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import UNSCALED, Objective, OutputObjective


def with_own_units(objective: Objective, model: LayerGraph, targets: Mapping[str, TargetPrep]) -> Objective:
    """The objective with every log that has a value in its target's own unit under two names."""
    found = dict(_factors(objective, model, targets))
    taken = set(objective.log_names())
    return replace(objective, unscaled={n: f for n, f in found.items() if n + UNSCALED not in taken})


def _factors(
    objective: Objective, model: LayerGraph, targets: Mapping[str, TargetPrep]
) -> Iterator[tuple[str, float]]:
    """Log name and what it is multiplied by."""
    for output in objective.outputs:
        divide = unit(targets[output.output]) if output.output in targets else None
        if divide is None:
            continue
        loss = _loss_name(objective, model, output)
        power = output.loss.power_of_unit
        if loss is not None and power is not None:
            yield loss, divide**power
        for measured in output.metrics:
            power = measured.metric.power_of_unit()
            if power is not None:
                yield measured.name, divide**power


def _loss_name(objective: Objective, model: LayerGraph, output: OutputObjective) -> str | None:
    """The log that holds this output's loss and nothing else: no regularizers, no weight."""
    if len(objective.outputs) > 1:
        return f"{output.output}_loss"
    penalized = any(info.weight.regularizer is not None for info in model.weights.values())
    called = (layer for node in model.nodes for layer in node.layer.family())
    penalized |= any(getattr(layer, "activity_regularizer", None) is not None for layer in called)
    return None if penalized or output.loss_weight != 1.0 else "loss"


def unit(target: TargetPrep) -> float | None:
    """What one scaled unit is in the target's own; None where it is not scaled, or its parts differ."""
    numbers = target.numbers
    if numbers is None or all(p.scale == "none" for p in numbers):
        return None
    sizes = {abs(d) for p in numbers for d in p.divide}
    return sizes.pop() if len(sizes) == 1 else None
