"""From the sizes of a convolution to the tables its kernels walk: plain integers, no arrays of data.

A convolution and its input gradient are the same computation, a *gather*: every output pixel
sums, over taps, a row of channels of a source image times a weight matrix. They differ in the
tables alone. Output pixels are grouped into *classes* that reach the same taps: the inner
pixels, each kind of border (a tap outside the image is left out, so nothing is padded), and
for the input gradient of a stride s the s*s residues. Each class is computed by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnctl.core.records import record
from nnctl.kernels.axes import Axis

PlanTable = NDArray[np.int64]

VECTOR_BYTES = 64
TICKETS = 16  # elements at the start of a scratch that hold the counter of the next task
BLOCK_BYTES = 256 * 1024  # the pixels of a task, in and out, stay in the second-level cache
TASKS = 4  # a batch is not cut into fewer by taking images together
CHUNK = 24  # pixels that get all their columns before the next ones: whole tiles of any height
PANEL_BYTES = 128 * 1024  # where panels of all columns are no larger: they stay in the second-level cache
ROW_TASKS = 16  # images are cut into rows until there are so many tasks, of so many pixels or more
TASK_PIXELS = 64
FEW_PIXELS = 24  # where one task would do all of a large sum
SERIAL = 1024 * 1024  # multiply-adds below which waking other threads costs more than it brings


class Header(NamedTuple):
    """What a table begins with. `AT.batch` is where in it `batch` is: kernels read by these names."""

    batch: int
    together: int
    blocks: int
    block_rows: int
    source_size: int
    out_size: int
    groups: int
    length: int
    columns: int
    classes: int
    depth: int
    transposed: int
    filters: int
    chunk: int


class Record(NamedTuple):
    """A class of output pixels; `IN.start` is where in its record `start` is."""

    start: int
    step: int
    rows: int
    pixels: int
    source_at: int
    source_step: int
    out_at: int
    out_step: int
    offsets: int
    places: int
    runs: int
    weights: int
    run_count: int
    run_length: int


AT = Header(*range(len(Header._fields)))
IN = Record(*range(len(Record._fields)))
HEADER, RECORD = len(AT), len(IN)


@record
class Geometry:
    """The sizes of a convolution over any number of axes: x (B, *size, C), kernel (*kernel, C/groups, F), y
    (B, *out, F).
    """

    batch: int
    channels: int
    filters: int
    axes: tuple[Axis, ...]
    groups: int = 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """x's spatial lengths."""
        return tuple(axis.size for axis in self.axes)

    @property
    def outs(self) -> tuple[int, ...]:
        """y's spatial lengths."""
        return tuple(axis.out for axis in self.axes)

    @property
    def kernel(self) -> tuple[int, ...]:
        """The kernel's spatial lengths."""
        return tuple(axis.kernel for axis in self.axes)

    def turned(self) -> Geometry:
        """The same convolution with axes of one place behind the others: rows of the first one can be cut."""
        return replace(self, axes=tuple(sorted(self.axes, key=lambda axis: axis.trivial)))

    @property
    def depth(self) -> int:
        """Products summed for one output element: the kernel's positions times C/groups."""
        return prod(self.kernel) * self.channels // self.groups

    @property
    def work(self) -> int:
        """Multiply-adds of a pass."""
        return self.batch * prod(self.outs) * self.filters * self.depth


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


def forward_axis(a: Axis) -> list[AxisClass]:
    """Classes of output indices; the source is the input."""
    shifts = [(i, i * a.dilation - a.before) for i in range(a.kernel)]
    taps = (tuple(t for t in shifts if 0 <= m * a.stride + t[1] < a.size) for m in range(a.out))
    return _grouped(0, 1, a.stride, taps)


def gradient_axis(a: Axis) -> list[AxisClass]:
    """Classes of input indices; the source is the output's gradient. Ascending in the source."""
    classes = []
    for q in range(min(a.stride, a.size)):
        shifts = [
            (i, (q + a.before - i * a.dilation) // a.stride)
            for i in reversed(range(a.kernel))
            if (q + a.before - i * a.dilation) % a.stride == 0
        ]
        members = range(-(-(a.size - q) // a.stride))
        taps = (tuple(t for t in shifts if 0 <= m + t[1] < a.out) for m in members)
        classes += _grouped(q, a.stride, 1, taps)
    return classes


class Image(NamedTuple):
    """Sizes of images in memory: (*sizes, channels)."""

    sizes: tuple[int, ...]
    channels: int

    @property
    def size(self) -> int:
        """Elements of one."""
        return prod(self.sizes) * self.channels

    @property
    def row_pixels(self) -> int:
        """Pixels at one place of the first axis."""
        return prod(self.sizes[1:])

    @property
    def steps(self) -> tuple[int, ...]:
        """Elements from a pixel to the next one, by axis."""
        return tuple(prod(self.sizes[i + 1 :]) * self.channels for i in range(len(self.sizes)))

    def at(self, *places: int) -> int:
        """Elements before a pixel."""
        return sum(place * step for place, step in zip(places, self.steps, strict=True))


class Gather(NamedTuple):
    """What `convolution.gather` and `convolution.pack_panels` need for one direction."""

    table: PlanTable
    kernel_elements: int
    work: int  # multiply-adds

    def scratch_bytes(self, itemsize: int, threads: int) -> int:
        """Bytes of scratch: panels, and the counter of tasks."""
        return (self.kernel_elements + TICKETS) * itemsize


def forward(g: Geometry, itemsize: int) -> Gather:
    """Tables for the output: y from x."""
    g = g.turned()
    classes = [forward_axis(axis) for axis in g.axes]
    return _gather(g, classes, Image(g.sizes, g.channels), Image(g.outs, g.filters), False, itemsize)


def input_gradient(g: Geometry, itemsize: int) -> Gather:
    """Tables for the gradient of the input: dx from dy."""
    g = g.turned()
    classes = [gradient_axis(axis) for axis in g.axes]
    return _gather(g, classes, Image(g.outs, g.filters), Image(g.sizes, g.channels), True, itemsize)


def images_together(batch: int, image_bytes: int, limit: int, tasks: int) -> int:
    """How many small images a task takes: tiles then end less often beside the last pixel."""
    images = 8
    while images > 1 and (images * image_bytes > limit or batch < images * tasks):
        images //= 2
    return images


def _rows_of_task(batch: int, source: Image, out: Image, itemsize: int, work: int) -> int:
    """Output rows (places of the first axis) of a task on one image: in cache, and work for every thread in a
    small batch.
    """
    height, width = out.sizes[0], out.row_pixels
    rows = height

    def too_many(block: int) -> bool:
        share = (source.size + out.size) * itemsize * block // height
        tasks = batch * -(-height // block)
        least = FEW_PIXELS if tasks < 2 and work > SERIAL else TASK_PIXELS
        few = tasks < ROW_TASKS and block * width > least
        return share > BLOCK_BYTES or few or block * width > 4096

    while rows > 1 and too_many(rows):
        rows = -(-rows // 2)
    return rows


def _runs(
    classes: tuple[AxisClass, ...], source: Image, kernel: tuple[int, ...], length: int
) -> list[tuple[int, int, int]]:
    """The taps of a class as runs (source offset, weight row, length), neighbours in both joined."""
    weights = Image(kernel, length)
    runs = [
        (source.at(*(shift for _, shift in taps)), weights.at(*(tap for tap, _ in taps)), length)
        for taps in product(*(axis.taps for axis in classes))
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
    g: Geometry, classes: list[list[AxisClass]], source: Image, out: Image, transposed: bool, itemsize: int
) -> Gather:
    """Lay out header, class records, pixel offsets and runs in one table. `classes`: those of each axis."""
    images = images_together(g.batch, max(source.size, out.size) * itemsize, BLOCK_BYTES, TASKS)
    height = out.sizes[0]
    block = height if images > 1 else _rows_of_task(g.batch, source, out, itemsize, g.work)
    length, per_group = source.channels // g.groups, out.channels // g.groups
    count = prod(map(len, classes))
    parts = _Parts(HEADER + RECORD * count)
    records: list[int] = []
    for members in product(*classes):
        first, *others = members
        image, *places = np.indices((images, min(block, first.members), *(axis.members for axis in others)))
        sources = [axis.source_step * step for axis, step in zip(members, source.steps, strict=True)]
        outs = [axis.step * step for axis, step in zip(members, out.steps, strict=True)]
        runs = _runs(members, source, g.kernel, length)
        records += Record(
            start=first.start,
            step=first.step,
            rows=first.members,
            pixels=prod(axis.members for axis in others),
            source_at=source.at(*(axis.source for axis in members)),
            source_step=sources[0],
            out_at=out.at(*(axis.start for axis in members)),
            out_step=outs[0],
            offsets=parts.put(image * source.size + _affine(places, sources)),
            places=parts.put(image * out.size + _affine(places, outs)),
            runs=parts.put(np.array([run[0] for run in runs], np.int64)),
            weights=parts.put(np.array([run[1] for run in runs], np.int64)),
            run_count=len(runs),
            run_length=runs[0][2] if runs else 0,
        )
    depth, lanes = prod(g.kernel) * length, VECTOR_BYTES // itemsize
    panels = g.groups * -(-per_group // lanes) * lanes * (depth + 1)
    header = Header(
        batch=g.batch,
        together=images,
        blocks=-(-height // block),
        block_rows=block,
        source_size=source.size,
        out_size=out.size,
        groups=g.groups,
        length=length,
        columns=per_group,
        classes=count,
        depth=depth,
        transposed=int(transposed),
        filters=g.filters,
        chunk=CHUNK if panels * itemsize <= PANEL_BYTES else max(1, images * block * out.row_pixels),
    )
    table = np.concatenate([np.array([*header, *records], np.int64), *parts.pieces])
    # Packing a transposed panel may write up to a vector's rows past its end.
    return Gather(table, panels + 2 * VECTOR_BYTES**2, g.work)


def _affine(places: list[NDArray[np.int64]], steps: list[int]) -> NDArray[np.int64]:
    """The sum of each axis' place times its step."""
    total = np.zeros_like(places[0])
    for place, step in zip(places, steps, strict=True):
        total += place * step
    return total
