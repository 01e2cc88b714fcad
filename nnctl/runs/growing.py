"""A file that is written piece by piece and takes its name only when it is whole."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from nnctl.core.errors import NnctlError
from nnctl.runs.disk import DISK, Disk, storage, write_all


class GrowingFile:
    """A temporary file beside `path`; leaving the block without an error gives it the name.

    Where the block ends in an error the temporary file is removed, and what was at `path` before is still
    there, whole. Unlike `commit`, it is not read back: what it is for can be made again.
    """

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self.path, self.disk = path, disk
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self.fd = -1

    def __enter__(self) -> GrowingFile:
        with self._storage():
            try:
                self.fd = self.disk.create(self.temporary)
            except FileExistsError:  # left by a process of the same number
                self.disk.unlink(self.temporary)
                self.fd = self.disk.create(self.temporary)
        return self

    def write(self, data: bytes) -> None:
        """Append. Raises StorageError."""
        with self._storage():
            write_all(self.disk, self.fd, [data])

    def write_first(self, data: bytes) -> None:
        """Write over the first bytes. Raises StorageError."""
        with self._storage():
            os.pwrite(self.fd, data, 0)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._storage():
                try:
                    if error is None:
                        self.disk.sync(self.fd)
                finally:
                    self.disk.close(self.fd)
                if error is None:
                    self.disk.replace(self.temporary, self.path)
                    self.disk.sync_directory(self.path.parent)
        except NnctlError:
            self._discard()
            raise
        if error is not None:
            self._discard()

    def _discard(self) -> None:
        with suppress(OSError):
            self.disk.unlink(self.temporary)

    def _storage(self) -> AbstractContextManager[None]:
        return storage(f"cannot write {self.path}")
