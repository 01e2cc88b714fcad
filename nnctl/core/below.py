"""Files below a root directory, opened one name at a time: no link is followed, regular files only.

A run directory may come from a stranger. Its root is where the user pointed, through links if need be; what
lies below must lie there itself, or a run would be read from, written to and pruned somewhere else. Where
`root` is None the user named the file: links are followed, and it must still be a regular file, because a
FIFO would hang and `/dev/zero` never ends.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nnctl.core.errors import RunError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WRITING = os.O_WRONLY | os.O_RDWR


class Refused(RunError):
    """What is at a path is a link, or no regular file or directory where one should be, or too large."""


@contextmanager
def parent(path: Path, root: Path | None) -> Iterator[tuple[int | None, str]]:
    """`dir_fd` and name by which a system call reaches `path`.

    Raises:
        Refused: A component between `root` and the name is a link.
        OSError: One is missing, or is no directory.
    """
    if root is None or path == root or not path.is_relative_to(root):
        yield None, str(path)
        return
    *between, name = _inner(path, root)
    at = os.open(root, _DIRECTORY)
    try:
        for index, component in enumerate(between):
            below = _descend(at, component, root.joinpath(*between[: index + 1]))
            os.close(at)
            at = below
        yield at, name
    finally:
        os.close(at)


def _inner(path: Path, root: Path) -> tuple[str, ...]:
    """The names between `root` and `path`; none leads up."""
    parts = path.relative_to(root).parts
    if ".." in parts:
        raise Refused(f"{path} leads out of {root}")
    return parts


def _descend(at: int, name: str, shown: Path) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
    except OSError as error:
        raise _refused(error, name, at, shown) from error


def _refused(error: OSError, name: str, at: int | None, shown: Path) -> Exception:
    """What to raise for an open that failed: Refused where something else is there than should be."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(name, dir_fd=at, follow_symlinks=False).st_mode):
                return Refused(f"{shown} is a symbolic link; nnctl follows none inside a run directory")
    if error.errno in (errno.ENXIO, errno.EISDIR):
        return Refused(f"{shown} is not a regular file")
    if error.errno == errno.ENOTDIR and at is not None:
        return Refused(f"{shown} is not a directory")
    return error


def open_directory(path: Path, root: Path | None = None) -> int:
    """A descriptor of the directory `path`.

    Raises:
        Refused: It, or what leads to it below `root`, is a link.
        OSError: It cannot be opened.
    """
    with parent(path, root) as (at, name):
        return os.open(name, _DIRECTORY) if at is None else _descend(at, name, path)


def open_regular(path: Path, root: Path | None = None, flags: int = os.O_RDONLY, mode: int = 0o644) -> int:
    """A descriptor of the regular file `path`; with O_CREAT in `flags` it is made where it is missing.

    Raises:
        Refused: It, or what leads to it below `root`, is a link; it is no regular file; it shall be written
            and has a second name (a hard link), under which it would change too.
        OSError: It cannot be opened.
    """
    # Without O_NONBLOCK, opening a FIFO waits for its other end.
    careful = flags | os.O_CLOEXEC | os.O_NONBLOCK
    with parent(path, root) as (at, name):
        try:
            fd = os.open(name, careful if at is None else careful | os.O_NOFOLLOW, mode, dir_fd=at)
        except OSError as error:
            raise _refused(error, name, at, path) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise Refused(f"{path} is not a regular file")
        if flags & _WRITING and root is not None and found.st_nlink > 1:
            raise Refused(f"{path} has a second name (a hard link), which would change with it")
    except BaseException:
        os.close(fd)
        raise
    return fd


def make_directories(path: Path, root: Path) -> None:
    """Make the directories that are missing between `root`, which exists, and `path`.

    Raises:
        Refused: One is a link.
        OSError: One cannot be made.
    """
    for at in [p for p in (*reversed(path.parents), path) if p.is_relative_to(root)]:
        with suppress(FileExistsError), parent(at, root) as (fd, name):
            os.mkdir(name, dir_fd=fd)
        os.close(open_directory(at, root))


@contextmanager
def reading(path: Path, root: Path | None = None) -> Iterator[io.BufferedReader]:
    """The regular file `path`, open for reading. Raises as `open_regular`."""
    with open(open_regular(path, root), "rb") as file:
        yield file


def read_capped(path: Path, root: Path | None, cap: int) -> bytes:
    """The bytes of the regular file `path`.

    Raises:
        Refused: As `open_regular`, or it holds more than `cap` bytes.
        OSError: It cannot be read.
    """
    with reading(path, root) as file:
        content = file.read(cap + 1)
    if len(content) > cap:
        raise Refused(f"{path} holds more than {cap:,} bytes, the most that is read of such a file")
    return content


def is_file(path: Path, root: Path | None = None) -> bool:
    """Whether a regular file is at `path`, reached without a link below `root`; nothing is raised."""
    return _is(path, root, stat.S_ISREG)


def is_directory(path: Path, root: Path | None = None) -> bool:
    """Whether a directory is at `path`, reached without a link below `root`; nothing is raised."""
    return _is(path, root, stat.S_ISDIR)


def exists(path: Path, root: Path | None = None) -> bool:
    """Whether anything is at `path`, a link too; nothing is raised."""
    return _is(path, root, lambda mode: True)


def _is(path: Path, root: Path | None, kind: Callable[[int], bool]) -> bool:
    try:
        with parent(path, root) as (at, name):
            mode = os.stat(name, dir_fd=at, follow_symlinks=at is None).st_mode
    except (OSError, ValueError, RunError):
        return False
    return kind(mode)


def names_in(path: Path, root: Path | None = None) -> list[str]:
    """The names in the directory `path`, sorted. Raises as `open_directory`."""
    fd = open_directory(path, root)
    try:
        return sorted(os.listdir(fd))
    finally:
        os.close(fd)
