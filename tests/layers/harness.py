"""Running one layer in tests: as a config, on a small op graph, forward and gradients in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.layers.base import Layer, layers
from nnctl.layers.calling import at_parameters
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import add, cast, multiply
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from tests.ops.harness import check_gradients, evaluate

Config = str | Mapping[str, Any]


def make(config: Config) -> Layer:
    """The layer that a config's entry stands for."""
    if isinstance(config, str):
        config = {"type": config}
    cls = layers.get(config["type"])
    assert cls is not None, config["type"]
    return cls.model_validate({k: v for k, v in config.items() if k != "type"})


@dataclass
class Case:
    """A layer with inputs and weights to run it on.

    Attributes:
        inputs: One array an input, batch first.
        masks: One mask (B, ...) or None an input.
        weights: By the layer's names; trainable ones and statistics.
        names: The layer's names for the inputs, where they are given by name.
    """

    layer: Layer
    inputs: list[Array]
    masks: list[Array | None]
    weights: dict[str, Array]
    statistics: set[str]
    training: bool = False
    trainable: bool = True
    step: int = 0
    differentiable: bool = True
    names: tuple[str, ...] = ()
    losses: list[float] = field(default_factory=list)

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The inputs' shapes without the batch axis."""
        return [x.shape[1:] for x in self.inputs]

    def _arrays(self, varied: bool = False) -> tuple[dict[str, Array], dict[str, Array]]:
        """What is given to a graph, and its variables; trained weights are given where they are varied."""
        arrays = {f"x{i}": x for i, x in enumerate(self.inputs)}
        arrays |= {f"mask{i}": m for i, m in enumerate(self.masks) if m is not None}
        kept = {k for k in self.weights if k in self.statistics or not varied}
        arrays |= {k: w for k, w in self.weights.items() if k not in kept}
        arrays["step"] = np.array([self.step], np.uint64)
        return arrays, {k: w for k, w in self.weights.items() if k in kept}

    def _call(self, values: Mapping[str, Value], extras: bool) -> list[Value]:
        count = len(self.inputs)
        xs = [values[f"x{i}"] for i in range(count)]
        if not self.layer.any_dtype:
            xs = [cast(x, xs[0].graph.dtype) for x in xs]
        weights = {name: values[name] for name in self.weights}
        masks = at_parameters(self.layer, self.names, [values.get(f"mask{i}") for i in range(count)])
        graph = xs[0].graph
        ctx = LayerContext(
            graph, weights, self.training, masks, 7, "layer", self.trainable,
            differentiable=self.differentiable,
        )  # fmt: skip
        given = at_parameters(self.layer, self.names, xs)
        made = self.layer.applied(ctx, *given)
        outs = [y for y, _ in made]
        ctx.losses += self._weight_penalties(weights)
        if not extras:
            return outs + ctx.losses
        found = [mask for _, mask in made if mask is not None]
        self._counts = (len(outs), len(ctx.losses), len(found))
        return outs + ctx.losses + found

    def _weight_penalties(self, weights: Mapping[str, Value]) -> list[Value]:
        """What the model adds to its loss for the layer's weights."""
        specs = self.layer.weights(*at_parameters(self.layer, self.names, self.shapes))
        regularizers = {k: w.regularizer for k, w in specs.items()}
        return [r.penalty(weights[k]) for k, r in regularizers.items() if r is not None and self.trainable]

    def run(self) -> Result:
        """Outputs, penalties and output masks. What a call writes to `weights` is written in place."""
        arrays, state = self._arrays()
        made = evaluate(lambda **values: self._call(values, True), arrays, state)
        outs, losses, _ = self._counts
        return Result(made[:outs], [float(v[0]) for v in made[outs : outs + losses]], made[outs + losses :])

    def check_gradients(self, tolerance: float = 1e-6) -> None:
        """Gradients for every float input and trainable weight against central differences."""
        arrays, state = self._arrays(varied=True)
        state = {k: a.astype(np.float64) for k, a in state.items()}
        wrt = [k for k, a in arrays.items() if a.dtype.kind == "f"]
        if wrt:
            check_gradients(
                lambda **values: self._call(values, False), arrays, wrt, state, tolerance=tolerance
            )

    def ops(self) -> list[str]:
        """The ops that a call adds, in order."""
        arrays, state = self._arrays()
        graph = Graph(next((a.dtype.name for a in arrays.values() if a.dtype.kind == "f"), "float32"))
        values = {k: graph.input(k, a.shape, a.dtype.name) for k, a in arrays.items()}
        values |= {k: graph.variable(k, a.shape, a.dtype.name) for k, a in state.items()}
        self._call(values, False)
        return [type(node.op).__name__ for node in graph.nodes]

    def gradients(self, projections: Sequence[Array]) -> dict[str, Array]:
        """Gradients of sum(outputs * projections) + penalties for float inputs and trainable weights."""
        arrays, state = self._arrays()
        graph = Graph(projections[0].dtype.name)
        values = {k: graph.input(k, a.shape, a.dtype.name) for k, a in arrays.items()}
        values |= {k: graph.variable(k, a.shape, a.dtype.name) for k, a in state.items()}
        made = self._call(values, False)
        terms = [sum_all(multiply(out, graph.constant(p))) for out, p in zip(made, projections, strict=False)]
        loss, *others = terms + made[len(projections) :]
        for term in others:
            loss = add(loss, term)
        given = arrays | {k: w for k, w in state.items() if k not in self.statistics}
        wrt = [k for k, a in given.items() if a.dtype.kind == "f"]
        found = gradients(loss, [values[k] for k in wrt])
        named = {k: g for k, g in zip(wrt, found, strict=True) if g is not None}
        compiled = compile_graph(graph, {"loss": loss, **named}, threads=2)
        program = bind(compiled, new_arena(compiled.plan.size), {k: a.copy() for k, a in state.items()})
        for name, array in arrays.items():
            if name in program.inputs:
                program.inputs[name][...] = array
        program.run()
        return {k: program.outputs[k].copy() if k in named else np.zeros_like(given[k]) for k in wrt}


@dataclass
class Result:
    """What a run of a layer gives."""

    outputs: list[Array]
    losses: list[float]
    masks: list[Array]


def case(
    config: Config,
    shapes: Sequence[tuple[int, ...]],
    *,
    batch: int = 3,
    dtype: str = "float64",
    masks: Sequence[int] | Mapping[int, int] = (),
    integers: int = 0,
    training: bool = False,
    trainable: bool = True,
    seed: int = 0,
    names: Sequence[str] = (),
    gradients: bool = True,
) -> Case:
    """A layer with random inputs and weights.

    Args:
        shapes: The inputs' shapes without the batch axis.
        masks: The inputs that carry a mask of their first two axes, or of as many as are given.
        integers: If set, inputs are whole numbers below this, int32.
        names: The layer's names for the inputs, to give them by name; those of masks are 0 or 1.
        gradients: For `check`: false where the layer takes something of its input as given.
    """
    rng = np.random.default_rng(seed)
    layer = make(config)

    def values(shape: tuple[int, ...]) -> Array:
        if integers:
            return rng.integers(0, integers, shape).astype(np.int32)
        return rng.standard_normal(shape).astype(dtype)

    inputs = [values((batch, *shape)) for shape in shapes]
    for i, name in enumerate(names):
        if name.endswith("_mask"):
            inputs[i] = (inputs[i] > -0.5).astype(np.int32)
    specs = layer.weights(*at_parameters(layer, names, shapes))
    weights = {k: (0.5 * rng.standard_normal(w.shape)).astype(dtype) for k, w in specs.items()}
    for name in weights:
        if "variance" in name:
            weights[name] = np.abs(weights[name]) + weights[name].dtype.type(0.5)
        if name == "count":
            weights[name] = np.zeros((), dtype)
    axes = masks if isinstance(masks, Mapping) else dict.fromkeys(masks, 2)
    found = [_mask(rng, x.shape[: axes[i]]) if i in axes else None for i, x in enumerate(inputs)]
    statistics = {k for k, w in specs.items() if not w.trainable}
    return Case(layer, inputs, found, weights, statistics, training, trainable, names=tuple(names))


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A mask with holes anywhere; the first example is whole, the last is empty."""
    mask = (rng.random(shape) < 0.6).astype(np.uint8)
    mask[0] = 1
    if len(mask) > 2:
        mask[-1] = 0
    return mask


def check(config: Config, *shapes: tuple[int, ...], gradients: bool = True, **options: Any) -> Result:
    """Run a layer: its shape rule must say what comes out, its gradients must be right, a batch of 1 too."""
    made = case(config, shapes, **options)
    result = made.run()
    ruled = made.layer.activated_shape(*at_parameters(made.layer, made.names, made.shapes))
    for out, shape in zip(result.outputs, ruled if isinstance(ruled, list) else [ruled], strict=True):
        assert out.shape == (made.inputs[0].shape[0], *shape)
        assert np.isfinite(out).all()
    if gradients and made.layer.passes_gradient:
        made.check_gradients()
        case(config, shapes, **{**options, "batch": 1}).check_gradients()
    return result
