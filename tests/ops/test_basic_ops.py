"""Values against NumPy and gradients against finite differences of the elementary ops."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.keys import key
from nnctl.kernels import codes
from nnctl.ops import dropout, elementwise, linear, reduce, shape, softmax, sums
from nnctl.ops.base import Graph, TensorType
from tests.ops.harness import activate, check_gradients, evaluate

RNG = np.random.default_rng(3)


def normal(*sizes: int) -> np.ndarray:
    return RNG.standard_normal(sizes)


BINARY = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    inputs = {"x": normal(3, 5), "y": normal(3, 5) + 3.0}
    build = getattr(elementwise, name)
    (got,) = evaluate(lambda x, y: build(x, y), inputs)
    np.testing.assert_array_equal(got, BINARY[name](inputs["x"], inputs["y"]))
    check_gradients(lambda x, y: build(x, y), inputs)


@pytest.mark.parametrize("code", [codes.NEGATE, codes.ABSOLUTE, codes.SQUARE, codes.EXP])
def test_unary_gradients(code: int) -> None:
    check_gradients(lambda x: elementwise.unary(x, code), {"x": normal(4, 3) + 0.1})


@pytest.mark.parametrize("code", [codes.SQRT, codes.LOG])
def test_unary_gradients_of_positive(code: int) -> None:
    check_gradients(lambda x: elementwise.unary(x, code), {"x": np.abs(normal(4, 3)) + 0.5})


def test_row_and_numbers() -> None:
    inputs = {"x": normal(2, 3, 5), "row": normal(5)}
    (got,) = evaluate(lambda x, row: elementwise.add_row(x, row), inputs)
    np.testing.assert_array_equal(got, inputs["x"] + inputs["row"])
    check_gradients(lambda x, row: elementwise.add_row(x, row), inputs)
    check_gradients(lambda x, row: elementwise.multiply_row(x, row), inputs)
    check_gradients(lambda x: elementwise.affine(x, 2.5, -1.0), {"x": normal(7)})
    check_gradients(lambda x, f: reduce.scale_by(x, f), {"x": normal(7, 2), "f": normal(1)})


def test_softmax() -> None:
    x = normal(3, 2, 5)
    (got,) = evaluate(lambda x: softmax.softmax(x), {"x": x})
    e = np.exp(x - x.max(-1, keepdims=True))
    np.testing.assert_allclose(got, e / e.sum(-1, keepdims=True), rtol=1e-14)
    check_gradients(lambda x: softmax.softmax(x), {"x": x})
    check_gradients(lambda x: softmax.log_softmax(x), {"x": x})


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_reductions(axes: tuple[int, ...]) -> None:
    x = normal(4, 3, 7)
    (total,) = evaluate(lambda x: sums.sum_axes(x, axes), {"x": x})
    np.testing.assert_allclose(total, x.sum(axes), rtol=1e-13)
    check_gradients(lambda x: sums.sum_axes(x, axes), {"x": x})


def test_whole_sums() -> None:
    x = normal(3, 11)
    for build, want in (
        (reduce.sum_all, x.sum()),
        (reduce.sum_of_squares, (x * x).sum()),
        (reduce.sum_of_absolutes, np.abs(x).sum()),
    ):
        (got,) = evaluate(lambda x, build=build: build(x, 0.5), {"x": x})
        np.testing.assert_allclose(got, [0.5 * want], rtol=1e-14)
        check_gradients(lambda x, build=build: build(x, 0.5), {"x": x})


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_places_of_an_axis_apart_and_together(axis: int) -> None:
    x = np.random.default_rng(2).standard_normal((2, 3, 4))
    parts = evaluate(lambda x: shape.unstack(x, axis), {"x": x})
    assert len(parts) == x.shape[axis]
    for place, part in enumerate(parts):
        np.testing.assert_array_equal(part, x.take(place, axis))
    (same,) = evaluate(lambda x: shape.stack(shape.unstack(x, axis), axis), {"x": x})
    np.testing.assert_array_equal(same, x)
    check_gradients(lambda x: shape.stack(shape.unstack(x, axis)[::-1], 1), {"x": x})
    check_gradients(lambda x: shape.unstack(x, axis)[1], {"x": x})  # what is not read has no gradient


def test_rearranging() -> None:
    x, y = normal(2, 3, 4), normal(2, 5, 4)
    (got,) = evaluate(lambda x, y: shape.concatenate([x, y], 1), {"x": x, "y": y})
    np.testing.assert_array_equal(got, np.concatenate([x, y], 1))
    check_gradients(lambda x, y: shape.concatenate([x, y], 1), {"x": x, "y": y})
    check_gradients(lambda x: shape.slice_axis(x, 1, 1, 3), {"x": y})
    (got,) = evaluate(lambda x: shape.slice_axis(x, 1, 4, -1, -1), {"x": y})
    np.testing.assert_array_equal(got, y[:, ::-1])
    check_gradients(lambda x: shape.slice_axis(x, 1, 4, -1, -1), {"x": y})
    check_gradients(lambda x: shape.swap_axes(x, 1), {"x": x})
    (got,) = evaluate(lambda x: shape.broadcast_to(x, (2, 3, 4)), {"x": normal(2, 1, 4)})
    assert got.shape == (2, 3, 4)
    check_gradients(lambda x: shape.broadcast_to(x, (2, 3, 4)), {"x": normal(2, 1, 1)})
    check_gradients(lambda x: shape.reshape(x, (4, -1)), {"x": x})
    check_gradients(lambda x: shape.copy(x), {"x": x})


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_matmul(transpose_a: bool, transpose_b: bool) -> None:
    a = normal(7, 5) if transpose_a else normal(5, 7)
    b = normal(3, 7) if transpose_b else normal(7, 3)
    want = (a.T if transpose_a else a) @ (b.T if transpose_b else b)
    build = lambda a, b: linear.matmul(a, b, transpose_a, transpose_b)  # noqa: E731
    (got,) = evaluate(build, {"a": a, "b": b})
    np.testing.assert_allclose(got, want, rtol=1e-12)
    check_gradients(build, {"a": a, "b": b})


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize(
    ("front_a", "front_b"),
    [
        ((2,), (2,)),
        ((2, 1, 3), (4, 1)),
        ((), (3,)),
        ((3,), ()),
        ((1, 2), (3, 1)),
        ((1,), (1,)),
        ((2, 1), (1,)),
    ],
)
def test_matmul_of_any_rank(
    front_a: tuple[int, ...], front_b: tuple[int, ...], transpose_a: bool, transpose_b: bool
) -> None:
    a = normal(*front_a, *((4, 2) if transpose_a else (2, 4)))
    b = normal(*front_b, *((3, 4) if transpose_b else (4, 3)))
    want = (a.swapaxes(-1, -2) if transpose_a else a) @ (b.swapaxes(-1, -2) if transpose_b else b)
    build = lambda a, b: linear.matmul(a, b, transpose_a, transpose_b)  # noqa: E731
    (got,) = evaluate(build, {"a": a, "b": b})
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-12)
    check_gradients(build, {"a": a, "b": b})


@pytest.mark.parametrize(
    ("a", "b"), [((2, 3, 0), (2, 0, 4)), ((0, 3, 2), (2, 4)), ((2, 0, 3), (3, 4)), ((2, 3, 1), (1, 1, 1))]
)
def test_matmul_of_nothing_and_of_single_numbers(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = normal(*a), normal(*b)
    (got,) = evaluate(linear.matmul, {"a": x, "b": y})
    np.testing.assert_array_equal(got, x @ y)
    check_gradients(linear.matmul, {"a": x, "b": y})


def test_matmul_of_what_does_not_fit() -> None:
    graph = Graph()
    for a, b in (((2, 3), (2, 3)), ((4, 2, 3), (5, 3, 2)), ((3,), (3, 2)), ((3, 2), (2,))):
        with pytest.raises(ValueError):
            linear.matmul(graph.input(f"a{a}", a), graph.input(f"b{b}", b))


def test_a_row_has_the_kernel_for_it() -> None:
    """One product of one row with a matrix as it lies; several, and transposed ones, have the other."""
    shapes = {"row": (1, 7), "rows": (2, 7), "matrix": (7, 5), "turned": (5, 7), "stack": (2, 1, 7)}
    arrays = {name: normal(*sizes) for name, sizes in shapes.items()}

    def kernel(a: str, b: str, turned: bool = False) -> str:
        op = linear.MatMul(transpose_b=turned)
        types = [TensorType(arrays[name].shape, "float64") for name in (a, b)]
        outputs = [np.zeros(t.shape) for t in op.infer(*types)]
        scratch = np.zeros(op.scratch(types, [], 1), "u1")
        return op.calls([arrays[a], arrays[b]], outputs, scratch, 1)[0].kernel

    assert kernel("row", "matrix") == "row_product.row_product"
    for others in (("rows", "matrix"), ("stack", "matrix"), ("row", "turned", True)):
        assert kernel(*others) == "matmul.matmul"


def test_matmul_counts_every_product() -> None:
    graph = Graph()
    y = linear.matmul(graph.input("a", (5, 1, 2, 3)), graph.input("b", (4, 3, 7)))
    assert y.node is not None
    inputs = [v.type for v in y.node.inputs]
    assert y.node.op.flops(inputs, [y.type]) == 2 * 5 * 4 * 2 * 3 * 7


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_many_products_with_activation(name: str) -> None:
    inputs = {"x": normal(2, 3, 5), "w": normal(2, 5, 4), "v": normal(1, 4, 2)}
    build = lambda x, w, v: linear.matmul(activate(linear.matmul(x, w), name), v)  # noqa: E731
    check_gradients(build, inputs)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [((2, 3), (2, 3)), ((2, 3), (3,)), ((4, 2, 3, 5), (2, 1, 5)), ((2, 3, 4), ()), ((2, 3, 4), (1, 3, 1))],
)
def test_sum_to_is_the_transpose_of_broadcasting(wide: tuple[int, ...], narrow: tuple[int, ...]) -> None:
    x = normal(*wide)
    axes = tuple(i for i, n in enumerate((1,) * (len(wide) - len(narrow)) + narrow) if n != wide[i])
    (got,) = evaluate(lambda x: reduce.sum_to(x, narrow), {"x": x})
    np.testing.assert_allclose(got, x.sum(axes).reshape(narrow), rtol=1e-12)
    check_gradients(lambda x: reduce.sum_to(x, narrow), {"x": x})


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
def test_linear_with_activation(name: str) -> None:
    inputs = {"x": normal(2, 3, 5), "w": normal(5, 4), "b": normal(4), "v": normal(4, 2)}

    def build(x, w, b, v):  # type: ignore[no-untyped-def]
        return linear.linear(activate(linear.linear(x, w, b), name), v)

    check_gradients(build, inputs)


def test_dropout_scales_and_counts() -> None:
    x = np.ones((50, 41))
    step = np.array([7], np.uint64)
    build = lambda x, step: dropout.dropout(x, 0.3, key(1, "d"), step)  # noqa: E731
    (first,) = evaluate(build, {"x": x, "step": step})
    (again,) = evaluate(build, {"x": x, "step": step})
    (other,) = evaluate(build, {"x": x, "step": step + 1})
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert set(np.unique(first)) <= {0.0, 1 / 0.7}
    assert abs((first == 0).mean() - 0.3) < 0.03
    check_gradients(build, {"x": normal(4, 5), "step": step})
    check_gradients(
        lambda x, step: dropout.dropout(x, 0.3, key(1, "d"), step, (4, 1, 3)),
        {"x": normal(4, 5, 3), "step": step},
    )
