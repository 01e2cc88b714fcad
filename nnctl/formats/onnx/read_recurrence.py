"""LSTM, GRU and RNN, one way or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.onnx.flows import Flow
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import Reading, Unread, reads

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}
"""Where ONNX has nnctl's gates: i, o, f, c for i, f, c, o."""
_LAYERS = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
_DEFAULTS = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
_NAMES = ("sigmoid", "tanh", "relu", "softsign", "softplus")
_NEAR = 1e-6


@reads("LSTM", "GRU", "RNN")
def recurrence(r: Reading, node: FileNode) -> None:
    """A layer; both directions in a Bidirectional whose outputs stay apart."""
    kind = node.operator
    if node.get("clip", 0.0) or node.get("input_forget", 0):
        raise Unread("it cuts off its products, or couples its gates")
    if r.input(node, 4):
        raise Unread(
            "sequences have lengths of their own", "sequences of one length, or an Embedding that masks"
        )
    if r.input(node, 7):
        raise Unread("its gates look at the state (peepholes)")
    x, layout = r.flow(node), node.get("layout", 0)
    order = [0, 1, 2] if layout else [1, 0, 2]
    if x.rank != 3 or x.axes[order[0]] != 0:
        raise Unread("the batch is not where the operator has it", "an input whose first axis is the batch")
    x = r.arranged(x, order)
    kernel, recurrent = (
        r.need_constant(node, at, what) for at, what in ((1, "weight"), (2, "recurrent weight"))
    )
    if kernel.ndim != 3 or recurrent.ndim != 3:
        raise Unread("its weights have not three axes")
    bias = r.need_constant(node, 3, "bias") if r.input(node, 3) else None
    ways = node.get("direction", "forward")
    count = 2 if ways == "bidirectional" else 1
    if len(kernel) != count:
        raise Unread("it has weights for another number of directions")
    fields = _fields(node, kind, recurrent.shape[2], bias is not None, count)
    each = [
        _weights(kind, kernel[at], recurrent[at], None if bias is None else bias[at], fields)
        for at in range(count)
    ]
    states = _states(r, node, layout, count)
    wanted = [at < len(node.outputs) and bool(r.left[node.outputs[at]]) for at in range(3)]
    _write(r, node, kind, x, fields, each, states, wanted, ways, layout)


def _fields(node: FileNode, kind: str, units: int, biased: bool, count: int) -> dict[str, Any]:
    size, words = len(_DEFAULTS[kind]), _words(node, list(_DEFAULTS[kind]) * count)
    if len(words) != size * count or words[:size] != words[-size:]:
        raise Unread("its directions have unlike activations")
    fields: dict[str, Any] = {"units": units} | ({} if biased else {"use_bias": False})
    if kind == "LSTM" and words[1] != words[2]:
        raise Unread("its cell and its output have unlike activations")
    if kind != "RNN" and words[0] != "sigmoid":
        fields["recurrent_activation"] = words[0]
    if words[size - 1] != "tanh":
        fields["activation"] = words[size - 1]
    if kind == "GRU" and not node.get("linear_before_reset", 0):
        fields["reset_after"] = False
    return fields


def _words(node: FileNode, default: list[str]) -> list[str]:
    """nnctl's names of the activations; those that have numbers take them from lists, one after the other."""
    alphas, betas = (iter(node.attributes.get(f"activation_{name}") or ()) for name in ("alpha", "beta"))
    found = []
    for name in node.attributes.get("activations") or default:
        low = str(name).lower()
        if low == "hardsigmoid":
            alpha, beta = next(alphas, 0.2), next(betas, 0.5)
            if abs(beta - 0.5) > _NEAR or min(abs(alpha - 1 / 6), abs(alpha - 0.2)) > _NEAR:
                raise Unread(f"its hard sigmoid has the slope {alpha:g}", "1/6 or 0.2, with 0.5 at 0")
            found.append("hard_sigmoid" if abs(alpha - 1 / 6) < _NEAR else "legacy_hard_sigmoid")
        elif low == "affine" and (next(alphas, 1.0), next(betas, 0.0)) == (1.0, 0.0):
            found.append("linear")
        elif low in _NAMES:
            found.append(low)
        else:
            raise Unread(f"nnctl's layer has no activation {name}, or not with these numbers")
    return found


def _weights(
    kind: str, kernel: Array, recurrent: Array, bias: Array | None, fields: dict[str, Any]
) -> dict[str, Array]:
    """nnctl's weights of a direction from W (G U, I), R (G U, U) and B (2 G U,)."""

    def ordered(array: Array) -> Array:
        parts = np.split(array, len(_GATES[kind]))
        return np.concatenate([parts[at] for at in _GATES[kind]])

    if len(kernel) % len(_GATES[kind]) or (bias is not None and len(bias) != 2 * len(kernel)):
        raise Unread("its weights are not those of its gates")
    found = {"kernel": ordered(kernel).T, "recurrent_kernel": ordered(recurrent).T}
    if bias is not None:
        own, of_state = map(ordered, np.split(bias, 2))
        apart = kind == "GRU" and fields.get("reset_after", True)
        found["bias"] = np.stack([own, of_state]) if apart else own + of_state
    return found


def _states(r: Reading, node: FileNode, layout: int, count: int) -> list[Flow]:
    """The initial states (B, U); none where they are zeros."""
    found = []
    for at in (5, 6):
        name = r.input(node, at)
        if not name or name in r.zeros or (name in r.constants and not r.constants[name].any()):
            continue
        if count == 2:
            raise Unread("both directions begin with states of their own")
        flow = r.flow(node, at)
        whole = r.arranged(flow, [0, 1, 2] if layout else [1, 0, 2])
        found.append(r.layer("Reshape", [whole], target_shape=[whole.shape[-1] or -1]))
    return found


def _write(
    r: Reading, node: FileNode, kind: str, x: Flow, fields: dict[str, Any], each: Sequence[dict[str, Array]],
    states: list[Flow], wanted: Sequence[bool], ways: str, layout: int,
) -> None:  # fmt: skip
    y, last = wanted[0], any(wanted[1:])
    told = {"return_sequences": True} if y else {}
    told |= {"return_state": True} if wanted[2] or (y and last) else {}
    type, called = _LAYERS[kind], r.called(node)
    backwards = {"go_backwards": True} if ways == "reverse" else {}
    if ways == "reverse" and y:
        raise Unread("it reads from the end, and gives all steps in the order of the sequence")
    count = len(each)
    if count == 1:
        made = r.layers(type, [x, *states], called, each[0], **fields, **told, **backwards)
    else:
        weights = {
            f"{side}_layer/{n}": w
            for side, own in zip(("forward", "backward"), each, strict=True)
            for n, w in own.items()
        }
        layer = {"type": type, **fields, **told}
        made = r.layers("Bidirectional", [x], called, weights, layer=layer, merge_mode=None)
    outs, rest = made[:count], made[count:]
    per = len(rest) // count if rest else 0
    if y:
        _give(r, node, 0, outs, 0 if not layout else 1, layout)
    for at in (1, 2):
        if wanted[at]:
            hs = [rest[d * per + at - 1] for d in range(count)] if rest else outs
            _give(r, node, at, hs, None, layout)


def _give(r: Reading, node: FileNode, at: int, flows: Sequence[Flow], time: int | None, layout: int) -> None:
    """Output `at`, which has an axis that says the direction."""
    if time is None:
        axes: tuple[int | None, ...] = (0, None, 1) if layout else (None, 0, 1)
    else:
        axes = (0, 1, None, 2) if layout else (1, None, 0, 2)
    entry = flows[0].entry if time is not None and len(flows) == 1 and ":" not in flows[0].ref else None
    one = replace(flows[0], axes=axes, entry=entry)
    if len(flows) == 1:
        r.give(node, one, at)
    else:
        r.give(node, replace(one, halves=axes.index(None), parts=list(flows)), at)
