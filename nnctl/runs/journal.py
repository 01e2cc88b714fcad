"""A file of a run that grows by a line an epoch: added to, never written anew.

So an epoch costs the same however many there were. A checkpoint holds a journal's mark, its length and hash
at that moment, instead of its lines; what stands behind the mark belongs to epochs that no checkpoint knows,
and is cut off when the run goes on from there.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.storage.disk import Disk, make_directories, storage, write_all

MAX_BYTES = 256 << 20
"""The most that is read of one; a million epochs fit."""


@record
class Mark:
    """How far a journal came: its bytes, and their SHA-256."""

    size: int
    sha256: str


class Journal:
    """One such file, open for adding to it.

    Its content is remembered, so that a file that another hand has cut or removed meanwhile is written again.

    Args:
        path: The file; its directory is made if it is missing.
        disk: What changes the disk.

    Raises (from each method):
        StorageError: It cannot be written.
    """

    _synced: bool
    """Whether what stands in the file is on the platter; known once it is open."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.disk = disk
        self._content = bytearray()
        self._hash = hashlib.sha256()
        self._fd: int | None = None

    def begin(self) -> None:
        """Make the file, or empty it: what another attempt at this run left in it is not of this one."""
        with storage(f"cannot write {self.path}"):
            make_directories(self.disk, self.path.parent)
            self._open()
            self._cut(0)
            self.disk.sync_directory(self.path.parent)

    def restore(self, mark: Mark) -> bool:
        """Go on behind `mark`, and cut off what stands there; False where the file does not hold as much."""
        with storage(f"cannot read {self.path}"):
            try:
                with below.reading(self.path, self.disk.root) as file:
                    content = file.read(min(mark.size, MAX_BYTES))
            except (FileNotFoundError, RunError):
                return False
        digest = hashlib.sha256(content)
        if len(content) != mark.size or digest.hexdigest() != mark.sha256:
            return False
        self._content, self._hash = bytearray(content), digest
        with storage(f"cannot write {self.path}"):
            self._open()
            self._cut(mark.size)
        return True

    def append(self, text: str) -> None:
        """Add `text`. Not synced: after a power loss, what no mark stands for is made again."""
        data = text.encode()
        with storage(f"cannot write {self.path}"):
            whole = self._is_ours()
            self._content += data
            self._hash.update(data)
            self._synced = False
            if whole:
                assert self._fd is not None
                write_all(self.disk, self._fd, [data])
            else:
                self._write_again()

    def mark(self) -> Mark:
        """Bring the file to the platter; how far it came. A checkpoint with the mark is written after."""
        with storage(f"cannot write {self.path}"):
            if not self._is_ours():
                self._write_again()
            if not self._synced:
                assert self._fd is not None
                self.disk.sync(self._fd)
                self._synced = True
        return Mark(len(self._content), self._hash.hexdigest())

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        if self._fd is not None:
            with suppress(OSError):  # what counts was synced before a checkpoint named it
                self.disk.close(self._fd)
            self._fd = None

    def _is_ours(self) -> bool:
        """Whether the file is still there under its name, and as long as we left it."""
        if self._fd is None:
            return False
        found = os.fstat(self._fd)
        return found.st_nlink > 0 and found.st_size == len(self._content)

    def _write_again(self) -> None:
        self.close()
        self._open()
        self._cut(0)
        assert self._fd is not None
        write_all(self.disk, self._fd, [bytes(self._content)])
        self.disk.sync_directory(self.path.parent)

    def _open(self) -> None:
        if self._fd is None:
            self._fd = self.disk.open_append(self.path)

    def _cut(self, size: int) -> None:
        assert self._fd is not None
        self._synced = False
        if os.fstat(self._fd).st_size != size:
            self.disk.truncate(self._fd, size)
