"""Convolutions by their sizes, with arrays of these, and their bits elsewhere, for the tests of their kernels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution import gather, pack_panels
from nnctl.kernels.convolution_plan import TICKETS, Gather, Geometry


def sized(
    batch: int, sizes: tuple[int, ...], channels: int, filters: int, kernel: tuple[int, ...],
    strides: tuple[int, ...], dilation: tuple[int, ...], before: tuple[int, ...], outs: tuple[int, ...],
    groups: int = 1,
) -> Geometry:  # fmt: skip
    axes = zip(sizes, outs, kernel, strides, dilation, before, strict=True)
    return Geometry(batch, channels, filters, tuple(Axis(*axis) for axis in axes), groups)


def arrays(g: Geometry, dtype: str) -> tuple[Array, Array, Array, Array]:
    """x, kernel, bias, dy."""
    random = np.random.default_rng(7)
    shapes = [
        (g.batch, *g.sizes, g.channels),
        (*g.kernel, g.channels // g.groups, g.filters),
        (g.filters,),
        (g.batch, *g.outs, g.filters),
    ]
    x, kernel, bias, dy = (random.standard_normal(shape).astype(dtype) for shape in shapes)
    return x, kernel, bias, dy


RELU = (0.0, np.inf)
RELU6 = (0.0, 6.0)


def run_gather(
    plan: Gather,
    x: Array,
    kernel: Array,
    bias: Array,
    bounds: tuple[float, ...],
    y: Array,
    gate: Array | None = None,
) -> None:
    """One direction of a convolution; every buffer starts as NaN."""
    panels = np.full(plan.kernel_elements, np.nan, x.dtype)
    scratch = np.full(TICKETS, np.nan, x.dtype)
    pack_panels(kernel.ravel(), bias, plan.table, panels)
    gate = bias[:0] if gate is None else gate.ravel()
    gather(x.ravel(), panels, np.array(bounds, x.dtype), plan.work, gate, plan.table, scratch, y.reshape(-1))


TARGETS = {
    "haswell": {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    "generic": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
    "native, 1 thread": {"NUMBA_NUM_THREADS": "1"},
    "native, 3 threads": {"NUMBA_NUM_THREADS": "3"},
}


def digest_elsewhere(module: str, target: str) -> str:
    """What `digest()` of a module of tests gives in a process for another CPU or number of threads."""
    done = subprocess.run(
        [sys.executable, "-c", f"from {module} import digest; print(digest())"],
        env={**os.environ, **TARGETS[target]},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()[-1]
