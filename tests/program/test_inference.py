"""Programs that run again and again with the same weights: what these alone make is made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.ops import linear as linear_ops
from nnctl.ops.activation import RELU
from nnctl.ops.base import Graph, Value
from nnctl.ops.convolution import Convolution, Window, convolve
from nnctl.ops.elementwise import add, add_row, multiply
from nnctl.ops.linear import MatMul, linear, matmul
from nnctl.ops.metrics import accumulate_mean
from nnctl.ops.normalization import batch_norm_infer
from nnctl.ops.pooling import zero_pad
from nnctl.ops.reduce import sum_all
from nnctl.program.bind import Bound, Tenant, bind, compile_graph, new_arena
from tests.ops.harness import activate
from tests.program.invariants import broken_invariants

RNG = np.random.default_rng(5)
BATCH, WIDTH, FILTERS = 3, 5, 7
WEIGHTS: Mapping[str, Array] = {
    "kernel": RNG.standard_normal((3, 2, WIDTH, FILTERS)),
    "square": RNG.standard_normal((1, 1, WIDTH, WIDTH)),
    "matrix": RNG.standard_normal((WIDTH, FILTERS)),
    "bias": RNG.standard_normal(FILTERS),
    "mean": RNG.standard_normal(FILTERS),
    "variance": RNG.random(FILTERS) + 0.1,
    "gamma": RNG.standard_normal(FILTERS),
    "beta": RNG.standard_normal(FILTERS),
}

Build = Callable[[Graph, Value], Value]


def weight(graph: Graph, name: str, size: int | None = None) -> Value:
    shape = WEIGHTS[name].shape
    return graph.variable(name, shape if size is None else (size,))


def normalized(graph: Graph, y: Value, gamma: bool = True, beta: bool = True) -> Value:
    named = [weight(graph, name) for name in ("gamma", "beta", "mean", "variance")]
    first, second, mean, variance = named
    return batch_norm_infer(y, first if gamma else None, second if beta else None, mean, variance, 1e-3)


def program(build: Build, shape: tuple[int, ...], inference: bool = True, kept: bool = False) -> Bound:
    """`build` of an input x, over copies of the weights; with `kept`, what it made first is an output."""
    graph = Graph("float64", inference=inference)
    y = build(graph, graph.input("x", shape))
    outputs = {"y": y}
    if kept:
        outputs["first"] = graph.nodes[0].outputs[0]

    def check(name: str, graph: Graph) -> None:
        assert not broken_invariants(graph), name

    compiled = compile_graph(graph, outputs, watch=check)
    memory = {name: WEIGHTS[name].copy() for name in graph.variables if name in WEIGHTS}
    memory |= {name: np.zeros(v.shape) for name, v in graph.variables.items() if name not in WEIGHTS}
    made = bind(compiled, new_arena(compiled.plan.size), memory)
    made.memory = memory  # type: ignore[attr-defined]
    return made


def names(made: Bound) -> list[str]:
    """The ops, in the order of their calls."""
    return [type(node.op).__name__ for node in dict.fromkeys(made.sources)]


def result(made: Bound, x: Array) -> Array:
    made.inputs["x"][...] = x
    made.run()
    return made.outputs["y"].copy()


def convolved(graph: Graph, x: Value, bias: bool = False) -> Value:
    added = weight(graph, "bias") if bias else None
    return convolve(x, weight(graph, "kernel"), added, (1, 1), ((1, 1), (0, 1)))


IMAGE = (BATCH, 6, 4, WIDTH)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("gamma", [False, True])
@pytest.mark.parametrize("beta", [False, True])
def test_a_normalization_goes_into_the_weights(bias: bool, gamma: bool, beta: bool) -> None:
    def image(graph: Graph, x: Value) -> Value:
        return normalized(graph, convolved(graph, x, bias), gamma, beta)

    def rows(graph: Graph, x: Value) -> Value:
        y = linear(x, weight(graph, "matrix"), weight(graph, "bias") if bias else None)
        return normalized(graph, y, gamma, beta)

    of_images, of_rows = ["LaidOutKernel", "Convolution"], ["LaidOutMatrix", "MatMul"]
    for build, shape, ops in ((image, IMAGE, of_images), (rows, (BATCH, WIDTH), of_rows)):
        folded, plain = program(build, shape), program(build, shape, inference=False)
        assert names(folded) == ["FoldedNorm", *ops]
        assert names(plain) == [ops[-1], "FrozenBatchNorm"]
        x = RNG.standard_normal(shape)
        np.testing.assert_allclose(result(folded, x), result(plain, x), rtol=1e-11, atol=1e-12)


def test_an_activation_behind_it_is_the_convolution_s() -> None:
    def build(graph: Graph, x: Value) -> Value:
        return graph.add1(RELU, normalized(graph, convolved(graph, x)))

    folded, plain = program(build, IMAGE), program(build, IMAGE, inference=False)
    assert names(folded) == ["FoldedNorm", "LaidOutKernel", "Convolution"]
    x = RNG.standard_normal(IMAGE)
    y = result(folded, x)
    assert (y == 0).any()
    np.testing.assert_allclose(y, result(plain, x), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("activation", "fields", "bounds"),
    [
        ("relu6", {}, (0, 6)), ("hard_tanh", {}, (-1, 1)), ("relu", {"max_value": 0.5}, (0, 0.5)),
        ("relu", {"max_value": 2, "negative_slope": 0.1}, None), ("hard_sigmoid", {}, None),
        ("relu", {"max_value": 2, "threshold": -1}, None),
    ],
)  # fmt: skip
def test_bounds_are_the_convolution_s(
    activation: str, fields: dict[str, float], bounds: tuple[float, float] | None
) -> None:
    def build(graph: Graph, x: Value) -> Value:
        return activate(convolved(graph, x, bias=True), activation, **fields)

    made, free = program(build, IMAGE), program(lambda graph, x: convolved(graph, x, bias=True), IMAGE)
    x = 4 * RNG.standard_normal(IMAGE)
    y, all_of_it = result(made, x), result(free, x)
    if bounds is None:
        assert names(made) == ["LaidOutKernel", "Convolution", "Activation"]
        return
    assert names(made) == ["LaidOutKernel", "Convolution"]
    assert all_of_it.min() < bounds[0]
    assert all_of_it.max() > bounds[1]
    assert np.array_equal(y, np.clip(all_of_it, *bounds))


def test_bounds_behind_bounds_stay() -> None:
    def build(graph: Graph, x: Value) -> Value:
        return activate(activate(convolved(graph, x, bias=True), "relu6"), "relu", max_value=2)

    made = program(build, IMAGE)
    assert names(made) == ["LaidOutKernel", "Convolution", "Activation"]


def test_a_matrix_is_laid_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of weights that are not too large, for more than one row."""

    def of_weights(graph: Graph, x: Value) -> Value:
        return linear(x, weight(graph, "matrix"), weight(graph, "bias"))

    made = program(of_weights, (7, WIDTH))
    assert names(made) == ["LaidOutMatrix", "MatMul"]
    x = RNG.standard_normal((7, WIDTH))
    y = result(made, x)
    assert np.array_equal(y, result(program(of_weights, (7, WIDTH), inference=False), x))
    made.memory["matrix"] *= 2  # type: ignore[attr-defined]
    made.run_again()
    assert np.array_equal(made.outputs["y"], y)
    made.inputs["x"][...] = x
    made.run()
    assert not np.array_equal(made.outputs["y"], y)
    assert names(program(of_weights, (1, WIDTH))) == ["MatMul"]
    with monkeypatch.context() as patched:
        patched.setattr(linear_ops, "LAID_OUT_BYTES", 8 * WIDTH * FILTERS - 1)
        assert names(program(of_weights, (7, WIDTH))) == ["MatMul"]
        patched.setattr(linear_ops, "LAID_OUT_BYTES", 8 * WIDTH * FILTERS)
        assert names(program(of_weights, (7, WIDTH))) == ["LaidOutMatrix", "MatMul"]
    assert names(program(lambda graph, x: matmul(x, x, transpose_b=True), (7, WIDTH))) == ["MatMul"]


def test_zeros_around_an_image_are_the_convolution_s() -> None:
    """Behind `fold`: the normalization is in the weights."""

    def build(graph: Graph, x: Value) -> Value:
        padded = zero_pad(x, ((2, 1), (0, 3)))
        return normalized(graph, convolve(padded, weight(graph, "kernel"), None, (2, 1), ((0, 0), (0, 0))))

    folded, plain = program(build, IMAGE), program(build, IMAGE, inference=False)
    assert names(folded) == ["FoldedNorm", "LaidOutKernel", "Convolution"]
    assert names(plain) == ["ZeroPad", "Convolution", "FrozenBatchNorm"]
    x = RNG.standard_normal(IMAGE)
    np.testing.assert_allclose(result(folded, x), result(plain, x), rtol=1e-11, atol=1e-12)


def read_twice(graph: Graph, x: Value) -> Value:
    y = convolved(graph, x)
    return add(normalized(graph, y), y)


def made_of_inputs(graph: Graph, x: Value) -> Value:
    return normalized(graph, matmul(x, matmul(x, weight(graph, "matrix"), transpose_a=True)))


def behind_a_relu(graph: Graph, x: Value) -> Value:
    return normalized(graph, graph.add1(RELU, convolved(graph, x)))


def of_the_input(graph: Graph, x: Value) -> Value:
    return normalized(graph, x)


def transposed(graph: Graph, x: Value) -> Value:
    matrix = graph.variable("other", (FILTERS, WIDTH))
    return normalized(graph, matmul(x, matrix, transpose_b=True))


@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (read_twice, IMAGE),
        (made_of_inputs, (WIDTH, WIDTH)),
        (behind_a_relu, IMAGE),
        (of_the_input, (BATCH, FILTERS)),
        (transposed, (BATCH, WIDTH)),
    ],
)
def test_where_it_cannot_go_it_stays(build: Build, shape: tuple[int, ...]) -> None:
    made, plain = program(build, shape), program(build, shape, inference=False)
    assert "FrozenBatchNorm" in names(made)
    x = RNG.standard_normal(shape)
    assert np.array_equal(result(made, x), result(plain, x))


@pytest.mark.parametrize("filters", [16, 64])
def test_a_kernel_is_laid_out_once(filters: int) -> None:
    """For direct sums as for Winograd's: the same bits as where it is done each time."""
    kernel, bias = RNG.standard_normal((3, 3, 32, filters)), RNG.standard_normal(filters)
    x = RNG.standard_normal((2, 8, 9, 32)).astype(np.float32)
    found = []
    for inference in (False, True):
        graph = Graph("float32", inference=inference)
        values = [graph.variable("kernel", kernel.shape), graph.variable("bias", bias.shape)]
        y = convolve(graph.input("x", x.shape), *values, (1, 1), ((1, 1), (1, 1)))
        compiled = compile_graph(graph, {"y": y}, threads=2)
        memory = {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}
        made = bind(compiled, new_arena(compiled.plan.size), memory)
        found.append(result(made, x))
        assert made.settled == int(inference)
    memory["kernel"][...] = 0
    made.inputs["x"][...] = x
    made.run_again()
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], made.outputs["y"])
    ways = {16: ["pack_panels", "gather"], 64: ["transform_kernels_3x3", "convolve_3x3"]}
    assert [kernel.__name__ for kernel, _ in made.calls] == ways[filters]


def test_what_is_kept_stays() -> None:
    made = program(lambda graph, x: normalized(graph, convolved(graph, x)), IMAGE, kept=True)
    assert names(made) == ["LaidOutKernel", "Convolution", "FrozenBatchNorm"]


def test_weights_alone_are_worked_out_once() -> None:
    def build(graph: Graph, x: Value) -> Value:
        product = multiply(weight(graph, "mean"), weight(graph, "gamma"))
        return add_row(linear(x, weight(graph, "matrix"), product), multiply(product, weight(graph, "beta")))

    made = program(build, (BATCH, WIDTH))
    x, other = RNG.standard_normal((2, BATCH, WIDTH))
    first = result(made, x)
    memory: dict[str, Any] = made.memory  # type: ignore[attr-defined]
    expected = x @ memory["matrix"] + memory["mean"] * memory["gamma"] * (1 + memory["beta"])
    np.testing.assert_allclose(first, expected, rtol=1e-12)
    memory["gamma"] *= 2
    made.inputs["x"][...] = other
    made.run_again()
    np.testing.assert_allclose(made.outputs["y"], first + (other - x) @ memory["matrix"], rtol=1e-11)
    made.run()
    expected = other @ memory["matrix"] + memory["mean"] * memory["gamma"] * (1 + memory["beta"])
    np.testing.assert_allclose(made.outputs["y"], expected, rtol=1e-12)


def test_what_is_kept_is_not_written_over() -> None:
    """What a first layer's weights make is read early; what comes later finds other memory."""

    def build(graph: Graph, x: Value) -> Value:
        y = x
        for _ in range(3):
            y = convolve(y, multiply(*[weight(graph, "square")] * 2), None, (1, 1), ((0, 0), (0, 0)))
        return y

    shape = (40, 6, 5, WIDTH)
    made = program(build, shape)
    x = RNG.standard_normal(shape)
    expected = result(made, x)
    for _ in range(2):
        made.inputs["x"][...] = x
        made.run_again()
        assert np.array_equal(made.outputs["y"], expected)


def test_only_what_is_linear_takes_a_factor() -> None:
    window = Window((1, 1), ((0, 0), (0, 0)), (1, 1))
    graph = Graph("float64")
    x, kernel = graph.input("x", IMAGE), weight(graph, "kernel")
    row, matrix = graph.input("row", (BATCH, WIDTH)), weight(graph, "matrix")
    for free, bound, inputs in (
        (Convolution(window), Convolution(window, (0.0, 6.0)), (x, kernel)),
        (MatMul(), MatMul(relu=True), (row, matrix)),
    ):
        nodes = [graph.node(op, inputs, "") for op in (free, bound)]
        assert [node.op.with_bias(node) is None for node in nodes] == [False, True]


def test_another_program_in_the_arena_makes_it_all_run() -> None:
    def build(graph: Graph, x: Value) -> Value:
        return normalized(graph, convolved(graph, x))

    made = []
    arena, tenant = new_arena(1 << 20), Tenant()
    memory = {name: array.copy() for name, array in WEIGHTS.items()}
    for batch in (2, 5):
        graph = Graph("float64", inference=True)
        y = build(graph, graph.input("x", (batch, *IMAGE[1:])))
        made.append(bind(compile_graph(graph, {"y": y}), arena, memory, tenant))
    first, second = made
    x = RNG.standard_normal((5, *IMAGE[1:]))
    expected = result(second, x)
    assert np.array_equal(result(first, x[:2]), expected[:2])
    second.inputs["x"][...] = x
    second.run_again()
    assert np.array_equal(second.outputs["y"], expected)
    second.inputs["x"][...] = x
    second.run_again()
    assert np.array_equal(second.outputs["y"], expected)


def test_what_a_run_writes_is_no_weight() -> None:
    """A metric's state is a variable, too, and what is made of it is made in every run."""

    def build(graph: Graph, x: Value) -> Value:
        state = graph.variable("state", (2,), "float64")
        accumulate_mean(state, sum_all(x), BATCH)
        return add(multiply(state, state), graph.constant(np.ones(2)))

    made = program(build, (BATCH, WIDTH))
    assert made.settled == 0
    for run in (made.run, made.run_again):
        made.inputs["x"][...] = 1
        run()
    assert made.outputs["y"].tolist() == [(2.0 * BATCH * WIDTH * BATCH) ** 2 + 1, (2.0 * BATCH) ** 2 + 1]


def test_training_keeps_its_order() -> None:
    def build(graph: Graph, x: Value) -> Value:
        return add_row(x, multiply(weight(graph, "mean"), weight(graph, "gamma")))

    assert program(build, (BATCH, FILTERS), inference=False).settled == 0
    assert program(build, (BATCH, FILTERS)).settled == 1
