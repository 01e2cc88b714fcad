"""Convolution kernels against a plain oracle, and their bits on other CPUs and thread counts."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels import convolution_plan, weight_gradient_plan
from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_gradient import weight_gradient as weight_gradient_kernel
from nnctl.kernels.convolution_plan import Geometry, forward, input_gradient
from nnctl.kernels.pooling import average_pool, average_pool_gradient
from nnctl.kernels.pooling_plan import Windows, table
from nnctl.kernels.weight_gradient_plan import weight_gradient
from tests.kernels import convolution_oracle as oracle
from tests.kernels.convolutions import RELU, RELU6, TARGETS, arrays, digest_elsewhere, run_gather, sized

CASES = {
    "plain": sized(2, (7, 9), 3, 5, (3, 2), (1, 1), (1, 1), (0, 0), (5, 8)),
    "padded, filters past two panels": sized(3, (7, 9), 4, 70, (3, 3), (1, 1), (1, 1), (1, 1), (7, 9)),
    "one vector and a rest": sized(2, (6, 5), 5, 21, (2, 2), (1, 1), (1, 1), (0, 0), (5, 4)),
    "stride, groups": sized(1, (8, 5), 4, 6, (2, 3), (2, 3), (1, 1), (0, 0), (4, 2), 2),
    "dilated, one channel and filter": sized(2, (9, 8), 1, 1, (3, 3), (1, 1), (2, 1), (2, 1), (9, 8)),
    "one pixel kernel": sized(2, (9, 11), 6, 40, (1, 1), (1, 1), (1, 1), (0, 0), (9, 11)),
    "stride above the kernel": sized(2, (9, 11), 6, 9, (2, 1), (3, 4), (1, 1), (0, 0), (3, 3), 3),
    "one pixel kernel, stride": sized(2, (7, 6), 3, 16, (1, 1), (2, 3), (1, 1), (0, 0), (4, 2)),
    "causal along the width": sized(2, (1, 30), 3, 17, (1, 4), (1, 1), (1, 2), (0, 6), (1, 30)),
    "along the width, stride": sized(3, (1, 23), 5, 8, (1, 3), (1, 2), (1, 1), (0, 1), (1, 12)),
    "one output pixel": sized(1, (3, 2), 2, 3, (3, 2), (1, 1), (1, 1), (0, 0), (1, 1)),
    "depthwise": sized(2, (10, 12), 4, 4, (3, 3), (1, 1), (2, 3), (2, 3), (10, 12), 4),
    "one axis": sized(3, (11,), 5, 9, (3,), (2,), (1,), (1,), (6,)),
    "one axis, causal, past two panels": sized(2, (30,), 3, 70, (4,), (1,), (2,), (6,), (30,)),
    "three axes": sized(2, (4, 5, 6), 3, 7, (2, 3, 2), (1, 1, 1), (1, 1, 1), (0, 0, 0), (3, 3, 5)),
    "three axes, padded": sized(2, (5, 4, 7), 4, 33, (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), (5, 4, 7)),
    "three axes, stride, groups": sized(
        1, (7, 6, 5), 4, 6, (2, 3, 1), (2, 1, 3), (1,) * 3, (1, 0, 0), (4, 4, 2), 2
    ),
    "three axes, dilated": sized(2, (6, 5, 9), 2, 3, (2, 2, 3), (1, 1, 1), (3, 2, 1), (0, 1, 2), (3, 5, 9)),
    "three axes, the last alone padded": sized(
        2, (3, 4, 8), 2, 5, (1, 2, 3), (1,) * 3, (1,) * 3, (0, 0, 1), (3, 3, 8)
    ),
    "three axes, one place": sized(2, (1, 6, 7), 3, 5, (1, 2, 2), (1,) * 3, (1,) * 3, (0, 0, 1), (1, 5, 7)),
    "three axes, blocks": sized(
        1, (20, 12, 10), 16, 36, (3, 3, 3), (2, 1, 2), (1,) * 3, (0, 1, 0), (10, 12, 5)
    ),
    "three axes, out of one": sized(3, (4, 6, 5), 3, 5, (2, 3, 5), (2, 1, 1), (1,) * 3, (0, 1, 0), (2, 6, 1)),
    "one row, a kernel of two": sized(2, (1, 6), 3, 4, (2, 2), (1, 1), (1, 1), (0, 0), (1, 5)),
    "three axes, a row in one run": sized(
        2, (6, 4, 5), 3, 7, (2, 1, 1), (2, 1, 1), (1,) * 3, (0, 0, 0), (3, 4, 5)
    ),
    "three axes, all in one run": sized(
        3, (4, 3, 5), 2, 9, (1, 1, 1), (1, 1, 1), (1,) * 3, (0, 0, 0), (4, 3, 5)
    ),
    "three axes, one line": sized(2, (4, 3, 6), 2, 5, (2, 3, 1), (1, 1, 1), (1,) * 3, (0, 0, 0), (3, 1, 6)),
    "asymmetric padding, blocks of rows": sized(
        2, (20, 40), 17, 36, (3, 3), (2, 2), (1, 1), (0, 0), (10, 20)
    ),
}


def _run(g: Geometry, dtype: str, bounds: tuple[float, ...] = ()) -> list[np.ndarray]:
    """y, dx, dkernel, dbias by the kernels; every buffer starts as NaN."""
    x, kernel, bias, dy = arrays(g, dtype)
    y, dx, dkernel, dbias = (np.full(a.shape, np.nan, dtype) for a in (dy, x, kernel, bias))
    run_gather(forward(g, x.itemsize), x, kernel, bias, bounds, y)
    run_gather(input_gradient(g, x.itemsize), dy, kernel, bias[:0], (), dx)
    plan = weight_gradient(g, x.itemsize)
    scratch = np.full(plan.scratch(2), np.nan, dtype)
    weight_gradient_kernel(x.ravel(), dy.ravel(), plan.work, plan.table, scratch, dkernel.reshape(-1), dbias)
    return [y, dx, dkernel, dbias]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_oracle(name: str, dtype: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = arrays(g, dtype)
    expected = [oracle.convolve(x, kernel, bias, g), *oracle.gradients(x, kernel, dy, g)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for got, want in zip(_run(g, dtype), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max()))


@pytest.mark.parametrize("bounds", [RELU, RELU6, (-1.5, 0.25)])
def test_bounds(bounds: tuple[float, float]) -> None:
    g = CASES["one vector and a rest"]
    x, kernel, bias, _ = arrays(g, "float32")
    free = _run(g, "float32")[0]
    assert free.min() < bounds[0]
    assert free.max() > min(bounds[1], 6)
    np.testing.assert_array_equal(_run(g, "float32", bounds)[0], np.clip(free, *bounds))
    x[0] = np.nan
    y = np.zeros(free.shape, "float32")
    run_gather(forward(g, 4), x, kernel, bias, bounds, y)
    assert np.isnan(y[0]).all()
    np.testing.assert_array_equal(y[1:], np.clip(free[1:], *bounds))


@pytest.mark.parametrize("name", ["plain", "padded, filters past two panels", "stride, groups"])
def test_gate(name: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = arrays(g, "float32")
    gate, dx = x[..., ::-1].copy(), np.full(x.shape, np.nan, "float32")
    run_gather(input_gradient(g, 4), dy, kernel, bias[:0], (), dx, gate)
    np.testing.assert_array_equal(dx, np.where(gate > 0, _run(g, "float32")[1], 0))


def test_rows_of_a_small_image_are_shared_out_where_there_is_much_to_do() -> None:
    def rows(batch: int, filters: int) -> int:
        g = sized(batch, (8, 8), 128, filters, (1, 1), (1, 1), (1, 1), (0, 0), (8, 8))
        return int(forward(g, 4).table[convolution_plan.AT.block_rows])

    assert [rows(1, 128), rows(1, 129), rows(2, 129)] == [8, 4, 8]


@pytest.mark.parametrize(("filters", "chunk"), [(70, convolution_plan.CHUNK), (96, 2 * 9 * 11)])
def test_pixels_in_chunks(filters: int, chunk: int) -> None:
    """All columns of a chunk of pixels come first where their panels are small: the bits are the same."""
    g = sized(8, (9, 11), 40, filters, (3, 3), (1, 1), (1, 1), (1, 1), (9, 11), 1)
    x, kernel, bias, _ = arrays(g, "float32")
    plan = forward(g, 4)
    assert plan.table[convolution_plan.AT.chunk] == chunk
    found = []
    for pixels in (chunk, 7, 24, 1000):
        plan.table[convolution_plan.AT.chunk] = pixels
        y = np.full((8, 9, 11, filters), np.nan, "float32")
        run_gather(plan, x, kernel, bias, (), y)
        found.append(y)
    np.testing.assert_allclose(found[0], oracle.convolve(x, kernel, bias, g), rtol=2e-5, atol=1e-4)
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize(
    "g",
    [
        sized(9, (16, 17), 11, 70, (1, 1), (1, 1), (1, 1), (0, 0), (16, 17)),
        sized(9, (5, 7), 40, 20, (1, 1), (1, 1), (1, 1), (0, 0), (5, 7)),
        sized(5, (33, 20), 4, 18, (3, 3), (2, 1), (1, 1), (1, 1), (17, 20), 2),
        sized(2, (600,), 3, 33, (4,), (1,), (1,), (0,), (597,)),
    ],
    ids=["merged, long", "merged, short", "rows", "one axis"],
)
def test_pixels_of_the_kernels_gradient_in_chunks(g: Geometry) -> None:
    """A sum goes on from one chunk of pixels to the next: the bits are the same however long they are."""
    x, kernel, bias, dy = arrays(g, "float32")
    plan = weight_gradient(g, 4)
    assert plan.table[weight_gradient_plan.AT.chunk] == 128
    found = []
    for pixels in (128, 1, 7, 50, 100_000):
        plan.table[weight_gradient_plan.AT.chunk] = pixels
        made = [np.full(a.shape, np.nan, "float32") for a in (kernel, bias)]
        scratch = np.full(plan.scratch(2), np.nan, "float32")
        flat = [a.reshape(-1) for a in made]
        weight_gradient_kernel(x.ravel(), dy.ravel(), plan.work, plan.table, scratch, *flat)
        found.append(made)
    for got, want in zip(found[0], oracle.gradients(x, kernel, dy, g)[1:], strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5 * abs(want).max())
    for other in found[1:]:
        for got, want in zip(other, found[0], strict=True):
            np.testing.assert_array_equal(got, want)


def digest() -> str:
    """Hash of all results for some geometries; also run in other processes below."""
    import hashlib

    found = hashlib.sha256()
    for name in (
        "plain", "one vector and a rest", "causal along the width", "stride, groups", "three axes, padded",
    ):  # fmt: skip
        for array in _run(CASES[name], "float32"):
            found.update(array.tobytes())
    threaded = sized(8, (20, 21), 5, 20, (3, 3), (1, 1), (1, 1), (1, 1), (20, 21))
    for array in _run(threaded, "float32"):
        found.update(array.tobytes())
    w = Windows(8, 20, Axis(20, 9, 3, 2), Axis(21, 22, 2, 1, before=1))
    y, dx = np.empty((8, 9, 22, 20), "float32"), np.empty((8, 20, 21, 20), "float32")
    average_pool(_run(threaded, "float32")[0].ravel(), table(w), y.reshape(-1))
    average_pool_gradient(y.ravel(), table(w), dx.reshape(-1))
    found.update(dx.tobytes())
    return found.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(target: str) -> None:
    assert digest_elsewhere(__name__, target) == digest()


def test_headers_are_read_by_the_names_they_are_built_by() -> None:
    """A name that stood for another number would be misread in silence: here all differ."""
    g = sized(3, (8, 10, 11), 14, 22, (2, 3, 4), (1, 2, 1), (2, 1, 1), (1, 2, 3), (7, 6, 12), 2)
    table = forward(g, 4).table
    at = convolution_plan.AT
    expected = {
        "batch": 3, "source_size": 8 * 10 * 11 * 14, "out_size": 7 * 6 * 12 * 22, "groups": 2, "length": 7,
        "columns": 11, "depth": 2 * 3 * 4 * 7, "filters": 22, "transposed": 0,
    }  # fmt: skip
    assert {name: table[getattr(at, name)] for name in expected} == expected
    table = weight_gradient(g, 4).table
    of = weight_gradient_plan.AT
    expected = {
        "batch": 3, "image": 8 * 10 * 11 * 14, "sheets": 8, "height": 10, "line": 11 * 14, "before_row": 1,
        "before_sheet": 2, "before_line": 3 * 14, "padded_height": 13, "padded_line": 15 * 14,
        "row": 13 * 15 * 14, "extent": 3, "step": 1, "padded": 1, "out_rows": 7, "row_pixels": 6 * 12,
        "filters": 22, "groups": 2, "group_channels": 7, "group_filters": 11, "depth": 2 * 3 * 4 * 7,
        "row_runs": 6, "run_pixels": 12, "pixel_step": 14, "merged": 0,
    }  # fmt: skip
    assert {name: table[getattr(of, name)] for name in expected} == expected
    plain = weight_gradient(CASES["three axes"], 4).table
    assert (plain[of.padded], plain[of.x_elements], plain[of.padded_line]) == (0, 0, plain[of.line])
    for header in (convolution_plan.Header, convolution_plan.Record, weight_gradient_plan.Header):
        with pytest.raises(TypeError, match="missing"):
            header(**dict.fromkeys(header._fields[1:], 0))
