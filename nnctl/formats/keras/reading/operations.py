"""Operations on tensors in a functional model (`x + 1`, `keras.ops.mean`, tf.keras's TFOpLambda) as layers.

Only what a layer does to the bit, or up to the rounding of a constant, is taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnctl.formats.keras.reading.parts import Call, Part
from nnctl.layers.base import layers

Entry = dict[str, Any]

MASKS = frozenset(
    (
        "NotEqual", "Equal", "Any", "All", "LogicalAnd", "LogicalOr", "LogicalNot", "Squeeze", "ExpandDims",
        "Concatenate", "Cast", "Reshape", "BroadcastTo", "Transpose", "OnesLike", "ZerosLike",
    )
)  # fmt: skip
"""The operations that Keras makes masks with, as classes of keras.ops."""

_LAMBDAS = {
    "math.add": "Add", "__operators__.add": "Add", "add": "Add",
    "math.subtract": "Subtract", "__operators__.sub": "Subtract", "subtract": "Subtract",
    "math.multiply": "Multiply", "__operators__.mul": "Multiply", "multiply": "Multiply",
    "math.truediv": "TrueDivide", "__operators__.truediv": "TrueDivide", "realdiv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.negative": "Negative", "math.maximum": "Maximum", "math.minimum": "Minimum", "maximum": "Maximum",
    "minimum": "Minimum", "math.reduce_mean": "Mean", "math.reduce_max": "Max", "concat": "Concatenate",
    "reshape": "Reshape", "transpose": "Transpose", "identity": "Identity", "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "math.sigmoid": "Sigmoid", "nn.sigmoid": "Sigmoid", "math.tanh": "Tanh", "nn.tanh": "Tanh",
    "nn.softmax": "Softmax",
    "nn.silu": "Silu", "nn.swish": "Silu", "nn.gelu": "Gelu", "nn.elu": "Elu", "nn.leaky_relu": "LeakyRelu",
    "math.softplus": "Softplus", "nn.softplus": "Softplus", "cast": "Cast",
}  # fmt: skip
"""Functions of TensorFlow that tf.keras 2 wrote into configs, and Keras 3's operations."""

_ACTIVATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax",
    "Silu": "silu",
    "Gelu": "gelu", "Elu": "elu", "LeakyRelu": "leaky_relu", "Softplus": "softplus", "Softsign": "softsign",
    "HardSigmoid": "hard_sigmoid", "HardSilu": "hard_silu", "HardTanh": "hard_tanh", "Exp": "exponential",
    "LogSoftmax": "log_softmax", "LogSigmoid": "log_sigmoid", "Selu": "selu", "Celu": "celu", "Mish": "mish",
    "SoftShrink": "soft_shrink", "HardShrink": "hard_shrink", "TanhShrink": "tanh_shrink",
    "Squareplus": "squareplus",
    "SparsePlus": "sparse_plus", "SparseSigmoid": "sparse_sigmoid", "Sparsemax": "sparsemax", "Glu": "glu",
}  # fmt: skip


def is_operation(part: Part, version: int) -> bool:
    """Whether it is a function of tensors, and no layer."""
    if part.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        return True
    if part.inner is not None or part.kind in ("InputLayer", "Input") or version < 3:
        return False
    if part.module.startswith(("keras.src.ops", "keras.ops", "keras.src.activations")):
        return True
    # Legacy files say no module; layers of Keras 3 say whether they are trainable, most of them.
    cls = layers.get(part.kind)
    says_less = cls is not None and "trainable" in cls.in_keras.lacks
    return not part.module and "trainable" not in part.config and not says_less


def as_operation(part: Part, call: Call) -> tuple[str, Call]:
    """The operation of Keras 3 that this call is, and the call as that takes it."""
    if part.kind != "TFOpLambda":
        return part.kind, call
    function = str(part.config.get("function", ""))
    found = _LAMBDAS.get(function, function)
    given = Call(list(call.reads), call.nested, {}, dict(call.values), dict(call.constants))
    given.values.pop("name", None)
    for name, tensors in call.tensors.items():  # y of x + y
        given.reads += tensors
        del name
    for name in ("y", "b"):
        if name in given.values and given.values[name] is not None:
            given.constants[1] = given.values.pop(name)
    for name in ("x", "a"):
        if name in given.values:
            given.constants[0] = given.values.pop(name)
    return found, given


def operation_entry(kind: str, config: Mapping[str, Any], call: Call) -> Entry | None:
    """The layer that does what the operation does; None where none does."""
    given = {
        k: v for k, v in {**config, **call.values}.items() if v is not None and k not in ("name", "dtype")
    }
    if kind in _ACTIVATIONS and len(call.reads) == 1 and not call.constants:
        told = {k: v for k, v in given.items() if k not in ("features", "x")}
        name = _ACTIVATIONS[kind]
        return {"type": "Activation", "activation": {"type": name, **told} if told else name}
    make = _MADE.get(kind)
    return make(given, call) if make is not None else None


def _number(call: Call) -> tuple[int, float] | None:
    """The only constant of a call with one tensor: its place, and its value."""
    if len(call.reads) != 1 or len(call.constants) != 1:
        return None
    ((place, value),) = call.constants.items()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return place, float(value)


def _rescaling(scale: float, offset: float) -> Entry:
    told: Entry = {"type": "Rescaling", "scale": scale}
    return told if offset == 0 else told | {"offset": offset}


def _add(given: Entry, call: Call) -> Entry | None:
    number = _number(call)
    if number is not None:
        return _rescaling(1.0, number[1])
    return {"type": "Add"} if len(call.reads) == 2 and not call.constants else None


def _subtract(given: Entry, call: Call) -> Entry | None:
    number = _number(call)
    if number is not None:
        return _rescaling(1.0, -number[1]) if number[0] == 1 else _rescaling(-1.0, number[1])
    return {"type": "Subtract"} if len(call.reads) == 2 and not call.constants else None


def _multiply(given: Entry, call: Call) -> Entry | None:
    number = _number(call)
    if number is not None:
        return _rescaling(number[1], 0.0)
    return {"type": "Multiply"} if len(call.reads) == 2 and not call.constants else None


def _divide(given: Entry, call: Call) -> Entry | None:
    number = _number(call)
    return _rescaling(1 / number[1], 0.0) if number is not None and number[0] == 1 and number[1] else None


def _negative(given: Entry, call: Call) -> Entry | None:
    return _rescaling(-1.0, 0.0) if len(call.reads) == 1 else None


def _of_two(name: str) -> Callable[[Entry, Call], Entry | None]:
    def make(given: Entry, call: Call) -> Entry | None:
        return {"type": name} if len(call.reads) == 2 and not call.constants else None

    return make


def _pooled(name: str) -> Callable[[Entry, Call], Entry | None]:
    """A mean or maximum over all places: axis 1, or 1 and 2, or 1 to 3, the last axis being the channels."""

    def make(given: Entry, call: Call) -> Entry | None:
        axis = given.get("axis", next(iter(call.constants.values()), None))
        axes = [axis] if isinstance(axis, int) else axis
        if not isinstance(axes, list) or axes != list(range(1, len(axes) + 1)) or len(axes) > 3:
            return None
        told: Entry = {"type": f"Global{name}Pooling{len(axes)}D"}
        return told | ({"keepdims": True} if given.get("keepdims") else {})

    return make


def _concatenate(given: Entry, call: Call) -> Entry | None:
    axis = given.get("axis", next(iter(call.constants.values()), -1))
    return {"type": "Concatenate", "axis": axis} if isinstance(axis, int) else None


def _reshape(given: Entry, call: Call) -> Entry | None:
    shape = given.get("newshape", given.get("shape", next(iter(call.constants.values()), None)))
    if not isinstance(shape, list) or len(shape) < 2 or shape[0] not in (-1, None):
        return None
    rest = [-1 if n is None else n for n in shape[1:]]
    return {"type": "Reshape", "target_shape": rest} if all(type(n) is int for n in rest) else None


def _transpose(given: Entry, call: Call) -> Entry | None:
    axes = given.get("axes", given.get("perm", next(iter(call.constants.values()), None)))
    if not isinstance(axes, list) or axes[:1] != [0]:
        return None
    return {"type": "Permute", "dims": axes[1:]}


def _relu(given: Entry, call: Call) -> Entry | None:
    """`keras.activations.relu` with arguments."""
    return {"type": "ReLU", **given} if len(call.reads) == 1 and not call.constants else None


def _identity(given: Entry, call: Call) -> Entry | None:
    return {"type": "Identity"}


_MADE: Mapping[str, Callable[[Entry, Call], Entry | None]] = {
    "Add": _add,
    "Subtract": _subtract,
    "Multiply": _multiply,
    "TrueDivide": _divide,
    "Divide": _divide,
    "Negative": _negative,
    "Maximum": _of_two("Maximum"),
    "Minimum": _of_two("Minimum"),
    "Mean": _pooled("Average"),
    "Max": _pooled("Max"),
    "Concatenate": _concatenate,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Identity": _identity,
    "ReLU": _relu,
}
