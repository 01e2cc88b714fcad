"""Every operation by which a run changes the disk, in one small class that tests can replace.

Nothing else in `runs` writes. So a test can stop the process at the n-th operation for every n, drop what
was never synced, or answer with a full disk.
"""

from __future__ import annotations

import copy
import errno
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nnctl.core import below
from nnctl.core.errors import NnctlError, StorageError

Buffers = Iterable[bytes | memoryview]
"""Pieces of a file, in order."""

_TEMPORARY = re.compile(r"\.(.+)\.(\d+)\.tmp")
"""What `commit` calls a file that is half written: its name and the number of the process."""
_CHUNK = 1 << 20


class Disk:
    """The real disk. Each method is one operation that either happens or raises OSError.

    Attributes:
        root: A directory below which no link is followed (`nnctl.core.below`); None: links are.
    """

    root: Path | None = None

    def inside(self, root: Path) -> Disk:
        """This disk, for what lies below `root`."""
        inner = copy.copy(self)
        inner.root = root
        return inner

    def create(self, path: Path) -> int:
        """Open a file that must not exist yet, for writing."""
        with below.parent(path, self.root) as (at, name):
            # O_EXCL follows no link either.
            return os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=at)

    def open_append(self, path: Path) -> int:
        """Open a file for writing at its end, made if it is missing."""
        return below.open_regular(path, self.root, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to its first `size` bytes."""
        os.ftruncate(fd, size)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Write some of `data`; the number of bytes that went."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Bring a file's bytes to the platter."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        """Close a file."""
        os.close(fd)

    def replace(self, source: Path, target: Path) -> None:
        """Give `source` the name `target`, in one step. Raises Refused where a directory has that name."""
        with (
            below.parent(source, self.root) as (there, before),
            below.parent(target, self.root) as (at, name),
        ):
            try:
                os.replace(before, name, src_dir_fd=there, dst_dir_fd=at)
            except IsADirectoryError as error:
                raise below.Refused(f"{target} is not a regular file") from error

    def sync_directory(self, path: Path) -> None:
        """Bring a directory's names to the platter."""
        fd = below.open_directory(path, self.root)
        try:
            os.fsync(fd)
        except OSError as error:  # some network file systems cannot sync a directory; others must
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(fd)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        with below.parent(path, self.root) as (at, name):
            os.unlink(name, dir_fd=at)

    def make_directory(self, path: Path) -> None:
        """Make a directory that must not exist yet."""
        with below.parent(path, self.root) as (at, name):
            os.mkdir(name, dir_fd=at)


DISK = Disk()


@contextmanager
def storage(what: str) -> Iterator[None]:
    """Turn an OSError inside into a StorageError that says what was being done and what to do."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{what}: {explain(error)}") from error


def explain(error: OSError) -> str:
    """An OSError in a user's words."""
    if error.errno is None:  # not the system's own
        return f"{error} (OSError)"
    known = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EFBIG: "the file would be larger than this process may write",
        errno.EIO: "the disk reported an I/O error",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "permission denied",
        errno.EPERM: "permission denied",
    }
    reason = known.get(error.errno, error.strerror)
    return f"{reason} ({errno.errorcode.get(error.errno, 'OSError')})"


def make_directories(disk: Disk, path: Path) -> None:
    """Make `path` and its missing parents; each new name is synced. An existing directory is fine."""
    if below.is_directory(path, disk.root):
        return
    if path.parent != path:
        make_directories(disk, path.parent)
    try:
        disk.make_directory(path)
    except FileExistsError:
        os.close(below.open_directory(path, disk.root))
        return
    disk.sync_directory(path.parent)


def write_all(disk: Disk, fd: int, pieces: Buffers) -> None:
    """Write every byte of every piece."""
    for piece in pieces:
        view = memoryview(piece).cast("B")
        while len(view):
            view = view[disk.write(fd, view) :]


def commit(disk: Disk, path: Path, pieces: Buffers, *, verify: bool = True) -> None:
    """Make `path` hold `pieces`, whole or not at all.

    A temporary file beside it is written, synced, read back and compared, and takes the name; the directory
    is synced. `pieces` is iterated twice where `verify` is on.

    Raises:
        StorageError: Any step failed; what was at `path` before is still there, whole.
        Refused: A directory is there, or a link leads there from below the disk's root.
    """
    with storage(f"cannot write {path}"):
        temporary, fd = create_temporary(disk, path)
        try:
            try:
                write_all(disk, fd, pieces)
                disk.sync(fd)
            finally:
                disk.close(fd)
            if verify and not holds(temporary, pieces, disk.root):
                raise StorageError(f"cannot write {path}: what was read back is not what was written")
            disk.replace(temporary, path)
        except (OSError, NnctlError):
            discard(disk, temporary)
            raise
        disk.sync_directory(path.parent)


def create_temporary(disk: Disk, path: Path) -> tuple[Path, int]:
    """A new file beside `path` that is to take its name, open for writing; what was left of such goes.

    Raises:
        OSError: It cannot be made.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    if disk.root is None:
        _remove_stale(disk, path)
    try:
        return temporary, disk.create(temporary)
    except FileExistsError:  # left by a process of the same number
        disk.unlink(temporary)
        return temporary, disk.create(temporary)


def discard(disk: Disk, path: Path) -> None:
    """Remove a temporary file where that is still possible."""
    with suppress(OSError):
        disk.unlink(path)


def holds(path: Path, pieces: Buffers, root: Path | None = None) -> bool:
    """Whether the file at `path` is exactly `pieces`."""
    with below.reading(path, root) as file:
        for piece in pieces:
            view = memoryview(piece).cast("B")
            while len(view):
                got = file.read(min(_CHUNK, len(view)))
                if not got or got != bytes(view[: len(got)]):  # bytes compare 20 times as fast as views
                    return False
                view = view[len(got) :]
        return not file.peek()


def written_half(name: str) -> str | None:
    """The name of the file that `name` is an unfinished writing of, or None where it is something else."""
    found = _TEMPORARY.fullmatch(name)
    return found[1] if found else None


def remove_temporaries(disk: Disk, directory: Path, mine: Callable[[str], bool]) -> list[Path]:
    """Remove what an earlier process left half written; call only while holding the run's lock.

    Args:
        mine: Whether this directory's writer writes a file of that name: others' files stay.
    """
    with storage(f"cannot clean {directory}"):
        try:
            names = below.names_in(directory, disk.root)
        except FileNotFoundError:
            return []
        half = [directory / n for n in names if (name := written_half(n)) is not None and mine(name)]
        found = [path for path in half if below.is_file(path, disk.root)]
        for path in found:
            disk.unlink(path)
    return found


def _remove_stale(disk: Disk, path: Path) -> None:
    """Remove what processes that are no more left half written beside `path`, the file that they meant.

    For files outside a run, which no lock guards: a process that lives may still be writing.
    """
    with suppress(OSError):
        for name in os.listdir(path.parent):
            found = _TEMPORARY.fullmatch(name)
            if found and found[1] == path.name and not _lives(int(found[2])):
                disk.unlink(path.with_name(name))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)  # another user's
    return True
