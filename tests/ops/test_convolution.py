"""Convolution ops: values, finite differences, and what they absorb."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels.convolution_plan import Geometry
from nnctl.ops.activation import activation
from nnctl.ops.base import Graph, Value
from nnctl.ops.convolution import Conv2D, Conv2DInputGrad, conv2d
from nnctl.ops.elementwise import multiply
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.passes import run_passes
from tests.kernels import convolution_oracle as oracle
from tests.ops.harness import check_gradients, evaluate

# (x, kernel, strides, padding, dilation, groups)
CASES = {
    "valid": ((2, 5, 6, 3), (3, 2, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "stride, uneven padding": ((2, 6, 5, 2), (2, 3, 2, 5), (2, 3), ((0, 0), (0, 1)), (1, 1), 1),
    "dilation": ((1, 7, 6, 1), (3, 2, 1, 3), (1, 1), ((2, 2), (1, 1)), (2, 2), 1),
    "groups, stride above the kernel": ((2, 7, 5, 4), (1, 2, 2, 6), (3, 2), ((0, 0), (0, 0)), (1, 1), 2),
    "causal": ((2, 1, 9, 3), (1, 3, 3, 2), (1, 1), ((0, 0), (4, 0)), (1, 2), 1),
}


def _inputs(name: str) -> dict[str, np.ndarray]:
    x, kernel, *_ = CASES[name]
    random = np.random.default_rng(5)
    shapes = {"x": x, "kernel": kernel, "bias": kernel[-1:]}
    return {key: random.standard_normal(shape) for key, shape in shapes.items()}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name: str) -> None:
    _, _, *window = CASES[name]
    check_gradients(lambda x, kernel, bias: conv2d(x, kernel, bias, *window), _inputs(name))


def test_without_bias() -> None:
    inputs = _inputs("valid")
    del inputs["bias"]
    check_gradients(lambda x, kernel: conv2d(x, kernel, None, (1, 1), ((1, 0), (0, 2))), inputs)


def test_value() -> None:
    inputs = _inputs("stride, uneven padding")
    g = Geometry(2, 6, 5, 2, 5, (2, 3), (2, 3), (1, 1), 0, 0, 3, 2)
    window = CASES["stride, uneven padding"][2:]
    (y,) = evaluate(lambda x, kernel, bias: conv2d(x, kernel, bias, *window), inputs)
    want = oracle.convolve(inputs["x"], inputs["kernel"], inputs["bias"], g)
    np.testing.assert_allclose(y, want, rtol=1e-12)


def _two_layers(x: Value, kernel: Value, bias: Value, second: Value) -> Value:
    hidden = activation(conv2d(x, kernel, bias, (1, 1), ((1, 1), (0, 1))), "relu")
    return conv2d(hidden, second, None, (2, 1), ((0, 0), (1, 1)))


def test_relu_and_its_gradient_are_absorbed() -> None:
    inputs = _inputs("valid") | {"second": np.random.default_rng(6).standard_normal((2, 2, 4, 3))}
    check_gradients(_two_layers, inputs)
    graph = Graph("float64")
    values = {name: graph.input(name, a.shape) for name, a in inputs.items()}
    y = _two_layers(**values)
    grads = [g for g in gradients(sum_all(multiply(y, y)), list(values.values())) if g is not None]
    run_passes(graph, grads)
    ops = [node.op for node in graph.nodes]
    assert not [op for op in ops if "Activation" in type(op).__name__]
    assert any(isinstance(op, Conv2D) and op.relu for op in ops)
    assert any(isinstance(op, Conv2DInputGrad) and op.gated for op in ops)


def test_shapes_that_do_not_fit() -> None:
    graph = Graph()
    x, kernel = graph.input("x", (2, 5, 6, 3)), graph.input("kernel", (3, 3, 2, 4))
    with pytest.raises(ValueError, match="a kernel of"):
        conv2d(x, kernel, None, (1, 1), ((0, 0), (0, 0)))
    with pytest.raises(ValueError, match="is larger than"):
        conv2d(x, graph.input("large", (6, 3, 3, 4)), None, (1, 1), ((0, 0), (0, 0)))
