"""Running small op graphs in tests: values by NumPy, gradients by finite differences in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnctl.activations.base import activations
from nnctl.core.arrays import Array
from nnctl.ops.base import Graph, Value
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.program.invariants import broken_invariants

Build = Callable[..., Value | list[Value] | tuple[Value, ...]]


def _check(name: str, graph: Graph) -> None:
    faults = broken_invariants(graph)
    assert not faults, f"after {name}: {faults}"


def _bound(graph: Graph, outputs: Mapping[str, Value], state: Mapping[str, Array], threads: int) -> Any:
    _check("building", graph)
    compiled = compile_graph(graph, outputs, threads=threads, watch=_check)
    return bind(compiled, new_arena(compiled.plan.size), state)


def prepared(
    build: Build, inputs: Mapping[str, Array], state: Mapping[str, Array], threads: int = 2
) -> Callable[[Mapping[str, Array]], list[Array]]:
    """`build(**values)` compiled once: gives its outputs for inputs of these shapes, as often as called.

    Arrays in `state` become variables and are changed in place.
    """
    arrays = (*inputs.values(), *state.values())
    graph = Graph(next((a.dtype.name for a in arrays if a.dtype.kind == "f"), "float32"))
    values = {name: graph.input(name, a.shape, a.dtype.name) for name, a in inputs.items()}
    values |= {name: graph.variable(name, a.shape, a.dtype.name) for name, a in state.items()}
    made = build(**values)
    outs = list(made) if isinstance(made, list | tuple) else [made]
    program = _bound(graph, {str(i): v for i, v in enumerate(outs)}, state, threads)

    def run(given: Mapping[str, Array]) -> list[Array]:
        for name, array in given.items():
            program.inputs[name][...] = array
        program.run()
        return [program.outputs[str(i)].copy() for i in range(len(outs))]

    return run


def evaluate(
    build: Build, inputs: Mapping[str, Array], state: Mapping[str, Array] | None = None, threads: int = 2
) -> list[Array]:
    """Outputs of `build(**values)`. Arrays in `state` become variables and are changed in place."""
    return prepared(build, inputs, state or {}, threads)(inputs)


def activate(x: Value, name: str, **fields: Any) -> Value:
    """The activation of that name."""
    cls = activations.get(name)
    assert cls is not None
    return cls.model_validate(fields).apply(x)


def check_gradients(
    build: Build,
    inputs: Mapping[str, Array],
    wrt: list[str] | None = None,
    state: Mapping[str, Array] | None = None,
    epsilon: float = 1e-6,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Compare `grad` with central differences in float64, through a random projection of all outputs."""
    from nnctl.ops.elementwise import multiply
    from nnctl.ops.reduce import sum_all

    inputs = {k: a.astype(np.float64) if a.dtype.kind == "f" else a for k, a in inputs.items()}
    wrt = wrt or [k for k, a in inputs.items() if a.dtype.kind == "f"]
    state = {k: a.copy() for k, a in (state or {}).items()}
    written = {k: np.array(a) for k, a in state.items()}
    run = prepared(build, inputs, written)
    first = run(inputs)
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(a.shape) for a in first]

    graph = Graph("float64")
    values = {name: graph.input(name, a.shape, a.dtype.name) for name, a in inputs.items()}
    values |= {name: graph.variable(name, a.shape, a.dtype.name) for name, a in state.items()}
    made = build(**values)
    outs = list(made) if isinstance(made, list | tuple) else [made]
    from nnctl.ops.elementwise import add

    loss = None
    for out, weight in zip(outs, weights, strict=True):
        if not out.dtype.startswith("float"):
            continue
        term = sum_all(multiply(out, graph.constant(weight)))
        loss = term if loss is None else add(loss, term)
    assert loss is not None
    grads = gradients(loss, [values[name] for name in wrt])
    named = {name: g for name, g in zip(wrt, grads, strict=True) if g is not None}
    program = _bound(graph, {"loss": loss, **named}, {k: a.copy() for k, a in state.items()}, 2)
    for name, array in inputs.items():
        program.inputs[name][...] = array
    program.run()

    def projected(changed: Mapping[str, Array]) -> float:
        for name, array in state.items():
            written[name][...] = array
        arrays = run(changed)
        return float(sum((a * w).sum() for a, w in zip(arrays, weights, strict=True) if a.dtype.kind == "f"))

    for name in wrt:
        analytic = program.outputs[name] if name in named else np.zeros_like(inputs[name])
        flat = inputs[name].reshape(-1)
        chosen = range(flat.size) if flat.size <= 40 else rng.choice(flat.size, 40, replace=False)
        for index in chosen:
            up, down = flat.copy(), flat.copy()
            up[index] += epsilon
            down[index] -= epsilon
            shape = inputs[name].shape
            numeric = (
                projected({**inputs, name: up.reshape(shape)})
                - projected({**inputs, name: down.reshape(shape)})
            ) / (2 * epsilon)
            got = float(analytic.reshape(-1)[index])
            scale = max(1.0, abs(numeric), abs(got))
            assert abs(numeric - got) <= tolerance * scale, f"{name}[{index}]: {got} is not {numeric}"
