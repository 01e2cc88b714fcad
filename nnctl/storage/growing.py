"""A file that is written piece by piece and takes its name only when it is whole."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from nnctl.core.errors import NnctlError
from nnctl.storage.disk import DISK, Disk, create_temporary, discard, storage, write_all


class GrowingFile:
    """A temporary file beside `path`; leaving the block without an error gives it the name.

    Where the block ends in an error the temporary file is removed, and what was at `path` before is still
    there, whole. Unlike `commit`, it is not read back: what it is for can be made again.
    """

    temporary: Path
    fd: int

    def __init__(self, path: Path, disk: Disk = DISK) -> None:
        self.path, self.disk = path, disk

    def __enter__(self) -> GrowingFile:
        with self._storage():
            self.temporary, self.fd = create_temporary(self.disk, self.path)
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
            discard(self.disk, self.temporary)
            raise
        if error is not None:
            discard(self.disk, self.temporary)

    def _storage(self) -> AbstractContextManager[None]:
        return storage(f"cannot write {self.path}")
