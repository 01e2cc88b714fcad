"""Convolution kernels against a plain oracle, and their bits on other CPUs and thread counts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnctl.kernels.convolution import gather, pack_panels
from nnctl.kernels.convolution_gradient import weight_gradient as weight_gradient_kernel
from nnctl.kernels.convolution_plan import TICKETS, Geometry, forward, input_gradient
from nnctl.kernels.pooling import average_pool, average_pool_gradient
from nnctl.kernels.pooling_plan import Windows, table
from nnctl.kernels.weight_gradient_plan import weight_gradient
from tests.kernels import convolution_oracle as oracle

CASES = {
    "plain": Geometry(2, 7, 9, 3, 5, (3, 2), (1, 1), (1, 1), 0, 0, 5, 8),
    "padded, filters past two panels": Geometry(3, 7, 9, 4, 70, (3, 3), (1, 1), (1, 1), 1, 1, 7, 9),
    "one vector and a rest": Geometry(2, 6, 5, 5, 21, (2, 2), (1, 1), (1, 1), 0, 0, 5, 4),
    "stride, groups": Geometry(1, 8, 5, 4, 6, (2, 3), (2, 3), (1, 1), 0, 0, 4, 2, 2),
    "dilated, one channel and filter": Geometry(2, 9, 8, 1, 1, (3, 3), (1, 1), (2, 1), 2, 1, 9, 8),
    "one pixel kernel": Geometry(2, 9, 11, 6, 40, (1, 1), (1, 1), (1, 1), 0, 0, 9, 11),
    "stride above the kernel": Geometry(2, 9, 11, 6, 9, (2, 1), (3, 4), (1, 1), 0, 0, 3, 3, 3),
    "one pixel kernel, stride": Geometry(2, 7, 6, 3, 16, (1, 1), (2, 3), (1, 1), 0, 0, 4, 2),
    "causal along the width": Geometry(2, 1, 30, 3, 17, (1, 4), (1, 1), (1, 2), 0, 6, 1, 30),
    "along the width, stride": Geometry(3, 1, 23, 5, 8, (1, 3), (1, 2), (1, 1), 0, 1, 1, 12),
    "one output pixel": Geometry(1, 3, 2, 2, 3, (3, 2), (1, 1), (1, 1), 0, 0, 1, 1),
    "depthwise": Geometry(2, 10, 12, 4, 4, (3, 3), (1, 1), (2, 3), 2, 3, 10, 12, 4),
    "asymmetric padding, blocks of rows": Geometry(2, 20, 40, 17, 36, (3, 3), (2, 2), (1, 1), 0, 0, 10, 20),
}


def _arrays(g: Geometry, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(7)
    shapes = [
        (g.batch, g.height, g.width, g.channels),
        (*g.kernel, g.channels // g.groups, g.filters),
        (g.filters,),
        (g.batch, g.out_height, g.out_width, g.filters),
    ]
    x, kernel, bias, dy = (random.standard_normal(shape).astype(dtype) for shape in shapes)
    return x, kernel, bias, dy


def _gather(plan, x, kernel, bias, relu, y, gate=None) -> None:
    panels = np.full(plan.panel_elements, np.nan, x.dtype)
    scratch = np.full(TICKETS, np.nan, x.dtype)
    pack_panels(kernel.ravel(), bias, plan.table, panels)
    gate = bias[:0] if gate is None else gate.ravel()
    gather(x.ravel(), panels, relu, plan.work, gate, plan.table, scratch, y.reshape(-1))


def _run(g: Geometry, dtype: str, relu: int = 0) -> list[np.ndarray]:
    """y, dx, dkernel, dbias by the kernels; every buffer starts as NaN."""
    x, kernel, bias, dy = _arrays(g, dtype)
    y, dx, dkernel, dbias = (np.full(a.shape, np.nan, dtype) for a in (dy, x, kernel, bias))
    _gather(forward(g, x.itemsize), x, kernel, bias, relu, y)
    _gather(input_gradient(g, x.itemsize), dy, kernel, bias[:0], 0, dx)
    plan = weight_gradient(g, x.itemsize)
    scratch = np.full(plan.scratch(2), np.nan, dtype)
    weight_gradient_kernel(x.ravel(), dy.ravel(), plan.work, plan.table, scratch, dkernel.reshape(-1), dbias)
    return [y, dx, dkernel, dbias]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_oracle(name: str, dtype: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = _arrays(g, dtype)
    expected = [oracle.convolve(x, kernel, bias, g), *oracle.gradients(x, kernel, dy, g)]
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for got, want in zip(_run(g, dtype), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max()))


def test_relu() -> None:
    g = CASES["one vector and a rest"]
    x, kernel, bias, _ = _arrays(g, "float32")
    want = np.maximum(oracle.convolve(x, kernel, bias, g), 0)
    np.testing.assert_allclose(_run(g, "float32", relu=1)[0], want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["plain", "padded, filters past two panels", "stride, groups"])
def test_gate(name: str) -> None:
    g = CASES[name]
    x, kernel, bias, dy = _arrays(g, "float32")
    gate, dx = x[..., ::-1].copy(), np.full(x.shape, np.nan, "float32")
    _gather(input_gradient(g, 4), dy, kernel, bias[:0], 0, dx, gate)
    np.testing.assert_array_equal(dx, np.where(gate > 0, _run(g, "float32")[1], 0))


def digest() -> str:
    """Hash of all results for some geometries; also run in other processes below."""
    import hashlib

    found = hashlib.sha256()
    for name in ("plain", "one vector and a rest", "causal along the width", "stride, groups"):
        for array in _run(CASES[name], "float32"):
            found.update(array.tobytes())
    threaded = Geometry(8, 20, 21, 5, 20, (3, 3), (1, 1), (1, 1), 1, 1, 20, 21)
    for array in _run(threaded, "float32"):
        found.update(array.tobytes())
    w = Windows(8, 20, 21, 20, (3, 2), (2, 1), 0, 1, 9, 22)
    y, dx = np.empty((8, 9, 22, 20), "float32"), np.empty((8, 20, 21, 20), "float32")
    average_pool(_run(threaded, "float32")[0].ravel(), table(w), y.reshape(-1))
    average_pool_gradient(y.ravel(), table(w), dx.reshape(-1))
    found.update(dx.tobytes())
    return found.hexdigest()


TARGETS = {
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "native, 1 thread": {"NUMBA_NUM_THREADS": "1"},
    "native, 3 threads": {"NUMBA_NUM_THREADS": "3"},
}


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(target: str) -> None:
    code = "from tests.kernels.test_convolution import digest; print(digest())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **TARGETS[target]},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1] == digest()
