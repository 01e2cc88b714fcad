"""Processes that a launcher of MPI started, by mpi4py: imported only there."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.ranks.base import Ranks


class MpiRanks(Ranks):
    """All processes of `MPI.COMM_WORLD`.

    Whoever waits leaves its core to others: on a machine with fewer cores than processes nothing else would
    go on.
    """

    def __init__(self) -> None:
        import mpi4py

        mpi4py.rc.thread_level = "serialized"
        from mpi4py import MPI

        self._mpi = MPI
        # Its own, so that nothing gets mixed up with what a plugin sends.
        self._world = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self._world.Get_rank(), self._world.Get_size()
        self.beside = self._world.Split_type(MPI.COMM_TYPE_SHARED).Get_size()
        self.launched, self.waiting = True, self.size > 1
        self.sent = 0
        """Bytes of arrays that this process has sent so far."""

    @property
    def library(self) -> str:
        """The MPI that is used."""
        return str(self._mpi.Get_library_version()).splitlines()[0].strip()

    def share(self, value: Any) -> Any:
        data = pickle.dumps(value) if self.first else b""
        length = np.array([len(data)], np.int64)
        self._wait([self._world.Ibcast(length, 0)])
        buffer = np.frombuffer(data, np.uint8).copy() if self.first else np.empty(length[0], np.uint8)
        self._wait([self._world.Ibcast(buffer, 0)])
        return value if self.first else pickle.loads(buffer.tobytes())

    def gather(self, value: Any) -> list[Any]:
        data = np.frombuffer(pickle.dumps(value), np.uint8).copy()
        lengths = np.empty(self.size, np.int64)
        self._wait([self._world.Iallgather(np.array([len(data)], np.int64), lengths)])
        found = np.empty(lengths.sum(), np.uint8)
        self._wait([self._world.Iallgatherv(data, [found, lengths.tolist()])])
        ends = np.cumsum(lengths)
        return [pickle.loads(found[end - n : end].tobytes()) for end, n in zip(ends, lengths, strict=True)]

    def gather_rows(self, rows: Array, counts: Sequence[int]) -> Array:
        width = rows.shape[1]
        found = np.empty((sum(counts), width), rows.dtype)
        sizes = [count * width for count in counts]
        self._wait([self._world.Iallgatherv(np.ascontiguousarray(rows), [found, sizes])])
        return found

    def exchange(self, sends: Sequence[tuple[int, Array]], receives: Sequence[tuple[int, Array]]) -> None:
        self.sent += sum(array.nbytes for _, array in sends)
        asked = [self._world.Irecv(array, rank) for rank, array in receives]
        self._wait(asked + [self._world.Isend(array, rank) for rank, array in sends])

    def spread(self, parts: Sequence[tuple[int, Array]]) -> None:
        self.sent += sum(array.nbytes for rank, array in parts if rank == self.rank) * (self.size - 1)
        self._wait([self._world.Ibcast(array, rank) for rank, array in parts])

    def end(self, code: int) -> None:
        self._world.Abort(code)

    def _wait(self, requests: Iterable[Any]) -> None:
        asked = list(requests)
        while not self._mpi.Request.Testall(asked):
            os.sched_yield()
