"""HDF5 files: every data set is a column; large ones are read from disk as batches need them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.base import Hint, register
from nnctl.data.paths import find
from nnctl.data.reading.blocks import block_rows
from nnctl.data.reading.several import Files
from nnctl.data.table import Column, Numbers, Origin, Pick, Rows, Table, same_length

if TYPE_CHECKING:
    import h5py

IN_MEMORY = 64 << 20
"""Data sets up to this many bytes are read whole."""
CACHE = 64 << 20
"""How many bytes of a larger data set stay in memory."""
GAP = 32 << 10
"""Bytes between two rows up to which both are read at once: a call costs as much."""
SPAN = 1 << 20
"""Bytes that are read at once so, at most."""


@register
class HDF5(Files):
    """Data sets of an HDF5 file by their path ("group/name"); the first axis counts the examples."""

    endings: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")

    def read_file(self, base: Path, hint: Hint, rows: int | None) -> Table:
        import h5py

        from nnctl.data.reading.hdf5_file import datasets

        full = find(base, self.file)
        columns: dict[str, Column] = {}
        unread: dict[str, DataError] = {}
        try:
            file = h5py.File(full, "r", locking=False)
            for name, dataset in datasets(file, self.file):
                if isinstance(dataset, DataError):
                    unread[name] = dataset
                elif dataset.shape:
                    try:
                        columns[name] = self._column(dataset, name, rows)
                    except DataError as error:
                        unread[name] = error
                    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
                        unread[name] = DataError(f"cannot be read ({error})", file=self.file, column=name)
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"is not a readable HDF5 file ({error})", file=self.file) from error
        if not columns:
            raise next(iter(unread.values()), DataError("holds no data set with rows", file=self.file))
        total = max(file[name].shape[0] for name in columns)
        return Table(columns, Origin(self.file), total, {"type": "hdf5"}, unread=unread)

    def file_blocks(
        self, base: Path, hint: Hint, pick: Pick, texts: Callable[[str], bool]
    ) -> Iterator[Table]:
        import h5py

        from nnctl.data.reading.hdf5_file import datasets, read_rows

        full, origin = find(base, self.file), Origin(self.file)
        try:
            with h5py.File(full, "r", locking=False) as file:
                found = dict(datasets(file, self.file))
                names = [n for n, d in found.items() if isinstance(d, DataError) or d.shape]
                wanted = pick(names, origin)
                sets: dict[str, h5py.Dataset] = {}
                for name in [name for name in names if name in wanted]:
                    if isinstance(found[name], DataError):
                        raise found[name]
                    sets[name] = found[name]
                total = same_length({name: dataset.shape[0] for name, dataset in sets.items()}, origin)
                step = block_rows(sum(prod(d.shape[1:]) * d.dtype.itemsize for d in sets.values()))
                for first in range(0, total, step):
                    columns = {
                        name: read_rows(dataset, first, min(first + step, total), self.file, name)
                        for name, dataset in sets.items()
                    }
                    yield Table(columns, Origin(self.file, origin.first + first))
        except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"is not a readable HDF5 file ({error})", file=self.file) from error

    def _column(self, dataset: h5py.Dataset, name: str, rows: int | None) -> Column:
        from nnctl.data.reading.hdf5_file import read_rows

        row_bytes = prod(dataset.shape[1:]) * dataset.dtype.itemsize
        kept = (
            dataset.shape[0]
            if rows is None
            else min(rows, dataset.shape[0], IN_MEMORY // max(1, row_bytes) + 1)
        )
        if dataset.dtype.kind in "SO" or rows is not None or kept * row_bytes <= IN_MEMORY:
            return read_rows(dataset, 0, kept, self.file, name)
        return Numbers(ArrayOnDisk(dataset, self.file, name))


class ArrayOnDisk:
    """A data set (N, ...) on disk, read by rows.

    Rows are read in ascending order, whole chunks at a time, and handed out in the order asked for. Chunks
    stay in memory, the least recently used ones leave first, never more than CACHE bytes.
    """

    def __init__(self, dataset: h5py.Dataset, file: str, name: str) -> None:
        self.dataset, self.file, self.name = dataset, file, name
        self.shape: tuple[int, ...] = dataset.shape
        self.dtype: np.dtype[Any] = dataset.dtype.newbyteorder("=")
        row_bytes = prod(self.shape[1:]) * self.dtype.itemsize
        block = dataset.chunks[0] if dataset.chunks else 0
        self.chunk_rows = block or 1
        self.block = block if block * row_bytes <= CACHE // 4 else 0
        self.kept: OrderedDict[int, npt.NDArray[Any]] = OrderedDict()
        self.limit = CACHE // max(1, self.block * row_bytes)

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """The rows asked for, in that order: (len(rows), ...). Raises DataError if the disk or file fails."""
        ascending, back = np.unique(rows, return_inverse=True)
        out = np.empty((len(ascending), *self.shape[1:]), dtype=self.dtype)
        try:
            self._chunks(ascending, out) if self.block else self._runs(ascending, out)
        except OSError as error:
            raise DataError(f"cannot be read ({error})", file=self.file, column=self.name) from error
        return out[back]

    def whole(self) -> npt.NDArray[Any]:
        """All rows, in memory of their own. Raises DataError if the disk or file fails."""
        out = np.empty(self.shape, dtype=self.dtype)
        try:
            self.dataset.read_direct(out)
        except OSError as error:
            raise DataError(f"cannot be read ({error})", file=self.file, column=self.name) from error
        return out

    def _chunks(self, rows: Rows, out: npt.NDArray[Any]) -> None:
        numbers = rows // self.block
        cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(rows)]
        for first, last in pairwise(cuts if len(rows) else []):
            number = int(numbers[first])
            out[first:last] = self._chunk(number)[rows[first:last] - number * self.block]

    def _chunk(self, number: int) -> npt.NDArray[Any]:
        if number in self.kept:
            self.kept.move_to_end(number)
            return self.kept[number]
        chunk: npt.NDArray[Any] = self.dataset[number * self.block : (number + 1) * self.block]
        self.kept[number] = chunk
        if len(self.kept) > self.limit:
            self.kept.popitem(last=False)
        return chunk

    def _runs(self, rows: Rows, out: npt.NDArray[Any]) -> None:
        row_bytes = max(1, prod(self.shape[1:]) * self.dtype.itemsize)
        span, apart = max(1, SPAN // row_bytes), max(1, GAP // row_bytes)
        ends = (np.diff(rows) > apart) | (np.diff(rows // span) != 0)
        cuts = [0, *(np.flatnonzero(ends) + 1).tolist(), len(rows)]
        for first, last in pairwise(cuts if len(rows) else []):
            start, stop = int(rows[first]), int(rows[last - 1]) + 1
            if stop - start == last - first:
                self.dataset.read_direct(out, np.s_[start:stop], np.s_[first:last])
            else:
                out[first:last] = self.dataset[start:stop][rows[first:last] - start]
