"""Depthwise kernels against a plain oracle, and beside the kernels of any convolution."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.kernels import depthwise_plan
from nnctl.kernels.convolution_plan import Geometry, forward, input_gradient
from nnctl.kernels.depthwise import sums, weight_gradient
from tests.kernels import convolution_oracle as oracle
from tests.kernels.convolutions import RELU, RELU6, TARGETS, arrays, digest_elsewhere, run_gather, sized


def depthwise(
    batch: int, sizes: tuple[int, ...], channels: int, kernel: tuple[int, ...], strides: tuple[int, ...],
    dilation: tuple[int, ...], before: tuple[int, ...], outs: tuple[int, ...],
) -> Geometry:  # fmt: skip
    return sized(batch, sizes, channels, channels, kernel, strides, dilation, before, outs, channels)


CASES = {
    "plain": depthwise(2, (7, 9), 5, (3, 2), (1, 1), (1, 1), (0, 0), (5, 8)),
    "padded, a vector and a rest": depthwise(3, (7, 12), 37, (3, 3), (1, 1), (1, 1), (1, 1), (7, 12)),
    "one image, stride": depthwise(1, (9, 11), 33, (3, 5), (2, 2), (1, 1), (1, 2), (5, 6)),
    "dilated": depthwise(2, (10, 12), 4, (3, 3), (1, 1), (2, 3), (2, 3), (10, 12)),
    "dilated beyond the image": depthwise(2, (5, 4), 3, (3, 3), (1, 1), (4, 3), (4, 3), (5, 4)),
    "a kernel larger than the image": depthwise(2, (2, 3), 17, (5, 7), (1, 1), (1, 1), (2, 3), (2, 3)),
    "larger, with a stride": depthwise(2, (3, 2), 17, (5, 4), (2, 3), (1, 1), (2, 2), (2, 1)),
    "stride above the kernel": depthwise(2, (9, 11), 6, (2, 1), (3, 4), (1, 1), (0, 0), (3, 3)),
    "unequal padding": depthwise(2, (8, 6), 16, (4, 4), (1, 1), (1, 1), (0, 2), (6, 6)),
    "one axis, causal": depthwise(3, (30,), 21, (4,), (1,), (2,), (6,), (30,)),
    "one axis, stride": depthwise(2, (11,), 5, (3,), (2,), (1,), (1,), (6,)),
    "more rows than parts": depthwise(5, (9, 40), 8, (3, 3), (1, 1), (1, 1), (1, 1), (9, 40)),
}


def run(g: Geometry, dtype: str, bounds: tuple[float, ...] = (), gate: Array | None = None) -> list[Array]:
    """y, dx, dkernel, dbias by the kernels; every buffer starts as NaN."""
    x, kernel, bias, dy = arrays(g, dtype)
    none, weights = bias[:0], kernel.ravel()
    y, dx, dkernel, dbias = (np.full(a.shape, np.nan, dtype) for a in (dy, x, kernel, bias))
    table, back = depthwise_plan.forward(g).table, depthwise_plan.input_gradient(g).table
    sums(x.ravel(), weights, bias, np.array(bounds, dtype), g.work, none, table, y.reshape(-1))
    open_ = none if gate is None else gate.ravel()
    sums(dy.ravel(), weights, none, none, g.work, open_, back, dx.reshape(-1))
    plan = depthwise_plan.weight_gradient(g)
    scratch = np.full(plan.elements, np.nan, dtype)
    weight_gradient(
        x.ravel(), dy.ravel(), plan.work, plan.table, plan.parts, scratch, dkernel.reshape(-1), dbias
    )
    return [y, dx, dkernel, dbias]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_oracle(name: str, dtype: str) -> None:
    g = CASES[name]
    assert depthwise_plan.fits(g)
    x, kernel, bias, dy = arrays(g, dtype)
    expected = [oracle.convolve(x, kernel, bias, g), *oracle.gradients(x, kernel, dy, g)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for got, want in zip(run(g, dtype), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max()))


@pytest.mark.parametrize("bounds", [RELU, RELU6, (-0.5, 0.25)])
@pytest.mark.parametrize("name", CASES)
def test_bits_of_any_convolution(name: str, bounds: tuple[float, float]) -> None:
    """The order of sums is that of the kernels of all convolutions, forward and back to the input."""
    g = CASES[name]
    x, kernel, bias, dy = arrays(g, "float32")
    y, dx, *_ = run(g, "float32", bounds, gate=x[..., ::-1].copy())
    expected = np.full(y.shape, np.nan, "float32")
    run_gather(forward(g, 4), x, kernel, bias, bounds, expected)
    np.testing.assert_array_equal(y, expected)
    expected = np.full(dx.shape, np.nan, "float32")
    run_gather(input_gradient(g, 4), dy, kernel, bias[:0], (), expected, x[..., ::-1].copy())
    np.testing.assert_array_equal(dx, expected)


def test_what_is_not_a_filter_for_each_channel() -> None:
    g = CASES["plain"]
    assert not depthwise_plan.fits(replace(g, filters=10))
    assert not depthwise_plan.fits(replace(g, groups=1))
    assert not depthwise_plan.fits(replace(g, channels=1, filters=1, groups=1))
    assert not depthwise_plan.fits(replace(g, axes=(*g.axes, g.axes[0])))
    both = replace(g.axes[0], stride=2, dilation=2)
    assert not depthwise_plan.fits(replace(g, axes=(both, g.axes[1])))


def test_a_nan_stays_in_its_channel() -> None:
    g = CASES["padded, a vector and a rest"]
    x, kernel, bias, _ = arrays(g, "float32")
    x[1, 3, 4, 35] = np.nan
    y = np.zeros((g.batch, *g.outs, g.filters), "float32")
    sums(
        x.ravel(), kernel.ravel(), bias, np.array(RELU6, "f4"), g.work, bias[:0],
        depthwise_plan.forward(g).table, y.reshape(-1),
    )  # fmt: skip
    expected = np.zeros(y.shape, bool)
    expected[1, 2:5, 3:6, 35] = True
    np.testing.assert_array_equal(np.isnan(y), expected)


def digest() -> str:
    """Hash of all results, of one convolution large enough for several threads, too."""
    found = hashlib.sha256()
    large = depthwise(8, (33, 40), 35, (3, 3), (1, 1), (1, 1), (1, 1), (33, 40))
    for g in (*CASES.values(), large):
        for array in run(g, "float32"):
            found.update(array.tobytes())
    return found.hexdigest()


SLOW = ("generic", "native, 1 thread")


@pytest.mark.parametrize(
    "target", [pytest.param(t, marks=[pytest.mark.slow] if t in SLOW else []) for t in TARGETS]
)
def test_same_bits(target: str) -> None:
    assert digest_elsewhere(__name__, target) == digest()
