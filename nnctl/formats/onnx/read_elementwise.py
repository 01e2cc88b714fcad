"""Activations, arithmetic of two flows, of a flow and a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.onnx.flows import Flow
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import Reading, Unread, reads

_POSITIVE = ("relu", "relu6", "sigmoid", "softmax", "softplus", "exponential", "hard_sigmoid")
_PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "HardSwish": "hard_silu",
    "Mish": "mish",
    "Exp": "exponential",
    "Swish": "silu",
}
_NUMBERS: Mapping[str, tuple[str, Mapping[str, tuple[str, float]]]] = {
    "LeakyRelu": ("leaky_relu", {"negative_slope": ("alpha", 0.01)}),
    "Elu": ("elu", {"alpha": ("alpha", 1.0)}),
    "Celu": ("celu", {"alpha": ("alpha", 1.0)}),
}
"""The activation, and by its fields the attribute and the default."""
_TAKES = ("Dense", "Conv", "Depthwise", "Separable", "EinsumDense")
"""What the names of layers begin with that have an activation of their own."""
_NEAR = 1e-6
_MOST_NUMBERS = 1 << 14
"""What a config holds of a scale or an offset."""


def activated(r: Reading, node: FileNode, flow: Flow, activation: Any, at: int = 0) -> None:
    """Give the node's output: the activation of input `at`, by the layer that makes it where that can."""
    entry = r.alone(node, at)
    name = activation if isinstance(activation, str) else activation["type"]
    positive = name in _POSITIVE
    if entry is not None and entry["type"].startswith(_TAKES) and "activation" not in entry:
        entry["activation"] = activation
        r.give(node, replace(flow, positive=positive))
        return
    made = r.layer("Activation", [flow], r.called(node), activation=activation)
    r.give(node, r.like(made, flow, positive=positive))


@reads(*_PLAIN)
def plain(r: Reading, node: FileNode) -> None:
    """An activation without numbers."""
    if node.operator == "Swish" and node.get("alpha", 1.0) != 1.0:
        raise Unread("its alpha is not 1")
    activated(r, node, r.flow(node), _PLAIN[node.operator])


@reads(*_NUMBERS)
def with_numbers(r: Reading, node: FileNode) -> None:
    """An activation with a number."""
    name, fields = _NUMBERS[node.operator]
    given = {field: node.get(attribute, default) for field, (attribute, default) in fields.items()}
    activated(r, node, r.flow(node), {"type": name, **{k: _short(v) for k, v in given.items()}})


def _short(number: float) -> float:
    """A float32 as a config would write it: by the fewest digits that give it."""
    return float(str(np.float32(number)))


@reads("Selu")
def selu(r: Reading, node: FileNode) -> None:
    """With the numbers that it was published with."""
    alpha, gamma = node.get("alpha", 1.67326319), node.get("gamma", 1.05070102)
    if abs(alpha - 1.67326319) > _NEAR or abs(gamma - 1.05070102) > _NEAR:
        raise Unread(f"its alpha and gamma are {alpha:g} and {gamma:g}, not selu's")
    activated(r, node, r.flow(node), "selu")


@reads("HardSigmoid")
def hard_sigmoid(r: Reading, node: FileNode) -> None:
    """With Keras 3's slope, or with the one of earlier ones, which is ONNX's own."""
    alpha, beta = node.get("alpha", 0.2), node.get("beta", 0.5)
    if abs(beta - 0.5) > _NEAR or min(abs(alpha - 1 / 6), abs(alpha - 0.2)) > _NEAR:
        raise Unread(f"its slope is {alpha:g}", "1/6 or 0.2, with 0.5 at 0")
    activated(r, node, r.flow(node), "hard_sigmoid" if abs(alpha - 1 / 6) < _NEAR else "legacy_hard_sigmoid")


@reads("Gelu")
def gelu(r: Reading, node: FileNode) -> None:
    """By the error function, or by tanh."""
    by_tanh = node.get("approximate", "none") == "tanh"
    activated(r, node, r.flow(node), {"type": "gelu", "approximate": True} if by_tanh else "gelu")


@reads("Clip")
def clip(r: Reading, node: FileNode) -> None:
    """Between 0 and a number, or -1 and 1."""
    low, high = (_bound(r, node, at, name) for at, name in ((1, "min"), (2, "max")))
    flow = r.flow(node)
    if low == 0.0 and high is None:
        activated(r, node, flow, "relu")
    elif low == 0.0 and high == 6.0:
        activated(r, node, flow, "relu6")
    elif low == 0.0 and high is not None and high > 0:
        activated(r, node, flow, {"type": "relu", "max_value": _short(high)})
    elif (low, high) == (-1.0, 1.0):
        activated(r, node, flow, "hard_tanh")
    else:
        raise Unread(f"it keeps numbers between {low} and {high}", "0 and a number above, or -1 and 1")


def _bound(r: Reading, node: FileNode, at: int, name: str) -> float | None:
    if name in node.attributes:
        return float(node.get(name, 0.0))
    if not r.input(node, at):
        return None
    found = float(r.need_constant(node, at, name).reshape(-1)[0])
    return found if np.isfinite(found) else None


@reads("Softmax", "LogSoftmax")
def softmax(r: Reading, node: FileNode) -> None:
    """Along one axis; before opset 13 along all from it on."""
    flow = r.flow(node)
    default = -1 if r.graph.opset >= 13 else 1
    axis = node.get("axis", default) % flow.rank
    if r.graph.opset < 13 and any(flow.length(at) != 1 for at in range(axis + 1, flow.rank)):
        raise Unread("its axis stands for several, as before opset 13", "a file of opset 13 or later")
    here = flow.axes[axis]
    if here in (None, 0):
        raise Unread("it works along the batch, or along an axis of one number")
    if flow.order is not None and here == len(flow.shape):
        flow = r.plain(flow)
    name = "softmax" if node.operator == "Softmax" else "log_softmax"
    if here == len(flow.shape):
        activated(r, node, flow, name)
        return
    made = r.layer("Activation", [flow], activation={"type": name, "axis": here})
    r.give(node, r.like(made, flow, positive=name == "softmax"))


@reads("PRelu")
def prelu(r: Reading, node: FileNode) -> None:
    """With a slope for all, or one for each place along some axes."""
    flow, slope = r.flow(node), r.need_constant(node, 1, "slope")
    if flow.order is not None:
        flow = r.plain(flow)
    whole = np.reshape(slope, (1,) * (flow.rank - slope.ndim) + slope.shape)
    if whole.ndim != flow.rank or whole.shape[flow.batch] != 1:
        raise Unread("it has more slopes than its input has axes")
    alpha = np.ones((1,) * len(flow.shape), np.float32)
    lengths = {here: n for here, n in zip(flow.axes, whole.shape, strict=True) if here}
    order = sorted(lengths)
    kept = [axis for axis, here in enumerate(flow.axes) if here]
    moved = whole.reshape([whole.shape[axis] for axis in kept]).transpose(
        np.argsort([flow.axes[a] or 0 for a in kept])
    )
    shared = [here for here in order if lengths[here] == 1 and flow.shape[here - 1] != 1]
    alpha = alpha * moved
    made = r.layer(
        "PReLU", [flow], r.owner(node, 1), {"alpha": alpha}, **({"shared_axes": shared} if shared else {})
    )
    r.give(node, r.like(made, flow))


@reads("Identity", "Dropout", "Cast")
def identity(r: Reading, node: FileNode) -> None:
    """What passes; a dropout is one while training."""
    name = r.input(node, 0)
    if name in r.constants:
        r.constants[node.outputs[0]] = r.constants[name]
        return
    flow = r.flows.get(name)
    if flow is None:
        raise Unread("it reads a constant where nnctl's layer reads another layer")
    if node.operator == "Dropout" and flow.halves is None:
        rate = float(r.constants[node.inputs[1]].reshape(-1)[0]) if r.input(node, 1) in r.constants else 0.5
        made = r.layer("Dropout", [flow], r.called(node), rate=_short(node.get("ratio", rate)))
        r.give(node, r.like(made, flow, positive=flow.positive))
        return
    if node.operator == "Cast":
        to = node.get("to", 1)
        if to not in (1, 6, 7, 10, 11):
            raise Unread("it makes numbers of a type that nnctl's layers do not give")
        if to in (6, 7) and not flow.whole:
            raise Unread("it cuts fractions off")
    r.give(node, r.same(node, flow))


_MERGES = {
    "Add": "Add",
    "Sub": "Subtract",
    "Mul": "Multiply",
    "Max": "Maximum",
    "Min": "Minimum",
    "Sum": "Add",
    "Mean": "Average",
}


@reads("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Neg")
def arithmetic(r: Reading, node: FileNode) -> None:
    """Of flows a merging layer; of a flow and a constant what stands before (a bias), or a scale."""
    if any(name in r.halfway for name in node.inputs):
        _gelu_by_parts(r, node)
        return
    if node.operator == "Neg":
        _scaled(r, node, r.flow(node), np.array(-1.0), np.array(0.0))
        return
    known = [r.constant(node, at) for at in range(len(node.inputs))]
    if all(array is None for array in known):
        _merged(r, node)
        return
    if len(known) != 2:
        raise Unread("it merges flows with constants")
    at = 1 if known[0] is None else 0
    array = known[at]
    assert array is not None
    flow = r.flow(node, 1 - at)
    if array.ndim > flow.rank:
        raise Unread("it adds axes")
    match node.operator, at:
        case "Add", _:
            if not _biased(r, node, flow, array, 1 - at):
                _scaled(r, node, flow, np.array(1.0), array)
        case "Sub", 1:
            _scaled(r, node, flow, np.array(1.0), -array)
        case "Sub", 0:
            _scaled(r, node, flow, np.array(-1.0), array)
        case "Mul", _:
            _scaled(r, node, flow, array, np.array(0.0))
        case "Div", 1 if not flow.whole:
            _scaled(r, node, flow, 1 / np.asarray(array, np.float64), np.array(0.0))
        case "Max", _ if not array.any():
            activated(r, node, flow, "relu")
        case _:
            raise Unread("it merges a flow with a constant")


@reads("Erf")
def erf(r: Reading, node: FileNode) -> None:
    """The first part of a gelu that is written out: x (erf(x / sqrt(2)) + 1) / 2."""
    entry = r.alone(node)
    if entry is None or entry["type"] != "Rescaling" or entry is not r.entries[-1]:
        raise Unread("nnctl has no layer that does this")
    (ref,) = entry["inputs"]
    base = next((flow for flow in r.flows.values() if flow.ref == ref), None)
    if base is None or abs(entry["scale"] - 0.5**0.5) > _NEAR or entry.get("offset"):
        raise Unread("nnctl has no layer that does this")
    r.entries.pop()
    r.halfway[node.outputs[0]] = ("erf", base)


def _gelu_by_parts(r: Reading, node: FileNode) -> None:
    """The other parts, one after the other."""
    at = 0 if node.inputs[0] in r.halfway else 1
    part, base = r.halfway[node.inputs[at]]
    number, other = r.constant(node, 1 - at), r.flows.get(node.inputs[1 - at])
    value = None if number is None or number.size != 1 else float(number.reshape(-1)[0])
    match part, node.operator, value:
        case "erf", "Add", 1.0:
            r.halfway[node.outputs[0]] = ("erf + 1", base)
        case "erf + 1", "Mul", None if (
            other is not None and other.ref == base.ref and other.axes == base.axes
        ):
            r.halfway[node.outputs[0]] = ("twice", base)
        case "twice", "Mul", 0.5:
            made = r.layer("Activation", [base], activation="gelu")
            r.give(node, r.like(made, base))
        case _:
            raise Unread("it reads a part of what an activation computes")


def _merged(r: Reading, node: FileNode) -> None:
    if node.operator == "Div":
        raise Unread("it divides by what follows from the input")
    flows = [r.flow(node, at) for at in range(len(node.inputs))]
    gate = _gate(r, node, flows)
    if gate is not None:
        activated(r, node, flows[1 - gate], "silu", 1 - gate)
        return
    if len({flow.rank for flow in flows}) > 1:
        raise Unread("its inputs have unlike numbers of axes")
    first = max(flows, key=lambda flow: len(flow.shape))
    alike = all(flow.axes == first.axes and _same_order(flow, first) for flow in flows)
    if not alike:
        # All as the one that has most axes: what an image is scaled by follows the image.
        order = _layout(first)
        flows = [r.arranged(flow, order) for flow in flows]
        first = flows[0]
    made = r.layer(_MERGES[node.operator], flows, r.called(node))
    positive = node.operator != "Sub" and all(flow.positive for flow in flows)
    r.give(node, r.like(made, first, positive=positive))


def _layout(flow: Flow) -> list[int]:
    """The file's axes in the order in which they stand here; in its own where some are not here."""
    if flow.order is not None or None in flow.axes:
        return list(range(flow.rank))
    return sorted(range(flow.rank), key=lambda axis: flow.axes[axis] or 0)


def _same_order(a: Flow, b: Flow) -> bool:
    if a.order is None or b.order is None:
        return a.order is b.order
    return bool(np.array_equal(a.order, b.order))


def _gate(r: Reading, node: FileNode, flows: list[Flow]) -> int | None:
    """Which factor is the sigmoid of the other and read by nothing else; its layer is taken out."""
    if node.operator != "Mul" or len(flows) != 2:
        return None
    for at, gate in enumerate(flows):
        entry, flow = r.alone(node, at), flows[1 - at]
        if (
            entry is not None
            and entry["type"] == "Activation"
            and entry.get("activation") == "sigmoid"
            and entry["inputs"] == [flow.ref]
            and gate.axes == flow.axes
            and entry is r.entries[-1]
        ):
            r.entries.pop()
            r.left[node.inputs[1 - at]] -= 1
            return at
    return None


def _biased(r: Reading, node: FileNode, flow: Flow, array: Array, at: int) -> bool:
    """Whether a constant became the bias of the product before it."""
    entry = r.alone(node, at)
    if entry is None or entry.get("use_bias", True) or "activation" in entry or flow.order is not None:
        return False
    axes = [axis for axis in range(-array.ndim, 0) if array.shape[axis] != 1]
    if len(axes) != 1 or flow.axes[axes[0]] != len(flow.shape) or array.size != flow.shape[-1]:
        return False
    del entry["use_bias"]
    r.weights[entry["name"]]["bias"] = array.reshape(-1)
    r.give(node, flow)
    return True


def _scaled(r: Reading, node: FileNode, flow: Flow, scale: Array, offset: Array) -> None:
    """scale x + offset: by numbers, or by one for each place of the last axis."""
    if scale.size == 1 and offset.size == 1:
        fields = {"scale": float(scale.reshape(-1)[0]), "offset": float(offset.reshape(-1)[0])}
        told: dict[str, Any] = {k: _short(v) for k, v in fields.items() if v or k == "scale"}
        made = r.layer("Rescaling", [flow], r.called(node), **told)
        r.give(node, r.like(made, flow, positive=flow.positive and min(fields.values()) >= 0))
        return
    wide = scale if scale.size > 1 else offset
    axes = [axis for axis in range(-1, -wide.ndim - 1, -1) if wide.shape[axis] != 1]
    if len(axes) != 1 or wide.ndim > flow.rank:
        raise Unread("it has a number for each place of several axes", "one, or one for each channel")
    here = flow.axes[axes[0]]
    if here is None or here != len(flow.shape):
        raise Unread("it has a number for each place of an axis that is not the channels'")
    count = flow.shape[-1]
    if wide.size > _MOST_NUMBERS:
        raise Unread(f"it has {wide.size:,} numbers, which would stand in the config")
    factors, summands = (
        np.broadcast_to(np.asarray(a, np.float64).reshape(-1), (wide.size,)) for a in (scale, offset)
    )
    if count != wide.size or (factors <= 0).any():
        raise Unread("it has other factors than such above 0")
    if flow.order is not None:
        factors, summands = factors[flow.order], summands[flow.order]
    statistics = {"mean": (-summands / factors).tolist(), "variance": (factors**-2.0).tolist()}
    made = r.layer("Normalization", [flow], r.called(node), **statistics)
    r.give(node, r.like(made, flow))
