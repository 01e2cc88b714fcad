"""Images whose shades are changed by how frequent they are; no gradient passes."""

from __future__ import annotations

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.ops.base import Arrays, Calls, KernelCall, Op, Types, Value


@record
class Equalize(Op):
    """The shades of each channel of x (B, H, W, C), of all images, by how frequent lesser ones are."""

    low: float
    high: float
    bins: int

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return 16 * self.bins

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        shape = (-1, inputs[0].shape[-1])
        counts = scratch[: 8 * self.bins].view(np.int64)
        table = scratch[8 * self.bins : 16 * self.bins].view(inputs[0].dtype)[: self.bins]
        args = (inputs[0].reshape(shape), self.low, self.high, counts, table, outputs[0].reshape(shape))
        return (KernelCall("histograms.equalize", args),)


@record
class EqualizeTiles(Op):
    """The shades of each channel of each image x (B, H, W, C) by how frequent lesser ones are nearby."""

    low: float
    high: float
    limit: float
    grid: tuple[int, int]

    def _elements(self) -> int:
        return self.grid[0] * self.grid[1] * 256

    def scratch(self, inputs: Types, outputs: Types, threads: int) -> int:
        return self._elements() * np.dtype(inputs[0].dtype).itemsize

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        (x,) = inputs
        tables = scratch.view(x.dtype)[: self._elements()].reshape(*self.grid, 256)
        args = (x, self.low, self.high, self.limit, tables, outputs[0])
        return (KernelCall("histograms.equalize_tiles", args),)


def equalize(x: Value, low: float, high: float, bins: int) -> Value:
    """x (B, H, W, C), between low and high, with its shades equally frequent in each channel of the batch."""
    return x.graph.add1(Equalize(low, high, bins), x)


def equalize_tiles(x: Value, low: float, high: float, limit: float, grid: tuple[int, int]) -> Value:
    """x (B, H, W, C) with its shades equally frequent around each pixel, in `grid` tiles of each image.

    No shade counts more than `limit` times as often as if all were equally frequent; 0 is no limit.
    """
    return x.graph.add1(EqualizeTiles(low, high, limit, grid), x)
