"""From the sizes of a convolution to the tables its kernels walk: plain integers, no arrays of data.

A convolution and its input gradient are the same computation, a *gather*: every output pixel
sums, over taps, a row of channels of a source image times a weight matrix. They differ in the
tables alone. Output pixels are grouped into *classes* that reach the same taps: the inner
pixels, each kind of border (a tap outside the image is left out, so nothing is padded), and
for the input gradient of a stride s the s*s residues. Each class is computed by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PlanTable = NDArray[np.int64]

VECTOR_BYTES = 64
TICKETS = 16  # elements at the start of a scratch that hold the counter of the next task
BLOCK_BYTES = 256 * 1024  # the pixels of a task, in and out, stay in the second-level cache
TASKS = 4  # a batch is not cut into fewer by taking images together
ROW_TASKS = 16  # images are cut into rows until there are so many tasks

# Where the header of a table holds what.
(
    BATCH, TOGETHER, BLOCKS, BLOCK_ROWS, SOURCE_SIZE, OUT_SIZE, GROUPS, LENGTH, COLUMNS, CLASSES, DEPTH,
    TRANSPOSED, FILTERS,
) = range(13)  # fmt: skip
HEADER = 16

# Where the record of a class of output pixels holds what.
(
    START, STEP, ROWS, PIXELS, SOURCE_AT, SOURCE_STEP, OUT_AT, OUT_STEP, OFFSETS, PLACES, RUNS, WEIGHTS,
    RUN_COUNT, RUN_LENGTH,
) = range(14)  # fmt: skip
RECORD = 14


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

    @property
    def work(self) -> int:
        """Multiply-adds of a pass."""
        return self.batch * self.out_height * self.out_width * self.filters * self.depth


class AxisClass(NamedTuple):
    """Output indices start, start + step ... (`members` of them) along an axis that reach the same taps.

    Tap t of (t, shift) in `taps` reads the source at `source` + k * `source_step` + shift.
    """

    start: int
    step: int
    members: int
    source: int
    source_step: int
    taps: tuple[tuple[int, int], ...]


def _grouped(
    start: int, step: int, source_step: int, taps: Iterable[tuple[tuple[int, int], ...]]
) -> list[AxisClass]:
    """Neighbours with the same taps, as classes."""
    classes: list[AxisClass] = []
    for k, reached in enumerate(taps):
        if classes and classes[-1].taps == reached:
            classes[-1] = classes[-1]._replace(members=classes[-1].members + 1)
        else:
            classes.append(AxisClass(start + k * step, step, 1, k * source_step, source_step, reached))
    return classes


def forward_axis(
    size: int, out: int, kernel: int, stride: int, dilation: int, before: int
) -> list[AxisClass]:
    """Classes of output indices; the source is the input."""
    shifts = [(i, i * dilation - before) for i in range(kernel)]
    return _grouped(
        0, 1, stride, (tuple(t for t in shifts if 0 <= m * stride + t[1] < size) for m in range(out))
    )


def gradient_axis(
    size: int, out: int, kernel: int, stride: int, dilation: int, before: int
) -> list[AxisClass]:
    """Classes of input indices; the source is the output's gradient. Ascending in the source."""
    classes = []
    for q in range(min(stride, size)):
        shifts = [
            (i, (q + before - i * dilation) // stride)
            for i in reversed(range(kernel))
            if (q + before - i * dilation) % stride == 0
        ]
        members = range(-(-(size - q) // stride))
        classes += _grouped(q, stride, 1, (tuple(t for t in shifts if 0 <= m + t[1] < out) for m in members))
    return classes


class Image(NamedTuple):
    """Sizes of images in memory."""

    height: int
    width: int
    channels: int

    @property
    def size(self) -> int:
        """Elements of one."""
        return self.height * self.width * self.channels


class Gather(NamedTuple):
    """What `convolution.gather` and `convolution.pack_panels` need for one direction."""

    table: PlanTable
    panel_elements: int
    work: int  # multiply-adds


def forward(g: Geometry, itemsize: int) -> Gather:
    """Tables for the output: y from x."""
    g = g.turned()
    rows = forward_axis(g.height, g.out_height, g.kernel[0], g.stride[0], g.dilation[0], g.top)
    columns = forward_axis(g.width, g.out_width, g.kernel[1], g.stride[1], g.dilation[1], g.left)
    source, out = Image(g.height, g.width, g.channels), Image(g.out_height, g.out_width, g.filters)
    return _gather(g, rows, columns, source, out, False, itemsize)


def input_gradient(g: Geometry, itemsize: int) -> Gather:
    """Tables for the gradient of the input: dx from dy."""
    g = g.turned()
    rows = gradient_axis(g.height, g.out_height, g.kernel[0], g.stride[0], g.dilation[0], g.top)
    columns = gradient_axis(g.width, g.out_width, g.kernel[1], g.stride[1], g.dilation[1], g.left)
    source, out = Image(g.out_height, g.out_width, g.filters), Image(g.height, g.width, g.channels)
    return _gather(g, rows, columns, source, out, True, itemsize)


def images_together(batch: int, image_bytes: int, limit: int, tasks: int) -> int:
    """How many small images a task takes: tiles then end less often beside the last pixel."""
    images = 8
    while images > 1 and (images * image_bytes > limit or batch < images * tasks):
        images //= 2
    return images


def _rows_of_task(batch: int, source: Image, out: Image, itemsize: int) -> int:
    """Output rows of a task on one image: in cache, and work for every thread in a small batch."""
    rows = out.height

    def too_many(block: int) -> bool:
        share = (source.size + out.size) * itemsize * block // out.height
        few = batch * -(-out.height // block) < ROW_TASKS and block * out.width > 64
        return share > BLOCK_BYTES or few or block * out.width > 4096

    while rows > 1 and too_many(rows):
        rows = -(-rows // 2)
    return rows


def _runs(
    row: AxisClass, column: AxisClass, source: Image, kernel_width: int, length: int
) -> list[tuple[int, int, int]]:
    """The taps of a class as runs (source offset, weight row, length), neighbours in both joined."""
    runs = [
        ((down * source.width + across) * source.channels, (i * kernel_width + j) * length, length)
        for i, down in row.taps
        for j, across in column.taps
    ]
    joined: list[tuple[int, int, int]] = []
    for offset, weight, count in runs:
        if joined and joined[-1][0] + joined[-1][2] == offset and joined[-1][1] + joined[-1][2] == weight:
            joined[-1] = (*joined[-1][:2], joined[-1][2] + count)
        else:
            joined.append((offset, weight, count))
    return joined if len({count for _, _, count in joined}) <= 1 else runs


class _Parts:
    """Pieces of a table, laid one after the other."""

    def __init__(self, start: int) -> None:
        self.end = start
        self.pieces: list[PlanTable] = []

    def put(self, values: NDArray[np.int64]) -> int:
        """Where the values begin."""
        self.pieces.append(values.ravel())
        self.end += values.size
        return self.end - values.size


def _gather(
    g: Geometry, rows: list[AxisClass], columns: list[AxisClass], source: Image, out: Image, transposed: bool,
    itemsize: int,
) -> Gather:  # fmt: skip
    """Lay out header, class records, pixel offsets and runs in one table."""
    images = images_together(g.batch, max(source.size, out.size) * itemsize, BLOCK_BYTES, TASKS)
    block = out.height if images > 1 else _rows_of_task(g.batch, source, out, itemsize)
    length, per_group = source.channels // g.groups, out.channels // g.groups
    parts = _Parts(HEADER + RECORD * len(rows) * len(columns))
    records: list[int] = []
    for row in rows:
        for column in columns:
            image, m, n = np.indices((images, min(block, row.members), column.members))
            steps = row.source_step * source.width * source.channels, column.source_step * source.channels
            places = row.step * out.width * out.channels, column.step * out.channels
            runs = _runs(row, column, source, g.kernel[1], length)
            records += [
                row.start, row.step, row.members, column.members,
                (row.source * source.width + column.source) * source.channels, steps[0],
                (row.start * out.width + column.start) * out.channels, places[0],
                parts.put(image * source.size + m * steps[0] + n * steps[1]),
                parts.put(image * out.size + m * places[0] + n * places[1]),
                parts.put(np.array([run[0] for run in runs], np.int64)),
                parts.put(np.array([run[1] for run in runs], np.int64)),
                len(runs), runs[0][2] if runs else 0,
            ]  # fmt: skip
    depth = g.kernel[0] * g.kernel[1] * length
    header = [
        g.batch, images, -(-out.height // block), block, source.size, out.size, g.groups, length, per_group,
        len(rows) * len(columns), depth, int(transposed), g.filters, 0, 0, 0,
    ]  # fmt: skip
    table = np.concatenate([np.array(header + records, np.int64), *parts.pieces])
    lanes = VECTOR_BYTES // itemsize
    # Packing a transposed panel may write up to a vector's rows past its end.
    panels = g.groups * -(-per_group // lanes) * lanes * (depth + 1) + 2 * VECTOR_BYTES**2
    return Gather(table, panels, g.work)
