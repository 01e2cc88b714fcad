"""Recurrences as ONNX's own LSTM, GRU and RNN; two that read one sequence from both ends as one node.

A masked step leaves states as they are. ONNX's operators only know how long a sequence is: so the steps that
count are moved to the front, in their order, and each step's output is that of the last one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.formats.onnx.emitters import emits
from nnctl.formats.onnx.types import element_type
from nnctl.formats.onnx.writer import Writer, root
from nnctl.kernels import codes
from nnctl.ops.base import Node, Value
from nnctl.ops.linear import MatMul
from nnctl.ops.recurrence import Recurrence


@record
class Operator:
    """What a cell is in ONNX: the operator, its gates by nnctl's places, its attributes."""

    name: str
    gates: tuple[int, ...]
    activations: tuple[str, ...]
    """Which field each of its activations is."""
    attributes: Mapping[str, Any]


_OPERATORS = {
    "lstm": Operator("LSTM", (0, 3, 1, 2), ("recurrent_activation", "activation", "activation"), {}),
    "gru": Operator("GRU", (0, 1, 2), ("recurrent_activation", "activation"), {"linear_before_reset": 1}),
    "gru_reset_before": Operator("GRU", (0, 1, 2), ("recurrent_activation", "activation"), {}),
    "simple_rnn": Operator("RNN", (0,), ("activation",), {}),
}
_ACTIVATIONS: Mapping[int, tuple[str, tuple[float, float] | None]] = {
    codes.LINEAR: ("Affine", (1.0, 0.0)),
    codes.RELU: ("Relu", None),
    codes.SIGMOID: ("Sigmoid", None),
    codes.TANH: ("Tanh", None),
    codes.HARD_SIGMOID: ("HardSigmoid", (1 / 6, 0.5)),
}
"""ONNX's names, with alpha and beta where it has them."""


@record
class _Given:
    """What a recurrence reads: x (B, T, I) as `rows` of a value, W (I, G U), V (U, G U), biases, the rest."""

    x: Value
    kernel: Array | None
    bias: Array | None
    recurrent: Value
    extra: Value | None
    states: tuple[Value, ...]
    mask: Value | None


def _given(w: Writer, node: Node) -> _Given:
    op = node.op
    assert isinstance(op, Recurrence)
    xw, recurrent, *rest = node.inputs
    extra = rest.pop(0) if op.extra else None
    states = tuple(rest.pop(0) for _ in range(op.cell.states)) if op.started else ()
    mask = rest.pop(0) if op.mask else None
    product = root(xw).node
    if product is not None and isinstance(product.op, MatMul) and len(product.inputs[1].shape) == 2:
        rows, *weights = product.inputs
        arrays = [w.array(weight) for weight in weights]
        known = all(array is not None for array in arrays)
        if known and not product.op.transpose_a and not product.op.transpose_b:
            return _Given(rows, arrays[0], (*arrays, None)[1], recurrent, extra, states, mask)
    return _Given(xw, None, None, recurrent, extra, states, mask)


@emits(Recurrence)
def recurrence(w: Writer, node: Node) -> None:
    """One node for this recurrence, or for it and its opposite."""
    if w.has(node.outputs[0]):
        return
    other = _opposite(w, node)
    both = [node] if other is None else sorted((node, other), key=lambda n: _op(n).go_backwards)
    _write(w, both, [_given(w, one) for one in both])


def _op(node: Node) -> Recurrence:
    assert isinstance(node.op, Recurrence)
    return node.op


def _opposite(w: Writer, node: Node) -> Node | None:
    """A recurrence that reads the same sequence the other way round, and starts from nothing, too."""
    op, given = _op(node), _given(w, node)
    if op.started or given.kernel is None:
        return None
    for other in w.source.nodes:
        if not isinstance(other.op, Recurrence) or w.has(other.outputs[0]) or other is node:
            continue
        seen, turned = _given(w, other), other.op
        alike = (turned.cell, turned.activation, turned.recurrent_activation, turned.started)
        if (
            alike == (op.cell, op.activation, op.recurrent_activation, False)
            and turned.go_backwards != op.go_backwards
            and seen.kernel is not None
            and root(seen.x) is root(given.x)
            and seen.mask is given.mask
            and other.inputs[1].shape == node.inputs[1].shape
        ):
            return other
    return None


def _write(w: Writer, nodes: Sequence[Node], given: Sequence[_Given]) -> None:
    op, first = _op(nodes[0]), given[0]
    operator, (batch, steps, _) = _OPERATORS[op.cell.kernel], nodes[0].inputs[0].shape
    units = nodes[0].inputs[1].shape[0]
    features = first.x.shape[-1]
    x = w.seen(first.x, (batch, steps, features))
    mask = None if first.mask is None else _Mask(w, w.plain(first.mask), batch, steps)
    if mask is not None:
        x = mask.to_front(x)
    weights = [_weights(w, operator, one, features, units) for one in given]
    states = [
        w.node("Unsqueeze", w.plain(state), w.ints(0)) for state in (first.states if len(nodes) == 1 else ())
    ]
    made = w.nodes_outputs(
        operator.name,
        1 + op.cell.states,
        w.node("Transpose", x, perm=[1, 0, 2]),
        *(w.constant(np.stack(parts)) for parts in zip(*weights, strict=True)),
        *([mask.lengths if mask else "", *states] if mask or states else []),
        hidden_size=units,
        direction="bidirectional" if len(nodes) > 1 else "reverse" if op.go_backwards else "forward",
        **_activations(operator, nodes),
        **operator.attributes,
    )
    whole, *last = made
    for at, node in enumerate(nodes):
        _finish(
            w, node, given[at], mask, [_direction(w, whole, at, 1), *(_direction(w, y, at, 0) for y in last)]
        )


def _direction(w: Writer, name: str, at: int, axis: int) -> str:
    """The part of an output that belongs to a direction."""
    return w.node("Gather", name, w.number(at, "int64"), axis=axis)


def _finish(w: Writer, node: Node, given: _Given, mask: _Mask | None, made: Sequence[str]) -> None:
    """Outputs in nnctl's form, from Y (T, B, U) and the last states (B, U)."""
    op, (y, *lasts) = _op(node), node.outputs
    whole, *states = made
    whole = w.node("Transpose", whole, perm=[1, 0, 2])
    if mask is not None:
        start = [w.plain(state) for state in given.states] or [mask.zeros(y.shape[2])] * op.cell.states
        whole = mask.spread(whole, start[0], op.go_backwards)
        states = [mask.unless_empty(state, begin) for state, begin in zip(states, start, strict=True)]
        if op.zero_masked:
            whole = w.node("Where", mask.column, whole, w.number(0.0))
    if op.go_backwards:
        w.give_turned(y, 1, whole)
    else:
        w.give(y, whole)
    for value, name in zip(lasts, states, strict=False):
        w.give(value, name)


def _weights(w: Writer, operator: Operator, given: _Given, features: int, units: int) -> list[Array]:
    """W (G U, I), R (G U, U) and B (2 G U,) of a direction, as ONNX has its gates."""
    gates = len(operator.gates)
    kernel = np.eye(features, dtype=w.dtype) if given.kernel is None else given.kernel
    recurrent = w.array(given.recurrent)
    extra = None if given.extra is None else w.array(given.extra)
    assert recurrent is not None, "a recurrent kernel is a weight"
    none = np.zeros(gates * units, w.dtype)

    def ordered(array: Array) -> Array:
        parts = np.split(array, gates, axis=-1)
        return np.concatenate([parts[gate] for gate in operator.gates], axis=-1)

    biases = [none if bias is None else ordered(bias) for bias in (given.bias, extra)]
    return [ordered(kernel).T, ordered(recurrent).T, np.concatenate(biases)]


def _activations(operator: Operator, nodes: Sequence[Node]) -> dict[str, Any]:
    """The attributes that say which activations there are; none where they are ONNX's defaults."""
    chosen = [_ACTIVATIONS[getattr(_op(node), field)] for node in nodes for field in operator.activations]
    names = [name for name, _ in chosen]
    if all(
        name == ("Sigmoid" if field == "recurrent_activation" else "Tanh")
        for name, field in zip(names, operator.activations * len(nodes), strict=True)
    ):
        return {}
    numbers = [pair for _, pair in chosen if pair is not None]
    found: dict[str, Any] = {"activations": names}
    if numbers:
        found |= {"activation_alpha": [a for a, _ in numbers], "activation_beta": [b for _, b in numbers]}
    return found


class _Mask:
    """Which steps (B, T) count, and where they stand when they are moved to the front."""

    def __init__(self, w: Writer, name: str, batch: int, steps: int) -> None:
        self.w = w
        self.batch = batch
        self.column = w.node("Unsqueeze", name, w.ints(2))
        self.counts = w.node("Cast", name, to=element_type("int64"))
        self.total = w.node("ReduceSum", self.counts, w.ints(1), keepdims=1)
        self.lengths = w.node("Cast", w.node("Squeeze", self.total, w.ints(1)), to=element_type("int32"))
        self.steps = w.size(steps)
        scalar = w.node("Squeeze", self.steps, w.ints(0))
        places = w.node("Range", w.number(0, "int64"), scalar, w.number(1, "int64"))
        rank = w.node("Where", name, places, w.node("Add", places, self.steps))
        order = w.nodes_outputs("TopK", 2, rank, self.steps, axis=1, largest=0)[1]
        self.order = w.node("Unsqueeze", order, w.ints(2))
        self.until = w.node("CumSum", self.counts, w.number(1, "int64"))

    def to_front(self, x: str) -> str:
        """x (B, T, I) with the steps that count in front."""
        return self.w.node("GatherND", x, self.order, batch_dims=1)

    def spread(self, y: str, start: str, backwards: bool) -> str:
        """y (B, T, U) of steps in front, at all steps: of those before the first that counts, the start."""
        w = self.w
        at = self.until
        if backwards:
            before = w.node("Sub", self.until, self.counts)
            none_left = w.node("Equal", before, self.total)
            at = w.node("Where", none_left, w.number(0, "int64"), w.node("Add", before, w.number(1, "int64")))
        whole = w.node("Concat", w.node("Unsqueeze", start, w.ints(1)), y, axis=1)
        return w.node("GatherND", whole, w.node("Unsqueeze", at, w.ints(2)), batch_dims=1)

    def unless_empty(self, state: str, start: str) -> str:
        """A last state, or where no step counts the first one."""
        empty = self.w.node("Equal", self.total, self.w.number(0, "int64"))
        return self.w.node("Where", empty, start, state)

    def zeros(self, units: int) -> str:
        """A state (B, U) to begin with."""
        return self.w.node("Expand", self.w.number(0.0), self.w.shape((self.batch, units)))
