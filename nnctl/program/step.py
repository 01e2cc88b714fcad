"""The op graphs of a step: training (forward, losses, gradients, metrics), evaluation, prediction, update."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nnctl.core.foreign import told
from nnctl.core.records import record
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective, OutputObjective
from nnctl.losses.total import total
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import add, scale
from nnctl.ops.metrics import accumulate_mean
from nnctl.ops.optimizers import check_finite, stop_unless_finite
from nnctl.ops.shape import copy
from nnctl.optimizers.base import FlatUpdate, OptimizerSpec
from nnctl.program.autodiff import gradients
from nnctl.program.passes import follow
from nnctl.program.recompute import recompute
from nnctl.program.slices import sliced, whole
from nnctl.program.stretches import Stretch
from nnctl.program.targets import MixedTruth, Truth, mixed
from nnctl.program.trace import Traced, trace
from nnctl.program.weights import Weights

InputSizes = Mapping[str, tuple[int, ...]]
"""The full shape (B, ...) of each model input of one program."""


@record
class Built:
    """An op graph, what may be read after a run, and what is written to outside memory."""

    graph: Graph
    outputs: Mapping[str, Value]
    pinned: Mapping[Value, str]
    by_example: bool = False
    """Whether what layers make of an example follows from it alone, so that they may run slice by slice."""


def _inputs(graph: Graph, model: LayerGraph, dtype: str, sizes: InputSizes) -> dict[str, Value]:
    """The inputs of a model, made on the graph."""
    inputs = {}
    for name, info in model.inputs.items():
        kind = dtype if info.dtype.startswith("float") else info.dtype
        inputs[name] = graph.input(f"input:{name}", sizes[name], kind)
    return inputs


def _inference(
    model: LayerGraph, dtype: str, sizes: InputSizes, seed: int, direct_convolution: bool, rows: int | None
) -> tuple[Graph, Traced, bool]:
    """Forward in inference, in slices of `rows` examples where given; and whether it can be in slices."""
    graph = Graph(dtype, direct_convolution, inference=True)
    inputs = _inputs(graph, model, dtype, sizes)
    if rows is None:
        traced = trace(model, graph, inputs, False, seed)
        alone = not traced.losses and "step" not in graph.inputs
        return graph, traced, alone and not any(node.op.mutates or node.only for node in graph.nodes)
    batch = next(iter(inputs.values())).shape[0]
    graph.slices = sliced(batch, rows)
    parts = {name: graph.slices.part_of(value) for name, value in inputs.items()}
    traced = trace(model, graph, parts, False, seed)
    for ref in dict.fromkeys(model.outputs.values()):
        mask = traced.masks[ref]
        traced.values[ref] = whole(graph.slices, traced.values[ref], batch)
        traced.masks[ref] = mask and whole(graph.slices, mask, batch)
    return graph, traced, False


def _target(graph: Graph, output: OutputObjective, y_pred: Value) -> Value:
    """The input that holds y_true of one output; lengths that vary are the prediction's."""
    target = output.target
    known = zip(target.shape, y_pred.shape[1:], strict=False)
    shape = (y_pred.shape[0], *(p if t is None else t for t, p in known))
    dtype = "int32" if target.kind == "classes" else graph.dtype
    return graph.input(f"target:{output.output}", shape, dtype)


def _weights(graph: Graph, output: OutputObjective, y_pred: Value) -> Value:
    """The input that holds the sample weights of one output: one per example (N,), or per place (N, ...)."""
    return graph.input(f"sample_weight:{output.output}", y_pred.shape[: 1 + output.weight_axes])


def _measure(graph: Graph, model: LayerGraph, objective: Objective, traced: Traced) -> Value:
    """Add losses and metrics; the total loss (1,), regularizers included."""
    batch = next(iter(graph.inputs.values())).shape[0]
    sums: list[Value] = []
    for output in objective.outputs:
        graph.origin = f"loss of {output.output}"
        ref = model.outputs[output.output]
        y_pred, mask, mixings = traced.values[ref], traced.masks[ref], traced.mixings[ref]
        y_true = _target(graph, output, y_pred)
        weights = mixed(_weights(graph, output, y_pred), mixings) if output.weighted else None
        truth = MixedTruth(output, y_true, mixings) if mixings else Truth(output, y_true)
        rows, counted = truth.rows(y_pred, mask)
        loss = total(output.loss, rows, weights, counted)
        if len(objective.outputs) > 1:
            accumulate_mean(graph.variable(f"{output.output}_loss/mean", (2,), "float64"), loss, batch)
        sums.append(loss if output.loss_weight == 1.0 else scale(loss, output.loss_weight))
        _add_metrics(graph, output, truth, y_pred, mask, weights)
    graph.origin = "regularizers"
    sums.extend(_penalties(graph, model))
    sums.extend(traced.losses)
    graph.origin = "loss"
    loss = sums[0]
    for term in sums[1:]:
        loss = add(loss, term)
    accumulate_mean(graph.variable("loss/mean", (2,), "float64"), loss, batch)
    return loss


def _add_metrics(
    graph: Graph,
    output: OutputObjective,
    truth: Truth,
    y_pred: Value,
    mask: Value | None,
    weights: Value | None,
) -> None:
    for measured in output.metrics:
        graph.origin = measured.name
        states = {full: graph.variable(full, shape, "float64") for full, shape in measured.state.items()}
        used = weights if measured.weighted else None
        metric, y_true, counted = truth.seen_by(measured, mask)
        metric.add(measured.own(states), y_true, y_pred, used, counted)


def _penalties(graph: Graph, model: LayerGraph) -> list[Value]:
    """The regularizers' penalties of all weights, in graph order."""
    return [
        info.weight.regularizer.penalty(graph.variable(info.name, info.weight.shape))
        for info in model.weights.values()
        if info.weight.regularizer is not None and info.trainable
    ]


def training(
    model: LayerGraph,
    objective: Objective,
    dtype: str,
    sizes: InputSizes,
    seed: int,
    direct_convolution: bool = False,
    again: bool = False,
) -> Built:
    """Forward, losses, metrics, gradients.

    The loss is written to the memory "loss" (1,), each gradient to "gradient:<weight>".

    Args:
        again: What gradients read is for the most part made again, not kept.
    """
    graph = Graph(dtype, direct_convolution)
    traced = trace(model, graph, _inputs(graph, model, dtype, sizes), True, seed)
    loss = _measure(graph, model, objective, traced)
    follow(graph, [loss])
    forward = len(graph.nodes)
    trainable = [i for i in model.weights.values() if i.trainable]
    wrt = [graph.variable(i.name, i.weight.shape) for i in trainable]
    found = gradients(loss, wrt)
    graph.gradients.update(out for node in graph.nodes[forward:] for out in node.outputs)
    kept = _own(loss, {})
    pinned = {kept: "loss"}
    for info, gradient in zip(trainable, found, strict=True):
        if gradient is not None:
            graph.origin = info.owner
            pinned[_own(gradient, pinned)] = f"gradient:{info.name}"
    if again:
        recompute(graph, forward)
    return Built(graph, {"loss": kept}, pinned)


def _own(value: Value, pinned: Mapping[Value, str]) -> Value:
    """The value where a node writes it that can do so anywhere, else a copy of it."""
    own = value.node is not None and not value.node.op.view and value not in pinned
    return value if own else copy(value)


def evaluation(
    model: LayerGraph,
    objective: Objective,
    dtype: str,
    sizes: InputSizes,
    seed: int,
    direct_convolution: bool = False,
    rows: int | None = None,
) -> Built:
    """Forward in inference, losses and metrics; the layers in slices of `rows` examples, if given.

    What was measured is left to be read: each output as `output:<name>`, its target as `target:<name>`, and,
    where it has one, its mask as `mask:<name>`.
    """
    graph, traced, alone = _inference(model, dtype, sizes, seed, direct_convolution, rows)
    left = {"loss": _measure(graph, model, objective, traced)}
    for name in (output.output for output in objective.outputs):
        ref = model.outputs[name]
        left |= {f"output:{name}": traced.values[ref], f"target:{name}": graph.inputs[f"target:{name}"]}
        mask = traced.masks[ref]
        if mask is not None:
            left[f"mask:{name}"] = mask
    return Built(graph, left, {}, alone)


def prediction(
    model: LayerGraph,
    dtype: str,
    sizes: InputSizes,
    seed: int,
    direct_convolution: bool = False,
    rows: int | None = None,
) -> Built:
    """Forward in inference, in slices of `rows` examples, if given; the model's outputs by name."""
    graph, traced, alone = _inference(model, dtype, sizes, seed, direct_convolution, rows)
    outputs = {name: traced.values[ref] for name, ref in model.outputs.items()}
    return Built(graph, outputs, {}, alone)


def finite_check(weights: Weights) -> Built:
    """Reads the loss and the flat gradients, and stops the step where they are not finite.

    "bad" (1,) int64 is the first weight with a non-finite gradient, or -1.
    """
    graph = Graph(weights.dtype)
    flat = graph.variable("gradients", weights.gradients.shape, weights.dtype)
    bad = check_finite(flat, weights.starts)
    stop_unless_finite(graph.variable("loss", (1,), weights.dtype), bad)
    return Built(graph, {"bad": bad}, {})


def update(model: LayerGraph, stretches: Sequence[Stretch], weights: Weights, gather: bool = False) -> Built:
    """A step of each optimizer over its stretch, or only gathering for one; then each weight's constraint."""
    graph = Graph(weights.dtype)
    for stretch in stretches:
        shapes = [weights.arrays[name].shape for name in stretch.names]
        with told(stretch.optimizer, "the optimizer", ("training", "optimizer", *stretch.path)):
            optimize(graph, stretch.optimizer, stretch.starts, shapes, stretch.names, gather, stretch.prefix)
    constrain(model, graph)
    return Built(graph, {}, {})


def optimize(
    graph: Graph,
    optimizer: OptimizerSpec,
    starts: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    names: Sequence[str],
    gather: bool = False,
    prefix: str = "",
) -> None:
    """Add one optimizer step (or what only gathers) over flat buffers; what they hold: see FlatUpdate.

    Args:
        prefix: What the names of memory begin with.
    """
    graph.origin = type(optimizer).__name__
    shape = (starts[-1],)
    flat = FlatUpdate(
        graph.variable(f"{prefix}weights", shape),
        graph.variable(f"{prefix}gradients", shape),
        {name: graph.variable(f"{prefix}slot:{name}", shape) for name in optimizer.all_slots()},
        graph.variable(f"{prefix}hyper", (len(optimizer.all_hyper(0, 0.0)),), "float64"),
        starts,
        shapes,
        names,
    )
    if gather:
        optimizer.gather(flat)
    else:
        optimizer.update(flat)


def constrain(model: LayerGraph, graph: Graph) -> None:
    """Add what makes each weight satisfy its constraint.

    Raises:
        ConfigError: a plugin's constraint raises.
    """
    for info in model.weights.values():
        if info.trainable and info.weight.constraint is not None:
            graph.origin, constraint = info.owner, info.weight.constraint
            with told(constraint, f"the weight '{info.name}'", model.node(info.owner).path):
                constraint.apply(graph.variable(info.name, info.weight.shape))
