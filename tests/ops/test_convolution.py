"""Convolution ops: values, finite differences, and what they absorb."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest

from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import Geometry
from nnctl.ops.base import Graph, Value
from nnctl.ops.convolution import Convolution, ConvolutionInputGrad, convolve, convolve_transposed
from nnctl.ops.elementwise import multiply
from nnctl.ops.pooling import ZeroPad, zero_pad
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.passes import follow, run_passes
from tests.kernels import convolution_oracle as oracle
from tests.ops.harness import activate, check_gradients, evaluate

# (x, kernel, strides, padding, dilation, groups)
CASES = {
    "valid": ((2, 5, 6, 3), (3, 2, 3, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), 1),
    "stride, uneven padding": ((2, 6, 5, 2), (2, 3, 2, 5), (2, 3), ((0, 0), (0, 1)), (1, 1), 1),
    "dilation": ((1, 7, 6, 1), (3, 2, 1, 3), (1, 1), ((2, 2), (1, 1)), (2, 2), 1),
    "groups, stride above the kernel": ((2, 7, 5, 4), (1, 2, 2, 6), (3, 2), ((0, 0), (0, 0)), (1, 1), 2),
    "one axis": ((3, 9, 2), (4, 2, 5), (2,), ((3, 0),), (1,), 1),
    "three axes": ((2, 3, 4, 5, 2), (2, 3, 2, 2, 3), (1, 2, 1), ((1, 0), (1, 1), (0, 0)), (1, 1, 2), 1),
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
    check_gradients(lambda x, kernel, bias: convolve(x, kernel, bias, *window), _inputs(name))


def test_without_bias() -> None:
    inputs = _inputs("valid")
    del inputs["bias"]
    check_gradients(lambda x, kernel: convolve(x, kernel, None, (1, 1), ((1, 0), (0, 2))), inputs)


def test_value() -> None:
    inputs = _inputs("stride, uneven padding")
    g = Geometry(2, 2, 5, (Axis(6, 3, 2, 2), Axis(5, 2, 3, 3)))
    window = CASES["stride, uneven padding"][2:]
    (y,) = evaluate(lambda x, kernel, bias: convolve(x, kernel, bias, *window), inputs)
    want = oracle.convolve(inputs["x"], inputs["kernel"], inputs["bias"], g)
    np.testing.assert_allclose(y, want, rtol=1e-12)


def _two_layers(x: Value, kernel: Value, bias: Value, second: Value) -> Value:
    hidden = activate(convolve(x, kernel, bias, (1, 1), ((1, 1), (0, 1))), "relu")
    return convolve(hidden, second, None, (2, 1), ((0, 0), (1, 1)))


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
    assert any(isinstance(op, Convolution) and op.bounds == (0, inf) for op in ops)
    assert any(isinstance(op, ConvolutionInputGrad) and op.gated for op in ops)


PADDINGS = {
    "all around": (((1, 1), (1, 1)), ((0, 0), (0, 0)), (2, 2), 1),
    "unequal, added to its own": (((0, 2), (3, 1)), ((1, 0), (0, 2)), (2, 3), 1),
    "more than the kernel": (((4, 3), (0, 5)), ((0, 0), (0, 0)), (1, 2), 1),
    "channel by channel": (((1, 0), (2, 1)), ((0, 0), (0, 0)), (2, 1), 4),
}


@pytest.mark.parametrize("name", PADDINGS)
def test_zeros_before_a_convolution_with_strides_are_its_own(name: str) -> None:
    """They are left out, forward and back: every bit of y and dx is as before."""
    around, own, strides, groups = PADDINGS[name]
    random = np.random.default_rng(3)
    shapes = {"x": (3, 9, 8, 4), "kernel": (3, 2, 4 // groups, 4), "bias": (4,)}
    inputs = {key: random.standard_normal(shape).astype("float32") for key, shape in shapes.items()}

    def run(followed: bool) -> tuple[list[str], list[np.ndarray]]:
        graph = Graph("float32")
        values = {key: graph.input(key, a.shape) for key, a in inputs.items()}
        graph.origin = "padding"
        wide = zero_pad(values["x"], around)
        graph.origin = "convolution"
        y = convolve(wide, values["kernel"], values["bias"], strides, own, groups=groups)
        loss = sum_all(multiply(y, y))
        if followed:
            follow(graph, [loss])
        assert graph.nodes[-3].origin == "convolution"
        outs = {"y": y}
        made = zip(inputs, gradients(loss, list(values.values())), strict=True)
        outs |= {f"d{key}": value for key, value in made if value is not None}
        compiled = compile_graph(graph, outs, threads=2)
        program = bind(compiled, new_arena(compiled.plan.size), {})
        for key, array in inputs.items():
            program.inputs[key][...] = array
        program.run()
        found = [program.outputs[key].copy() for key in ("y", "dx", "dkernel", "dbias")]
        return [type(node.op).__name__ for node in compiled.graph.nodes], found

    (apart, expected), (together, found) = run(False), run(True)
    assert "ZeroPad" in apart
    assert not [op for op in together if "ZeroPad" in op]
    for got, want in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_array_equal(got, want)
    for got, want in zip(found[2:], expected[2:], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)


def test_zeros_that_stay() -> None:
    """Before a convolution without strides, which may go through transforms, and where two read them."""

    def left(strides: tuple[int, int], twice: bool = False) -> int:
        graph = Graph()
        wide = zero_pad(graph.input("x", (2, 5, 6, 3)), ((1, 1), (1, 1)))
        kernel = graph.input("kernel", (3, 3, 3, 4))
        outs = [convolve(wide, kernel, None, strides, ((0, 0), (0, 0))) for _ in range(1 + twice)]
        follow(graph, outs)
        return sum(isinstance(node.op, ZeroPad) for node in graph.nodes)

    assert left((2, 1)) == 0
    assert left((1, 1)) == 1
    assert left((2, 2), twice=True) == 1


def test_shapes_that_do_not_fit() -> None:
    graph = Graph()
    x, kernel = graph.input("x", (2, 5, 6, 3)), graph.input("kernel", (3, 3, 2, 4))
    with pytest.raises(ValueError, match="a kernel of"):
        convolve(x, kernel, None, (1, 1), ((0, 0), (0, 0)))
    with pytest.raises(ValueError, match="is larger than"):
        convolve(x, graph.input("large", (6, 3, 3, 4)), None, (1, 1), ((0, 0), (0, 0)))
    with pytest.raises(ValueError, match="a kernel of"):
        convolve(
            graph.input("deep", (2, 3, 3, 3, 3, 4)),
            graph.input("far", (1, 1, 1, 1, 4, 2)),
            None,
            (1,) * 4,
            (),
        )


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[-1] == 1])
def test_transposed(name: str) -> None:
    """The convolution's gradient as a step forward, and its own gradients."""
    x, _kernel, strides, padding, dilation, _ = CASES[name]
    (y,) = evaluate(lambda x, kernel: convolve(x, kernel, None, strides, padding, dilation), {
        key: value for key, value in _inputs(name).items() if key != "bias"
    })  # fmt: skip
    inputs = {"y": np.random.default_rng(8).standard_normal(y.shape), "kernel": _inputs(name)["kernel"]}
    check_gradients(
        lambda y, kernel: convolve_transposed(y, kernel, x[1:-1], strides, padding, dilation), inputs
    )
    (back,) = evaluate(
        lambda y, kernel: convolve_transposed(y, kernel, x[1:-1], strides, padding, dilation), inputs
    )
    # <conv(x), y> = <x, conv^T(y)>
    assert np.vdot(y, inputs["y"]) == pytest.approx(np.vdot(_inputs(name)["x"], back))


def _large(x: Value, kernel: Value, bias: Value, second: Value) -> list[Value]:
    """A loss and its gradients, of layers that Winograd's transforms pay for."""
    hidden = activate(convolve(x, kernel, bias, (1, 1), ((1, 1), (0, 1))), "relu")
    y = convolve_transposed(hidden, second, (10, 10), (1, 1), ((1, 1), (1, 1)))
    loss = sum_all(multiply(y, y))
    found = gradients(loss, [x, kernel, bias, second])
    return [y, *(g for g in found if g is not None)]


def test_winograd_and_direct() -> None:
    """Values and gradients in float32 as in float64, whose convolutions are direct."""
    random = np.random.default_rng(9)
    shapes = {"x": (2, 10, 11, 32), "kernel": (3, 3, 32, 40), "bias": (40,), "second": (3, 3, 36, 40)}
    inputs = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    exact = evaluate(_large, inputs)
    rounded = {name: array.astype("float32") for name, array in inputs.items()}
    for got, want in zip(evaluate(_large, rounded), exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5 * abs(want).max())


def _lines(x: Value, kernel: Value, bias: Value, second: Value) -> list[Value]:
    """The same along one axis, with five taps forward and three back."""
    hidden = activate(convolve(x, kernel, bias, (1,), ((4, 0),)), "relu")
    y = convolve_transposed(hidden, second, (45,), (1,), ((1, 1),))
    loss = sum_all(multiply(y, y))
    found = gradients(loss, [x, kernel, bias, second])
    return [y, *(g for g in found if g is not None)]


def test_winograd_along_one_axis_and_direct() -> None:
    random = np.random.default_rng(10)
    shapes = {"x": (7, 45, 32), "kernel": (5, 32, 40), "bias": (40,), "second": (3, 36, 40)}
    inputs = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    exact = evaluate(_lines, inputs)
    rounded = {name: array.astype("float32") for name, array in inputs.items()}
    for got, want in zip(evaluate(_lines, rounded), exact, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-5 * abs(want).max())


@pytest.mark.parametrize("direct", [False, True])
def test_a_graph_says_whether_transforms_are_taken(direct: bool) -> None:
    graph = Graph("float32", direct)
    x, kernel = graph.input("x", (2, 9, 8, 32)), graph.input("kernel", (3, 3, 32, 32))
    outputs = {
        "forward": convolve(x, kernel, None, (1, 1), ((1, 1), (1, 1))),
        "backward": convolve_transposed(x, kernel, (9, 8), (1, 1), ((1, 1), (1, 1))),
    }
    compiled = compile_graph(graph, outputs)
    program = bind(compiled, new_arena(compiled.plan.size), {})
    called = [kernel.__name__ for kernel, _ in program.calls]
    ways = ["pack_panels", "gather"] if direct else ["transform_kernels_3x3", "convolve_3x3"]
    assert called == ways * 2
    assert [node.op.flops([v.type for v in node.inputs], []) for node in graph.nodes] == [
        2 * 2 * 72 * 9 * 32 * 32
    ] * 2


def test_each_direction_has_a_way_of_its_own() -> None:
    """6x6 pixels of output are too few, and the 8x8 of its input's gradient are enough."""
    graph = Graph("float32")
    x, y = graph.input("x", (2, 8, 8, 32)), graph.input("y", (2, 6, 6, 32))
    kernel = graph.input("kernel", (3, 3, 32, 32))
    outputs = {
        "forward": convolve(x, kernel, None, (1, 1), ((0, 0), (0, 0))),
        "backward": convolve_transposed(y, kernel, (8, 8), (1, 1), ((0, 0), (0, 0))),
    }
    compiled = compile_graph(graph, outputs)
    called = [kernel.__name__ for kernel, _ in bind(compiled, new_arena(compiled.plan.size), {}).calls]
    assert called == ["pack_panels", "gather", "transform_kernels_3x3", "convolve_3x3"]
