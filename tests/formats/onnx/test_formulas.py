"""Formulas as ONNX's operators: what they give is what Python makes of the same text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from nnctl.core.arrays import Array
from nnctl.formats.onnx.formulas import as_tensor, evaluate
from nnctl.formats.onnx.writer import Writer
from nnctl.kernels.functions import (
    arctan2,
    cos_turns,
    erf,
    exp,
    expm1,
    floor,
    fma,
    log,
    log1p,
    power,
    sigmoid,
    sign,
    sin_turns,
    softplus,
    sqrt,
    tanh,
)
from nnctl.ops.base import Graph
from tests.formats.onnx.running import outputs

HALF = 0.5


def steps(x: float, low: float, high: float) -> float:
    y = x / 2 + HALF
    y = low if y < low else y
    if y >= high:
        return high
    return -y if not x > 0 else +y


def between(x: float, low: float, high: float) -> float:
    return 1 if low <= x <= high else 0


def either(x: float, low: float, high: float) -> float:
    inside = x > low and x < high
    return 2 if inside or x == 3 else (3 if x != 4 else 5)


def decided(x: float, low: float, high: float) -> float:
    """Some of the truth values are known when it is written."""
    known = low < high
    a = x if known and x > 0 else 7
    b = x if low > high or x > 1 else 8
    c = 9 if low > high and x > 0 else a
    d = b if known or x > 0 else 10
    return c + d * (11 if not known else 1)


def chosen(x: float, low: float, high: float) -> float:
    if x < 0:
        y, z = x, high
    elif x > high:
        y, z = high, x * x
    else:
        y, z = low, abs(x)
    return y - z * 3


def smooth(x: float, low: float, high: float) -> float:
    a = exp(-x) + expm1(x) + tanh(x) * sigmoid(x) - erf(x) + softplus(x)
    b = log(x + 5) + log1p(x + 5) + sqrt(x + 5) + fma(x, low, high)
    return a + b + floor(x) + sign(x) + power(x + 5, 1.5)


def circles(x: float, low: float, high: float) -> float:
    return sin_turns(x) + cos_turns(x / 3)


def extremes(x: float, low: float, high: float) -> float:
    return min(x, high) * max(x, low) + max(low, high)


def angle(y: float, x: float) -> float:
    return arctan2(y, x)


def guarded(x: float) -> float:
    return 1 / x if x > 0 else 0


def inner(x: float, low: float, high: float) -> float:
    return steps(x, low, high) + between(x * 2, low, high)


X = np.array([-4.5, -3, -1.25, -1e-3, 0, 0.25, 1, 1.5, 2.75, 3, 4], np.float32)


def run(write: Callable[[Writer], str], **given: Array) -> Array:
    """What a graph of some float inputs gives."""
    w = Writer(Graph("float32"), list(given))
    name = write(w)
    nodes = [
        helper.make_node(n.operator, n.inputs, n.outputs, domain=n.domain, **n.attributes) for n in w.nodes
    ]
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape) for n, a in given.items()]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)]
    constants = [numpy_helper.from_array(array, n) for n, array in w.constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, made, constants), opset_imports=[helper.make_opsetid("", 22)]
    )
    model.ir_version = 10
    (found,) = outputs(model.SerializeToString(), given).values()
    return found


@pytest.mark.parametrize(
    "formula",
    [steps, between, either, decided, chosen, smooth, circles, extremes, inner],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("numbers", [(-0.5, 2.0), (0.25, 0.75)])
def test_as_python_has_it(formula: Callable[..., Any], numbers: tuple[float, float]) -> None:
    found = run(lambda w: as_tensor(w, evaluate(w, formula, ["x", *numbers])), x=X)
    expected = [formula(float(x), *numbers) for x in X]
    np.testing.assert_allclose(found, np.array(expected, np.float32), rtol=2e-6, atol=2e-6)


def test_angles() -> None:
    """In all quarters, on the axes, at the origin."""
    y, x = (
        a.reshape(-1).astype(np.float32) for a in np.meshgrid([-2, -0.5, 0, 0.5, 2], [-3, -0.5, 0, 0.5, 3])
    )
    found = run(lambda w: as_tensor(w, evaluate(w, angle, ["y", "x"])), y=y, x=x)
    np.testing.assert_allclose(found, np.arctan2(y, x), rtol=1e-6, atol=1e-6)


def test_a_choice_hides_what_is_not_taken() -> None:
    x = np.array([0, -1, 2], np.float32)
    np.testing.assert_array_equal(run(lambda w: as_tensor(w, evaluate(w, guarded, ["x"])), x=x), [0, 0, 0.5])
