"""Batch and layer normalization, embeddings: values against NumPy, gradients against differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnctl.ops.activation import Activation
from nnctl.ops.base import Graph, Value
from nnctl.ops.elementwise import multiply
from nnctl.ops.embedding import EmbeddingGrad, embedding, not_equal
from nnctl.ops.normalization import batch_norm_infer, batch_norm_train, layer_norm, update_moving
from nnctl.ops.pooling import global_average_pool
from nnctl.ops.reduce import sum_all, sum_of_squares
from nnctl.ops.sums import Spread
from nnctl.program.autodiff import gradients
from nnctl.program.bind import bind, compile_graph, new_arena
from nnctl.program.passes import follow, fuse, run_passes
from tests.ops.harness import Build, activate, check_gradients, evaluate

EPSILON = 1e-3
CHOICES = [("gamma", "beta"), ("gamma",), ("beta",), ()]


def draw(*shape: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    rows = {name: rng.uniform(0.5, 2.0, shape[-1]) for name in ("gamma", "beta")}
    return {"x": rng.standard_normal(shape) + 3.0, **rows}


def chosen(names: tuple[str, ...], *shape: int) -> dict[str, np.ndarray]:
    return {name: a for name, a in draw(*shape).items() if name == "x" or name in names}


def normalized(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    return (x - mean) / np.sqrt(variance + EPSILON) * w.get("gamma", 1.0) + w.get("beta", 0.0)


@pytest.mark.parametrize("names", CHOICES)
@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 4, 5), (300, 3)])
def test_batch_norm(shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    inputs = chosen(names, *shape)

    def build(x, gamma=None, beta=None):
        return batch_norm_train(x, gamma, beta, EPSILON)

    y, mean, variance = evaluate(build, inputs)
    rows = inputs["x"].reshape(-1, shape[-1])
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-12)
    np.testing.assert_allclose(variance, rows.var(0), rtol=1e-12)
    np.testing.assert_allclose(y, normalized(inputs["x"], rows.mean(0), rows.var(0), inputs), atol=1e-12)
    if rows.size < 200:
        check_gradients(lambda **v: build(**v)[0], inputs)


@pytest.mark.parametrize("names", CHOICES)
def test_masked_batch_norm(names: tuple[str, ...]) -> None:
    inputs = {**chosen(names, 3, 4, 5), "mask": np.uint8([[1, 1, 0, 1], [1, 0, 0, 0], [1, 1, 1, 1]])}

    def build(x, mask, gamma=None, beta=None):
        return batch_norm_train(x, gamma, beta, EPSILON, mask)

    y, mean, variance = evaluate(build, inputs)
    rows = inputs["x"][inputs["mask"] == 1]
    np.testing.assert_allclose(mean, rows.mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, rows.var(0), rtol=1e-6)
    np.testing.assert_allclose(y, normalized(inputs["x"], rows.mean(0), rows.var(0), inputs), atol=1e-5)
    check_gradients(lambda **v: build(**v)[0], inputs)


@pytest.mark.parametrize("names", CHOICES)
def test_batch_norm_with_given_statistics(names: tuple[str, ...]) -> None:
    inputs = chosen(names, 2, 3, 5)
    state = {"mean": np.linspace(-1, 1, 5), "variance": np.linspace(0.1, 2, 5)}

    def build(x, mean, variance, gamma=None, beta=None):
        return batch_norm_infer(x, gamma, beta, mean, variance, EPSILON)

    (y,) = evaluate(build, inputs, state)
    np.testing.assert_allclose(y, normalized(inputs["x"], **state, w=inputs), atol=1e-12)
    check_gradients(build, inputs, state=state)


ACTIVATIONS = [("relu", {}), ("relu", {"max_value": 2.0}), ("silu", {}), ("leaky_relu", {})]


@pytest.mark.parametrize("names", CHOICES)
@pytest.mark.parametrize(("activation", "fields"), ACTIVATIONS)
@pytest.mark.parametrize("shape", [(1, 5), (2, 3, 4, 5), (300, 3), (3000, 50)])
def test_an_activation_behind_it(
    shape: tuple[int, ...], activation: str, fields: dict[str, float], names: tuple[str, ...]
) -> None:
    """It goes into the normalization before gradients are made: every bit is as before."""
    inputs = {name: array.astype("float32") for name, array in chosen(names, *shape).items()}

    def run(followed: bool) -> tuple[list[str], list[np.ndarray]]:
        graph = Graph("float32")
        values = {name: graph.input(name, a.shape) for name, a in inputs.items()}
        y, mean, variance = batch_norm_train(values["x"], values.get("gamma"), values.get("beta"), EPSILON)
        z = activate(y, activation, **fields)
        loss = sum_all(multiply(z, z))
        if followed:
            follow(graph, [loss, mean, variance])
        forward = [type(node.op).__name__ for node in graph.nodes]
        outs = {"z": z, "mean": mean, "variance": variance}
        made = zip(inputs, gradients(loss, list(values.values())), strict=True)
        outs |= {f"d{name}": value for name, value in made if value is not None}
        compiled = compile_graph(graph, outs, threads=2)
        program = bind(compiled, new_arena(compiled.plan.size), {})
        for name, array in inputs.items():
            program.inputs[name][...] = array
        program.run()
        return forward, [program.outputs[name].copy() for name in outs]

    (apart, expected), (together, found) = run(False), run(True)
    assert "Activation" in apart
    assert "Activation" not in together
    for got, want in zip(found, expected, strict=True):
        np.testing.assert_array_equal(got, want)


def test_an_activation_that_is_not_alone_stays() -> None:
    """So does one behind a normalization that a mask or another activation belongs to."""

    def left(build: Build) -> int:
        graph = Graph("float32")
        x, mask = graph.input("x", (4, 3)), graph.input("mask", (4,), "uint8")
        follow(graph, build(x, mask))
        return sum(isinstance(node.op, Activation) for node in graph.nodes)

    def normal(x, mask=None):
        return batch_norm_train(x, None, None, EPSILON, mask)[0]

    def read_twice(x, mask):
        y = normal(x)
        return [activate(y, "relu"), activate(y, "silu")]

    def kept(x, mask):
        y = normal(x)
        return [y, activate(y, "relu")]

    assert left(lambda x, mask: [activate(normal(x), "relu")]) == 0
    assert left(read_twice) == 2
    assert left(kept) == 1
    assert left(lambda x, mask: [activate(normal(x, mask), "relu")]) == 1
    assert left(lambda x, mask: [activate(activate(normal(x), "relu"), "silu")]) == 1
    assert left(lambda x, mask: [activate(batch_norm_train(x, None, None, EPSILON)[1], "relu")]) == 1


@pytest.mark.parametrize(("activation", "fields"), ACTIVATIONS)
def test_an_activation_behind_given_statistics(activation: str, fields: dict[str, float]) -> None:
    inputs = chosen(("gamma", "beta"), 2, 3, 5)
    state = {"mean": np.linspace(2, 4, 5), "variance": np.linspace(0.1, 2, 5)}

    def build(x, mean, variance, gamma, beta):
        y = batch_norm_infer(x, gamma, beta, mean, variance, EPSILON)
        return activate(y, activation, **fields), x

    def plain(y):
        return activate(y, activation, **fields)

    z, _ = evaluate(build, inputs, state)
    (expected,) = evaluate(plain, {"y": normalized(inputs["x"], **state, w=inputs)})
    np.testing.assert_allclose(z, expected, atol=1e-12)
    check_gradients(lambda **v: build(**v)[0], inputs, state=state)
    graph = Graph()
    x, row = graph.input("x", (4, 3)), graph.input("row", (3,))
    z = plain(batch_norm_infer(x, None, None, row, row, EPSILON))
    fuse(graph, [z])
    assert [type(node.op).__name__ for node in graph.nodes] == ["FrozenBatchNorm"]
    fuse(graph, [activate(z, "silu")])
    assert [type(node.op).__name__ for node in graph.nodes] == ["FrozenBatchNorm", "Activation"]


def test_moving_average() -> None:
    state = {"moving": np.array([1.0, 2.0, -3.0])}

    def build(x, moving):
        update_moving(moving, x, 0.9)
        return x

    evaluate(build, {"x": np.array([11.0, 2.0, 7.0])}, state)
    np.testing.assert_allclose(state["moving"], [2.0, 2.0, -2.0])


@pytest.mark.parametrize("names", CHOICES)
@pytest.mark.parametrize("shape", [(7, 5), (2, 3, 20), (1, 1)])
def test_layer_norm(shape: tuple[int, ...], names: tuple[str, ...]) -> None:
    inputs = chosen(names, *shape)

    def build(x, gamma=None, beta=None):
        return layer_norm(x, gamma, beta, EPSILON)

    (y,) = evaluate(build, inputs)
    x = inputs["x"]
    expected = normalized(x, x.mean(-1, keepdims=True), x.var(-1, keepdims=True), inputs)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    check_gradients(build, inputs)


def mean_of_rows(numbers: Value, table: Value) -> Value:
    return global_average_pool(embedding(numbers, table))


def with_gradient(made: Callable[[Value], list[Value]]) -> tuple[list[str], list[np.ndarray]]:
    """The ops that look rows of a table up, and what comes out: of `made(rows)`, and its sum's gradient."""
    graph = Graph()
    numbers, table = graph.input("numbers", (3, 2, 7), "int64"), graph.variable("table", (11, 5))
    outs = made(embedding(numbers, table))
    (gradient,) = gradients(sum_of_squares(outs[0]), [table])
    assert gradient is not None
    named = {str(i): value for i, value in enumerate([*outs, gradient])}
    compiled = compile_graph(graph, named, threads=1)
    rng = np.random.default_rng(6)
    state = {"table": rng.standard_normal((11, 5), np.float32)}
    program = bind(compiled, new_arena(compiled.plan.size), state)
    program.inputs["numbers"][...] = rng.integers(0, 11, (3, 2, 7))
    program.run()
    found = [type(node.op).__name__ for node in compiled.graph.nodes]
    return [name for name in found if name.startswith("Embedding")], [*map(np.copy, program.outputs.values())]


def test_the_mean_of_looked_up_rows_is_one_op_where_nobody_else_reads_them() -> None:
    """The same bits as where they are read."""
    ops, fused = with_gradient(lambda rows: [global_average_pool(rows)])
    assert ops == ["EmbeddingMean", "EmbeddingGrad"]
    ops, kept = with_gradient(lambda rows: [global_average_pool(rows), rows])
    assert ops == ["Embedding", "EmbeddingGrad"]
    np.testing.assert_array_equal(fused[0], kept[0])
    np.testing.assert_array_equal(fused[-1], kept[-1])
    assert np.abs(kept[-1]).max() > 0


def test_only_repeated_rows_are_added_once() -> None:
    """Rows that are repeated and scaled, or along another axis, are not those of the gradient."""
    for shape, first, scale, absorbed in [
        ((3, 4, 5), 1, 1.0, True),
        ((3, 4, 5), 1, 0.5, False),
        ((3, 4, 5), 0, 1.0, False),
    ]:
        graph = Graph()
        narrow = graph.input("dy", (*shape[:first], *shape[first + 1 :]))
        dy = graph.add1(Spread(shape, first, first, scale), narrow)
        y = graph.add1(EmbeddingGrad((7, 5)), dy, graph.input("numbers", (3, 4), "int64"))
        run_passes(graph, [y])
        assert len(graph.nodes) == 2 - absorbed
        if absorbed:
            assert y.node is not None
            assert y.node.inputs[0] is narrow


@pytest.mark.parametrize("dtype", ["int64", "int32", "float64"])
def test_embedding(dtype: str) -> None:
    numbers = np.array([[3, 0, 3], [1, 1, 3]]).astype(dtype)
    table = np.random.default_rng(5).standard_normal((5, 4))
    inputs = {"numbers": numbers, "table": table}
    (y,) = evaluate(lambda numbers, table: embedding(numbers, table), inputs)
    np.testing.assert_array_equal(y, table[numbers.astype(int)])
    check_gradients(lambda numbers, table: embedding(numbers, table), inputs, wrt=["table"])
    check_gradients(mean_of_rows, inputs, wrt=["table"])
    (mask,) = evaluate(lambda numbers: not_equal(numbers, 0), {"numbers": numbers})
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, numbers != 0)
