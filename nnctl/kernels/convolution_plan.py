"""From the sizes of a convolution to the tables its kernels walk: plain integers, no arrays of data.

A convolution and its input gradient are the same computation, a *gather*: every output pixel
sums, over taps, a row of channels of a padded source times a weight matrix. They differ in
the tables alone. With a stride s the input gradient falls apart into s*s *phases*, each a
gather of stride 1 with the taps that reach it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]

VECTOR_BYTES = 64
TICKETS = 16  # elements at the start of a scratch that hold the counter of the next task
BLOCK_BYTES = 160 * 1024  # a block of source rows stays in the second-level cache
WORKERS = 16  # parallel iterations that draw blocks, so the most threads that help


@dataclass(frozen=True)
class Geometry:
    """The sizes of a 2-D convolution: x (B, H, W, C), kernel (KH, KW, C/groups, F), y (B, OH, OW, F).

    `top` and `left` are the zero rows and columns before the first; how many follow the last
    is said by `out_height` and `out_width`.
    """

    batch: int
    height: int
    width: int
    channels: int
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    top: int
    left: int
    out_height: int
    out_width: int
    groups: int = 1

    def turned(self) -> Geometry:
        """A convolution along the width alone, as one along the height: rows can be cut."""
        if not (self.height == self.out_height == self.kernel[0] == 1 and self.top == 0):
            return self
        return replace(
            self, height=self.width, width=1, out_height=self.out_width, out_width=1,
            kernel=self.kernel[::-1], stride=self.stride[::-1], dilation=self.dilation[::-1],
            top=self.left, left=0,
        )  # fmt: skip

    @property
    def depth(self) -> int:
        """Products summed for one output element: KH * KW * C/groups."""
        return self.kernel[0] * self.kernel[1] * self.channels // self.groups


class Phase(NamedTuple):
    """Output pixels (rows x columns) that share their taps."""

    rows: int
    columns: int
    out_at: int  # first pixel's element in the output image
    out_steps: tuple[int, int]  # elements from row to row, column to column
    taps: list[tuple[int, int, int]]  # (source row, source column, first weight row)


class Source(NamedTuple):
    """How an image is read: its sizes, the zeros around it, the step from output to source rows."""

    height: int
    width: int
    channels: int
    top: int
    left: int
    bottom: int
    right: int
    extent: int  # source rows under one output row
    step: tuple[int, int]

    @property
    def padded(self) -> bool:
        """Does any tap read outside the image?"""
        return max(self.top, self.left, self.bottom, self.right) > 0

    @property
    def row(self) -> int:
        """Elements of a row as the taps see it."""
        wide = self.left + self.width + self.right if self.padded else self.width
        return wide * self.channels


def forward_source(g: Geometry) -> Source:
    """How the input is read for the outputs and the kernel gradient."""
    extent = [(k - 1) * d + 1 for k, d in zip(g.kernel, g.dilation, strict=True)]
    bottom = (g.out_height - 1) * g.stride[0] + extent[0] - g.top - g.height
    right = (g.out_width - 1) * g.stride[1] + extent[1] - g.left - g.width
    return Source(g.height, g.width, g.channels, g.top, g.left, bottom, max(right, 0), extent[0], g.stride)


def forward_phases(g: Geometry, source: Source) -> list[Phase]:
    """All output pixels; a tap is a whole kernel row where its columns are neighbours."""
    per_group = g.channels // g.groups
    merged = g.dilation[1] == 1 and g.groups == 1
    columns = [0] if merged else range(g.kernel[1])
    taps = [
        (i * g.dilation[0], j * g.dilation[1], (i * g.kernel[1] + j) * per_group)
        for i in range(g.kernel[0])
        for j in columns
    ]
    return [Phase(g.out_height, g.out_width, 0, (g.out_width * g.filters, g.filters), taps)]


AxisTaps = list[list[tuple[int, int]]]


def _axis_taps(size: int, kernel: int, stride: int, dilation: int, before: int) -> AxisTaps:
    """For each phase of an axis: its (kernel index, offset of the output it reads)."""
    return [
        [
            (i, (q + before - i * dilation) // stride)
            for i in range(kernel)
            if (q + before - i * dilation) % stride == 0
        ]
        for q in range(min(stride, size))
    ]


def gradient_phases(g: Geometry) -> tuple[Source, list[Phase]]:
    """How the output's gradient is read for the gradient of the input, and its phases."""
    down = _axis_taps(g.height, g.kernel[0], g.stride[0], g.dilation[0], g.top)
    across = _axis_taps(g.width, g.kernel[1], g.stride[1], g.dilation[1], g.left)
    low, high, rows = _reach(down, g.height, g.stride[0])
    first, last, columns = _reach(across, g.width, g.stride[1])
    source = Source(
        g.out_height, g.out_width, g.filters, -low, max(-first, 0),
        rows - 1 + high - (g.out_height - 1), max(columns - 1 + last - (g.out_width - 1), 0),
        high - low + 1, (1, 1),
    )  # fmt: skip
    left = source.left if source.padded else 0
    per_group = g.channels // g.groups
    phases = []
    for p, row_taps in enumerate(down):
        for q, column_taps in enumerate(across):
            taps = [
                (e - low, f + left, (i * g.kernel[1] + j) * per_group)
                for i, e in row_taps
                for j, f in column_taps
            ]
            phases.append(
                Phase(
                    -(-(g.height - p) // g.stride[0]), -(-(g.width - q) // g.stride[1]),
                    (p * g.width + q) * g.channels,
                    (g.stride[0] * g.width * g.channels, g.stride[1] * g.channels), taps,
                )
            )  # fmt: skip
    return source, phases


def _reach(axis: AxisTaps, size: int, stride: int) -> tuple[int, int, int]:
    """Lowest and highest offset that any tap of an axis reads, and the most pixels of a phase."""
    offsets = [e for taps in axis for _, e in taps] or [0]
    return min(offsets), max(offsets), -(-size // stride)


def rows_per_block(
    source: Source, rows: int, columns: int, images: int, itemsize: int, pixels: int = 4096
) -> int:
    """Output rows of one task: its source fits the cache, and a small batch still gives work to all."""

    def bytes_of(block: int) -> int:
        return ((block - 1) * source.step[0] + source.extent) * source.row * itemsize

    block = rows
    while block > 1 and (
        bytes_of(block) > BLOCK_BYTES
        or (images * -(-rows // block) < WORKERS and block * columns > 64)
        or block * columns > pixels
    ):
        block = -(-block // 2)
    return block


def block_elements(source: Source, block: int, itemsize: int) -> int:
    """Elements of the padded copy of a block's source rows, whole vectors and one spare."""
    lanes = VECTOR_BYTES // itemsize
    size = 0
    if source.padded:
        size = ((block - 1) * source.step[0] + source.extent) * source.row
    return (-(-size // lanes) + 1) * lanes


def _columns_padded(columns: int, itemsize: int) -> int:
    lanes = VECTOR_BYTES // itemsize
    return -(-columns // lanes) * lanes


class Gather(NamedTuple):
    """What `convolution.gather` and `convolution.pack_panels` need for one direction."""

    table: Table
    panel_elements: int
    slot_elements: int
    work: int  # multiply-adds

    def scratch(self, threads: int) -> int:
        """Elements of scratch on up to `threads` threads."""
        return TICKETS + min(threads, WORKERS) * self.slot_elements


def forward(g: Geometry, itemsize: int) -> Gather:
    """Tables for the output: y from x."""
    g = g.turned()
    source = forward_source(g)
    phases = forward_phases(g, source)
    length = g.depth // max(len(phases[0].taps), 1)
    return _gather(g, source, phases, length, g.filters, False, itemsize)


def input_gradient(g: Geometry, itemsize: int) -> Gather:
    """Tables for the gradient of the input: dx from dy."""
    g = g.turned()
    source, phases = gradient_phases(g)
    length = g.filters // g.groups
    return _gather(g, source, phases, length, g.channels, True, itemsize)


HEADER = 24
RECORD = 9


def _gather(
    g: Geometry, source: Source, phases: list[Phase], length: int, columns: int, transposed: bool,
    itemsize: int,
) -> Gather:  # fmt: skip
    """Lay out header, phase records, pixel offsets, runs and weight rows in one table."""
    rows = max(phase.rows for phase in phases)
    wide = max(phase.columns for phase in phases)
    block = rows_per_block(source, rows, wide, g.batch, itemsize)
    slot = block_elements(source, block, itemsize)
    parts: list[NDArray[np.int64]] = []
    at = HEADER + RECORD * len(phases)
    records = []

    def put(values: NDArray[np.int64]) -> int:
        nonlocal at
        parts.append(values)
        at += values.size
        return at - values.size

    weights_at = put(np.array([tap[2] for phase in phases for tap in phase.taps], np.int64))
    panel_row = 0
    for phase in phases:
        m, n = np.divmod(np.arange(min(block, phase.rows) * phase.columns), phase.columns)
        pixels = put(m * source.step[0] * source.row + n * source.step[1] * source.channels)
        places = put(m * phase.out_steps[0] + n * phase.out_steps[1])
        runs = put(np.array([r * source.row + c * source.channels for r, c, _ in phase.taps], np.int64))
        records += [phase.rows, phase.columns, phase.out_at, phase.out_steps[0], pixels, places]
        records += [runs, len(phase.taps), panel_row]
        panel_row += len(phase.taps) * length
    per_group = columns // g.groups
    out_image = g.height * g.width if transposed else g.out_height * g.out_width
    header = [
        g.batch, g.groups, -(-rows // block), block, source.height, source.width, source.channels,
        source.top, source.left, source.row, source.extent, source.step[0], int(source.padded), slot,
        out_image * columns, per_group, source.channels // g.groups, length, len(phases), panel_row,
        weights_at, int(transposed), g.filters, TICKETS,
    ]  # fmt: skip
    table = np.concatenate([np.array(header + records, np.int64), *parts])
    # Packing a transposed panel may write up to a vector's rows past its end.
    panels = g.groups * _columns_padded(per_group, itemsize) * (panel_row + 1) + 2 * VECTOR_BYTES**2
    work = g.batch * g.out_height * g.out_width * g.filters * g.depth
    return Gather(table, panels, slot, work)
