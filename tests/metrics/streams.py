"""Running a metric over several batches, as the runner does."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.losses.base import Target
from nnctl.metrics.base import MetricSpec, metrics
from nnctl.ops.base import Graph
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.program.invariants import broken_invariants

Batch = dict[str, Array]
"""y_true, y_pred, and maybe weight (N,) and mask (N, T)."""


def make(name: str, /, **fields: Any) -> MetricSpec:
    cls = metrics.get(name)
    assert cls is not None, name
    return cls.model_validate(fields)


def target_of(y_true: Array, y_pred: Array) -> Target:
    """The target that a loss for this y_true would have."""
    if y_true.dtype.kind == "i":
        return Target("classes", y_true.shape[1:], y_pred.shape[-1])
    return Target("numbers", y_pred.shape[1:])


def stream(metric: MetricSpec, batches: list[Batch], dtype: str = "float32") -> float | list[float]:
    """The metric's result after all batches, or its several ones."""
    first = batches[0]
    metric = metric.resolve(target_of(first["y_true"], first["y_pred"]), first["y_pred"].shape[1:])
    memory = {name: np.zeros(shape) for name, shape in metric.state(first["y_pred"].shape[1:]).items()}
    for batch in batches:
        graph = Graph(dtype)
        arrays = {k: a.astype(dtype) if a.dtype.kind == "f" else a for k, a in batch.items()}
        values = {k: graph.input(k, a.shape, a.dtype.name) for k, a in arrays.items()}
        state = {k: graph.variable(k, a.shape, "float64") for k, a in memory.items()}
        metric.add(state, values["y_true"], values["y_pred"], values.get("weight"), values.get("mask"))
        assert not broken_invariants(graph)
        compiled = compile_graph(graph, {}, threads=2)
        program = bind(compiled, new_arena(compiled.plan.size), memory)
        for name, array in arrays.items():
            program.inputs[name][...] = array
        program.run()
    results = metric.results(memory)
    return results[0] if len(results) == 1 else list(results)
