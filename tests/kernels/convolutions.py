"""Convolutions by their sizes, with arrays of these, for the tests of their kernels."""

from __future__ import annotations

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


def run_gather(
    plan: Gather, x: Array, kernel: Array, bias: Array, relu: int, y: Array, gate: Array | None = None
) -> None:
    """One direction of a convolution; every buffer starts as NaN."""
    panels = np.full(plan.panel_elements, np.nan, x.dtype)
    scratch = np.full(TICKETS, np.nan, x.dtype)
    pack_panels(kernel.ravel(), bias, plan.table, panels)
    gate = bias[:0] if gate is None else gate.ravel()
    gather(x.ravel(), panels, relu, plan.work, gate, plan.table, scratch, y.reshape(-1))
