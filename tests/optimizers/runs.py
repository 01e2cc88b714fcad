"""Running an optimizer's update over flat buffers, as the runner does."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.ops.base import Graph
from nnctl.optimizers.base import OptimizerSpec, optimizers
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.step import optimize
from nnctl.program.weights import SEGMENT
from tests.program.invariants import broken_invariants


def make(name: str, **fields: Any) -> OptimizerSpec:
    cls = optimizers.get(name)
    assert cls is not None, name
    return cls.model_validate(fields)


def stepping() -> list[str]:
    """The optimizers with a step of their own; MultiOptimizer has those of others."""
    return [name for name, cls in zip(optimizers.names(), optimizers.classes(), strict=True) if cls.has_rate]


def flat(arrays: list[Array], dtype: str) -> tuple[Array, list[int], list[int]]:
    """Arrays laid out as nnctl lays out weights: (flat, starts, sizes)."""
    starts, sizes = [0], [a.size for a in arrays]
    for size in sizes:
        starts.append(starts[-1] + -(-size // SEGMENT) * SEGMENT)
    out = np.zeros(starts[-1], dtype)
    for start, array in zip(starts, arrays, strict=False):
        out[start : start + array.size] = array.reshape(-1)
    return out, starts, sizes


def run(
    optimizer: OptimizerSpec,
    weights: list[Array],
    gradients: list[list[Array]],
    dtype: str = "float32",
    threads: int = 2,
    names: list[str] | None = None,
) -> tuple[list[Array], dict[str, Array]]:
    """The weights after one update for each entry of `gradients` and the end, and the slots (flat)."""
    names = names or [f"w{i}" for i in range(len(weights))]
    if not optimizer.has_rate:
        return _in_parts(optimizer, weights, gradients, dtype, threads, names)
    w, starts, sizes = flat(weights, dtype)
    slots = {name: np.full(w.shape, first, dtype) for name, first in optimizer.all_slots().items()}
    memory = {"weights": w, "gradients": np.zeros(w.shape, dtype)}
    memory["hyper"] = np.zeros(len(optimizer.all_hyper(0, 0.0)))
    memory |= {f"slot:{name}": slot for name, slot in slots.items()}
    shapes = [array.shape for array in weights]
    programs = {}
    for gather in {False, not optimizer.steps_after(0)}:
        graph = Graph(dtype)
        optimize(graph, optimizer, starts, shapes, names, gather)
        assert not broken_invariants(graph)
        compiled = compile_graph(graph, {}, threads=threads)
        programs[gather] = bind(compiled, new_arena(compiled.plan.size), memory)
    for step, arrays in enumerate(gradients):
        memory["gradients"][...] = flat(arrays, dtype)[0]
        program = programs[not optimizer.steps_after(step)]
        memory["hyper"][...] = optimizer.all_hyper(step, optimizer.rate(step))
        program.run()
    if optimizer.final_slot is not None:
        w[...] = slots[optimizer.final_slot]
    parts = [
        w[start : start + size].reshape(like.shape)
        for start, size, like in zip(starts, sizes, weights, strict=False)
    ]
    return parts, slots


def _in_parts(
    optimizer: OptimizerSpec,
    weights: list[Array],
    gradients: list[list[Array]],
    dtype: str,
    threads: int,
    names: list[str],
) -> tuple[list[Array], dict[str, Array]]:
    """`run` of each optimizer with its own weights."""
    found = dict(zip(names, weights, strict=True))
    for part in optimizer.parts(names):
        own = [names.index(name) for name in part.names]
        steps = [[arrays[i] for i in own] for arrays in gradients]
        got, _ = run(part.optimizer, [weights[i] for i in own], steps, dtype, threads, list(part.names))
        found |= dict(zip(part.names, got, strict=True))
    return list(found.values()), {}
