"""One process at a time holds a run: flock on a file in its directory."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.storage.disk import storage

LOCK_NAME = ".lock"


class RunLock:
    """The lock of a run directory, held from `acquire` until `release` or the process's end.

    The file stays; only the lock on it counts, so a killed process leaves nothing to clean up.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / LOCK_NAME
        self._fd: int | None = None
        self._file: tuple[int, int] | None = None

    def acquire(self) -> RunLock:
        """Take the lock.

        Raises:
            RunError: Another process holds it; names the process. What has its name is no lock file.
            StorageError: The directory cannot be written.
        """
        with storage(f"cannot lock {self.directory}"):
            fd = below.open_regular(self.path, self.directory, os.O_RDWR | os.O_CREAT)
            try:
                _take(fd)
                os.ftruncate(fd, os.pwrite(fd, f"{os.getpid()}\n".encode(), 0))
            except BlockingIOError:
                who = _holder(fd)
                os.close(fd)
                raise RunError(f"{self.directory} is in use by {who}") from None
            except OSError:
                os.close(fd)
                raise
        self._fd, self._file = fd, _which(os.fstat(fd))
        return self

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._fd is not None:
            with suppress(OSError):  # it is released nevertheless
                os.close(self._fd)
            self._fd = None

    @property
    def held(self) -> bool:
        """Whether this object holds it."""
        return self._fd is not None

    def stands(self) -> bool:
        """Whether the file that is locked is still the one at its path."""
        try:
            return _which(os.lstat(self.path)) == self._file
        except OSError:
            return False

    def __enter__(self) -> Self:
        if not self.held:
            self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _which(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _take(fd: int) -> None:
    """Lock now; tried again for some 30 ms, the time that a glance by `holder` may take."""
    for _ in range(3):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder(directory: Path) -> str | None:
    """Who holds the run's lock ("process 1234"), or None; the lock is not taken.

    Linux has no way to ask, so a shared lock is tried for an instant.
    """
    try:
        fd = below.open_regular(directory / LOCK_NAME, directory)
    except (OSError, RunError):
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _holder(fd)
    except OSError:
        return None
    finally:
        os.close(fd)
    return None


def _holder(fd: int) -> str:
    pid = os.pread(fd, 32, 0).strip()
    return f"process {pid.decode('ascii', 'replace')}" if pid.isdigit() else "another process"
