"""From the sizes of a pooling to the table its kernels walk: which pixels a window holds, and the reverse."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnctl.core.records import record
from nnctl.kernels.axes import Axis


class Header(NamedTuple):
    """What the table begins with; `AT.batch` is where in it `batch` is: kernels read by these names."""

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    size_across: int
    stride_down: int
    stride_across: int
    # Where the records begin.
    window_rows: int
    window_columns: int
    pixel_rows: int
    pixel_columns: int


AT = Header(*range(len(Header._fields)))
HEADER = len(AT)


@record
class Shares:
    """An axis cut into `out` windows that hold all of it: window p from floor(p n / out) to ceil((p + 1) n /
    out), so that lengths differ by one at most, and neighbours share an element where n / out is no whole
    number.

    Taps are counted from the axis' start, not the window's, so that the gradient finds them without a stride.
    """

    size: int
    out: int
    stride: ClassVar[int] = 0

    @property
    def kernel(self) -> int:
        """Numbers that taps can have."""
        return self.size


@record
class Windows:
    """The sizes of a pooling over two axes: x (B, H, W, C), y (B, OH, OW, C).

    What lies outside the image belongs to no window: it is no candidate for a maximum and not counted in an
    average.
    """

    batch: int
    channels: int
    rows: Axis | Shares
    columns: Axis | Shares

    @property
    def taps(self) -> int:
        """How many numbers a pixel's tap can be: the pixels of a whole window."""
        return self.rows.kernel * self.columns.kernel

    @property
    def reach(self) -> int:
        """The pixels of all windows, inside the image."""
        rows, columns = (int(_inside(a)[:, 2].sum()) for a in (self.rows, self.columns))
        return self.batch * self.channels * rows * columns


def _inside(a: Axis | Shares) -> NDArray[np.int64]:
    """For each window along an axis: its first pixel, that pixel's tap, how many pixels it has."""
    if isinstance(a, Shares):
        begin, end = _edges(a)
        return np.stack([begin, begin, end - begin], 1)
    first = np.arange(a.out) * a.stride - a.before
    begin, end = np.maximum(first, 0), np.minimum(first + a.kernel, a.size)
    return np.stack([begin, begin - first, np.maximum(end - begin, 0)], 1)


def _edges(a: Shares) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first pixel of each window, and the one after its last."""
    window = np.arange(a.out, dtype=np.int64)
    return window * a.size // a.out, -(-(window + 1) * a.size // a.out)


def _over(a: Axis | Shares) -> NDArray[np.int64]:
    """For each pixel along an axis: the first window over it, its tap there, how many windows."""
    if isinstance(a, Shares):
        begin, end = _edges(a)
        place = np.arange(a.size)
        low = np.searchsorted(end, place, "right")
        return np.stack([low, place, np.searchsorted(begin, place, "right") - low], 1)
    place = np.arange(a.size) + a.before
    low = np.maximum(-(-(place - a.kernel + 1) // a.stride), 0)
    high = np.minimum(place // a.stride, a.out - 1)
    return np.stack([low, place - low * a.stride, np.maximum(high - low + 1, 0)], 1)


def table(w: Windows) -> NDArray[np.int64]:
    """Header, then records of three: windows by row and column, pixels by row and column."""
    parts = [_inside(w.rows), _inside(w.columns), _over(w.rows), _over(w.columns)]
    places = [int(n) for n in HEADER + np.cumsum([0, *(part.size for part in parts[:-1])])]
    header = Header(
        batch=w.batch,
        height=w.rows.size,
        width=w.columns.size,
        channels=w.channels,
        out_height=w.rows.out,
        out_width=w.columns.out,
        size_across=w.columns.kernel,
        stride_down=w.rows.stride,
        stride_across=w.columns.stride,
        window_rows=places[0],
        window_columns=places[1],
        pixel_rows=places[2],
        pixel_columns=places[3],
    )
    return np.concatenate([np.array(header, np.int64), *(part.ravel() for part in parts)])


SPARE_TAPS = 64
"""Elements past the last that `chosen` must have: it is read in whole vectors."""


def index_dtype(w: Windows) -> str:
    """The type that holds the number of a window's tap."""
    return "uint8" if w.taps <= 256 else "int32"
