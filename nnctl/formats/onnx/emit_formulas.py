"""Functions of each element: ONNX's own operator where it has one, else the formula's text, term by term."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnctl.activations import gelu, hard, plain, rectifiers
from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.formulas import Term, as_tensor, evaluate
from nnctl.formats.onnx.writer import Writer
from nnctl.kernels import functions
from nnctl.ops.activation import Activation, rectified, within
from nnctl.ops.base import Node
from nnctl.ops.formula import Formula
from nnctl.ops.pixels import Colours, Numbers

_OPERATORS: dict[Callable[..., Any], tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    rectified: ("Relu", {}, ()),
    functions.sigmoid: ("Sigmoid", {}, ()),
    functions.tanh: ("Tanh", {}, ()),
    functions.softplus: ("Softplus", {}, ()),
    functions.exp: ("Exp", {}, ()),
    plain.softsign.value: ("Softsign", {}, ()),
    plain.hard_sigmoid.value: ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, ()),
    plain.selu.value: ("Selu", {"alpha": plain.SELU_ALPHA, "gamma": plain.SELU_SCALE}, ()),
    rectifiers.leaky_relu.value: ("LeakyRelu", {}, ("alpha",)),
    rectifiers.elu.value: ("Elu", {}, ("alpha",)),
    rectifiers.celu.value: ("Celu", {}, ("alpha",)),
    hard.hard_silu.value: ("HardSwish", {}, ()),
    gelu.by_erf: ("Gelu", {}, ()),
    gelu.by_tanh: ("Gelu", {"approximate": "tanh"}, ()),
}
"""By function: the operator, its attributes, and which of them a formula's numbers are."""


@emits(Activation)
def activation(w: Writer, node: Node) -> None:
    """A formula of one number."""
    op = node.op
    assert isinstance(op, Activation)
    w.in_place(node, lambda name: _applied(w, op.value, name))


def _applied(w: Writer, formula: Formula, name: str) -> str:
    found = _OPERATORS.get(formula.function)
    if found is not None:
        operator, fixed, numbers = found
        attributes = {**fixed, **dict(zip(numbers, formula.numbers, strict=True))}
        return w.node(operator, name, **attributes)
    if formula.function is within:
        low, high = map(w.number, formula.numbers)
        return w.node("Clip", name, low, high)
    return as_tensor(w, evaluate(w, formula.function, [name, *formula.numbers]))


@emits(Numbers)
def numbers(w: Writer, node: Node) -> None:
    """A formula of each number and of what was drawn for its example."""
    x, _ = node.inputs
    op = node.op
    assert isinstance(op, Numbers)
    result = evaluate(w, op.value.function, [w.plain(x), *_draws(w, node, len(x.shape)), *op.value.numbers])
    w.give(node.outputs[0], as_tensor(w, result))


@emits(Colours)
def colours(w: Writer, node: Node) -> None:
    """A formula of each pixel's red, green and blue, and of what was drawn for its example."""
    x, _ = node.inputs
    op = node.op
    assert isinstance(op, Colours)
    rank, name = len(x.shape), w.plain(x)
    parts = w.nodes_outputs("Split", 3, name, axis=rank - 1, num_outputs=3)
    made = evaluate(w, op.value.function, [*parts, *_draws(w, node, rank), *op.value.numbers])
    assert isinstance(made, tuple)
    w.give(node.outputs[0], w.node("Concat", *(as_tensor(w, part) for part in made), axis=rank - 1))


def _draws(w: Writer, node: Node, rank: int) -> list[Term]:
    """Each column of the draws (B, D), seen as (B, 1, ...) of a rank."""
    draws = node.inputs[1]
    shape = (*draws.shape[:1], *(1,) * (rank - 1), draws.shape[1])
    name = w.seen(draws, shape)
    return [w.node("Gather", name, w.number(at, "int64"), axis=rank) for at in range(draws.shape[1])]
