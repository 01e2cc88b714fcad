"""Reading from a disk while steps run: what comes next is read ahead, in the order in which it lies there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from math import prod

import numpy as np

from nnctl.core.arrays import Array
from nnctl.kernels.threads import roam
from nnctl.workflow.batch_reader import BatchReader

AT_ONCE = 32 << 20
"""Bytes of prepared examples that are read together; those of two such pieces are in memory."""


class _Piece:
    """Batches that are read together.

    Attributes:
        reading: What is read of it, by the names of a program's buffers, once that has begun.
    """

    def __init__(self, batches: Sequence[Array]) -> None:
        self.batches = batches
        self.reading: Future[Mapping[str, Array]] | None = None
        self.next: _Piece | None = None
        self.ascending = np.sort(np.concatenate(batches))
        """Its examples in the order in which they are read."""

    def places(self, batch: Array) -> Array:
        """Where the examples of a batch are among those in ascending order."""
        return np.searchsorted(self.ascending, batch)


class ReadAhead(BatchReader):
    """A batch reader of a split some of whose columns are on a disk.

    Batches that follow each other are read together, each chunk of a file once for all of them, by a thread
    of its own while the steps before them run.

    Args:
        window: So many examples lie close together, and are read together whatever they take; 0: none do.
    """

    def __init__(self, reader: BatchReader, window: int = 0) -> None:
        super().__init__(reader.data, reader.class_weight)
        each = sum(
            prod(part.shape) * np.dtype(part.dtype).itemsize
            for part in (*self.data.inputs.values(), *self.data.targets.values())
        )
        fit = AT_ONCE // max(1, each)
        self._together = max(1, fit // window) * window if window else max(1, fit)
        self._piece: _Piece | None = None
        self._due: Array | None = None
        """The batch that was handed out last, of that piece."""

    def expect(self, batches: Iterable[Array]) -> Iterator[Array]:
        """The same batches, which are going to be read one after the other."""
        pieces = self._pieces(batches)
        piece = next(pieces, None)
        while piece is not None:
            self._piece, piece.next = piece, next(pieces, None)
            for self._due in piece.batches:
                yield self._due
            piece = piece.next
        self._piece = self._due = None

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices`, as many as buffers have rows, into the buffers of a program."""
        piece = self._piece
        if piece is None or indices is not self._due:
            super().read(indices, out)
            return
        places = piece.places(indices)
        for name, array in self._arrays(piece, out).items():
            np.take(array, places, 0, out[name], "clip")

    def _arrays(self, piece: _Piece, out: Mapping[str, Array]) -> Mapping[str, Array]:
        """What is read of a piece, as programs want it; the one behind it is begun."""
        for one in (piece, piece.next):
            if one is not None and one.reading is None:
                room = {
                    name: np.empty((len(one.ascending), *buffer.shape[1:]), buffer.dtype)
                    for name, buffer in out.items()
                    if ":" in name
                }
                one.reading = self._thread.submit(self._read, one.ascending, room)
        assert piece.reading is not None
        return piece.reading.result()

    def _read(self, indices: Array, room: Mapping[str, Array]) -> Mapping[str, Array]:
        BatchReader(self.data, self.class_weight).read(indices, room)
        return room

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, "nnctl-reader", initializer=roam)

    def _pieces(self, batches: Iterable[Array]) -> Iterator[_Piece]:
        found: list[Array] = []
        count = 0
        for batch in batches:
            found.append(batch)
            count += len(batch)
            if count >= self._together:
                yield _Piece(found)
                found, count = [], 0
        if found:
            yield _Piece(found)


def ahead(reader: BatchReader, window: int = 0) -> BatchReader:
    """The reader, or one that reads ahead what is on a disk; buckets are read as they come."""
    return ReadAhead(reader, window) if reader.data.on_disk and reader.buckets is None else reader
