"""From the sizes of a depthwise convolution to the tables its kernels walk.

Every channel has a filter of its own, so that channels lie side by side in vectors. Both directions sum, for
each pixel of an image, the taps that reach a row of pixels of another one; they differ in their tables alone.
Sums have the order of `convolution`: so do their bits.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import Geometry, PlanTable

MOST_AXES = 2
PARTS = 16
"""Into so many parts the gradient of the weights is cut, at most: part of the results."""


class Header(NamedTuple):
    """What a table begins with; `AT.batch` is where in it `batch` is.

    The source is x, out is y; for the gradient of the input they are dy and dx.
    """

    batch: int
    channels: int
    source_height: int
    source_width: int
    out_height: int
    out_width: int
    taps_down: int
    taps_across: int
    # From one tap to the next that reaches a pixel: pixels of the source, and taps.
    source_down: int
    source_across: int
    tap_down: int
    tap_across: int
    # Pixels of a row which all taps reach, and how far the source moves from one to the next.
    inner: int
    inner_end: int
    inner_step: int
    # Where the records of rows and columns begin: first pixel of the source, its tap, how many taps.
    rows: int
    columns: int
    # Of each tap of a row, for the gradient of the weights: the pixels [begin, end) of y at which it is in x,
    # and where it is for pixel 0.
    reach: int


AT = Header(*range(len(Header._fields)))
HEADER = len(AT)


class Depthwise(NamedTuple):
    """What the kernels need for one direction."""

    table: PlanTable
    work: int  # multiply-adds
    parts: int = 0  # of the gradient of the weights
    elements: int = 0  # of scratch: the parts' sums
    kernel_elements: int = 0  # the kernel is read where it lies

    def scratch_bytes(self, itemsize: int, threads: int) -> int:
        """Bytes of scratch."""
        return self.elements * itemsize


def fits(g: Geometry) -> bool:
    """Whether these kernels do it: a filter for each channel, over one or two axes."""
    plain = all(axis.stride == 1 or axis.dilation == 1 for axis in g.axes)
    return 1 < g.groups == g.channels == g.filters and len(g.axes) <= MOST_AXES and plain


def forward(g: Geometry) -> Depthwise:
    """Tables for y from x."""
    down, across = _axes(g)
    taps = [_reached(a) for a in (down, across)]
    return Depthwise(_table(g, taps, (down.size, across.size), (down.out, across.out)), g.work)


def input_gradient(g: Geometry) -> Depthwise:
    """Tables for dx from dy."""
    down, across = _axes(g)
    taps = [_reaching(a) for a in (down, across)]
    return Depthwise(_table(g, taps, (down.out, across.out), (down.size, across.size)), g.work)


def weight_gradient(g: Geometry) -> Depthwise:
    """Tables for dw (and db) from x and dy: the rows of all images in parts.

    A part has a row of channels for each tap, and one for the bias.
    """
    parts = min(PARTS, g.batch * prod(axis.out for axis in g.axes[:-1]))
    return forward(g)._replace(parts=parts, elements=parts * (prod(g.kernel) + 1) * g.channels)


class _Taps(NamedTuple):
    """Along an axis: for each place of out its record, and the steps from one of its taps to the next."""

    records: NDArray[np.int64]
    source_step: int
    tap_step: int
    inner_step: int
    kernel: int


def _axes(g: Geometry) -> tuple[Axis, Axis]:
    """Rows and columns; an image of one axis is a row."""
    return (Axis(1, 1, 1), g.axes[0]) if len(g.axes) == 1 else (g.axes[0], g.axes[1])


def _reached(a: Axis) -> _Taps:
    """What the taps of each output reach, ascending: those inside the input."""
    first = np.arange(a.out) * a.stride - a.before
    tap = np.maximum(-(first // a.dilation), 0)
    last = np.minimum((a.size - 1 - first) // a.dilation, a.kernel - 1)
    count = np.maximum(last - tap + 1, 0)
    return _Taps(np.stack([first + tap * a.dilation, tap, count], 1), a.dilation, 1, a.stride, a.kernel)


def _reaching(a: Axis) -> _Taps:
    """The outputs that reach each input, ascending, so that taps descend."""
    place = np.arange(a.size) + a.before
    if a.stride > 1:
        first = np.maximum(-(-(place - a.kernel + 1) // a.stride), 0)
        last = np.minimum(place // a.stride, a.out - 1)
        records = np.stack([first, place - first * a.stride, np.maximum(last - first + 1, 0)], 1)
        # Neighbours have other taps: none of them goes with the next.
        return _Taps(records, 1, -a.stride, 0, a.kernel)
    tap = np.minimum(place // a.dilation, a.kernel - 1)
    # The first that is an output at all is below `out`, and the last one at least 0.
    least = np.maximum(-((a.out - 1 - place) // a.dilation), 0)
    records = np.stack([place - tap * a.dilation, tap, np.maximum(tap - least + 1, 0)], 1)
    return _Taps(records, a.dilation, -1, 1, a.kernel)


def _table(g: Geometry, taps: list[_Taps], source: tuple[int, int], out: tuple[int, int]) -> PlanTable:
    """Header and records."""
    down, across = taps
    whole = np.flatnonzero(across.records[:, 2] == across.kernel) if across.inner_step else np.zeros(0, int)
    header = Header(
        batch=g.batch,
        channels=g.channels,
        source_height=source[0],
        source_width=source[1],
        out_height=out[0],
        out_width=out[1],
        taps_down=down.kernel,
        taps_across=across.kernel,
        source_down=down.source_step,
        source_across=across.source_step,
        tap_down=down.tap_step,
        tap_across=across.tap_step,
        inner=int(whole[0]) if whole.size else 0,
        inner_end=int(whole[-1]) + 1 if whole.size else 0,
        inner_step=across.inner_step,
        rows=HEADER,
        columns=HEADER + down.records.size,
        reach=HEADER + down.records.size + across.records.size,
    )
    parts = (np.array(header, np.int64), down.records, across.records, _reach(_axes(g)[1]))
    return np.concatenate([part.ravel() for part in parts])


def _reach(a: Axis) -> NDArray[np.int64]:
    """For each tap: the outputs [begin, end) at which it is inside the input, and its place at output 0."""
    shift = np.arange(a.kernel) * a.dilation - a.before
    end = np.clip(-((shift - a.size) // a.stride), 0, a.out)
    begin = np.minimum(-(np.minimum(shift, 0) // a.stride), end)
    return np.stack([begin, end, shift], 1)
