"""Arrays that were made once of other files, and are kept: named by content, read by rows, never trusted.

    mark (16 bytes), SHA-256 of all behind the head (32), length of the rows (8), rows, what they are as JSON

The name is a hash of everything that the rows follow from. A file takes its name when all of it is written;
one that does not hold what its hash says is as if it were not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import struct
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nnctl.core.errors import DataError
from nnctl.data.table import Rows, Values

IN_MEMORY = 64 << 20
"""Rows of up to this many bytes are read whole."""
GAP, SPAN = 32 << 10, 1 << 20
"""Bytes between two rows up to which both are read at once, and what is read so at most."""
SUFFIX = ".rows"
_MARK = b"nnctl rows 1\n\0\0\0"
_HEAD = struct.Struct("<16s32sQ")
_LONGEST_END = 1 << 28
_UNUSED, _MOST = 90 * 86400.0, 64 << 30


def folder() -> Path | None:
    """Where they are kept; None where that is no place of this user's own."""
    from nnctl.kernels.entry import only_mine
    from nnctl.kernels.folder import cache_root

    try:
        place = cache_root().absolute() / "rows"
        os.makedirs(place, mode=0o755, exist_ok=True)
        return place if only_mine(os.stat(place)) and only_mine(os.stat(place.parent)) else None
    except (OSError, RuntimeError):
        return None


def find_rows(key: str) -> tuple[Values, dict[str, Any]] | None:
    """The rows that are kept for a key, and what was noted of them; None where there are none."""
    place = folder()
    if place is None:
        return None
    path = place / _name(key)
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    try:
        return _opened(fd)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        with contextlib.suppress(OSError):
            os.close(fd)
        return None


def keep_rows(
    key: str, shape: tuple[int, ...], dtype: str, pieces: Iterable[npt.NDArray[Any]], notes: dict[str, Any]
) -> tuple[Values, dict[str, Any]]:
    """Write rows that come in pieces, and open them.

    Args:
        shape: That of one row.
        notes: What is noted of them; asked for when all pieces have come.

    Raises:
        DataError: there is no room for them anywhere.
    """
    with RowWriter(shape, dtype) as writer:
        for piece in pieces:
            writer.add(piece)
        return writer.end(key, notes)


class RowWriter:
    """Rows that are written as they come; `end` gives them their name, without it nothing is left of them.

    What the disk refuses is a DataError.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self.shape, self.dtype = shape, dtype
        self.place = folder()
        self.digest, self.count, self.length = hashlib.sha256(), 0, 0
        with self._room():
            self.fd, self.temporary = tempfile.mkstemp(
                prefix=f".{os.getpid()}-", suffix=".tmp", dir=self.place
            )
            self.out = open(self.fd, "w+b", closefd=False)  # noqa: SIM115
            self.out.write(_HEAD.pack(_MARK, bytes(32), 0))
        self.ended = False

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.ended:
            with contextlib.suppress(OSError):
                self.out.close()
            os.close(self.fd)
            with contextlib.suppress(OSError):
                os.unlink(self.temporary)

    def add(self, piece: npt.NDArray[Any]) -> None:
        """Some more rows."""
        raw = np.ascontiguousarray(piece, dtype=self.dtype).reshape(-1).view(np.uint8).data
        self.digest.update(raw)
        with self._room():
            self.out.write(raw)
        self.count, self.length = self.count + len(piece), self.length + len(raw)

    def end(self, key: str, notes: dict[str, Any]) -> tuple[Values, dict[str, Any]]:
        """Give them the name of a key, and open them."""
        end = json.dumps({"shape": [self.count, *self.shape], "dtype": self.dtype, "notes": notes}).encode()
        self.digest.update(end)
        with self._room():
            self.out.write(end)
            self.out.seek(0)
            self.out.write(_HEAD.pack(_MARK, self.digest.digest(), self.length))
            self.out.close()
            if self.place is not None:
                os.replace(self.temporary, self.place / _name(key))
                _clean(self.place)
            else:
                os.unlink(self.temporary)
            found = _opened(self.fd, verify=False)
        self.ended = True
        return found

    @contextlib.contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"decoded data cannot be kept ({error.strerror or error})"
            hint = "set NNCTL_CACHE_DIR to a folder with room for it"
            where = str(self.place or tempfile.gettempdir())
            raise DataError(message, file=where, hint=hint) from error


def _opened(fd: int, *, verify: bool = True) -> tuple[Values, dict[str, Any]]:
    """What an open file holds. Raises ValueError and the like where it is not what it should be."""
    found = os.fstat(fd)
    mark, digest, length = _HEAD.unpack(os.pread(fd, _HEAD.size, 0))
    rest = found.st_size - _HEAD.size - length
    if mark != _MARK or not stat.S_ISREG(found.st_mode) or not 0 < rest <= _LONGEST_END:
        raise ValueError
    if verify and _digest(fd) != digest:
        raise ValueError
    end = json.loads(os.pread(fd, rest, _HEAD.size + length))
    shape, dtype = tuple(end["shape"]), np.dtype(end["dtype"])
    if length != prod(shape) * dtype.itemsize:
        raise ValueError
    rows = KeptRows(fd, _HEAD.size, shape, dtype)
    return (rows.whole() if length <= IN_MEMORY else rows), end["notes"]


def _digest(fd: int) -> bytes:
    digest, at = hashlib.sha256(), _HEAD.size
    while block := os.pread(fd, 1 << 22, at):
        digest.update(block)
        at += len(block)
    return digest.digest()


class KeptRows:
    """Rows (N, ...) in a file, read as they are asked for: in the order in which they lie there."""

    def __init__(self, fd: int, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.fd, self.start, self.shape, self.dtype = fd, start, shape, dtype
        self.chunk_rows = 1
        self.row_bytes = max(1, prod(shape[1:]) * dtype.itemsize)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.fd)

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """The rows asked for, in that order: (len(rows), ...). Raises DataError if the disk fails."""
        ascending, back = np.unique(rows, return_inverse=True)
        out = np.empty((len(ascending), *self.shape[1:]), dtype=self.dtype)
        span, apart = max(1, SPAN // self.row_bytes), max(1, GAP // self.row_bytes)
        ends = (np.diff(ascending) > apart) | (np.diff(ascending // span) != 0)
        cuts = [0, *(np.flatnonzero(ends) + 1).tolist(), len(ascending)]
        for first, last in pairwise(cuts if len(rows) else []):
            start, stop = int(ascending[first]), int(ascending[last - 1]) + 1
            if stop - start == last - first:
                self._read(start, out[first:last])
            else:
                block = np.empty((stop - start, *self.shape[1:]), dtype=self.dtype)
                self._read(start, block)
                out[first:last] = block[ascending[first:last] - start]
        # Rows that were asked for in ascending order, as read-ahead does, need no copy.
        return out if len(out) == len(rows) and (back == np.arange(len(rows))).all() else out[back]

    def whole(self) -> npt.NDArray[Any]:
        """All rows, in memory of their own."""
        out = np.empty(self.shape, dtype=self.dtype)
        self._read(0, out)
        return out

    def _read(self, row: int, out: npt.NDArray[Any]) -> None:
        left = out.reshape(-1).view(np.uint8).data
        at = self.start + row * self.row_bytes
        while left:
            try:
                count = os.preadv(self.fd, [left[: 1 << 30]], at)
            except OSError as error:
                raise DataError(f"kept rows cannot be read ({error.strerror})") from error
            if not count:
                raise DataError("kept rows end early: the file was changed while it was read")
            left, at = left[count:], at + count


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40] + SUFFIX


def _clean(place: Path) -> None:
    """Remove what was not used for long, and the longest unused while all take too much."""
    kept = sorted(_seen(place))
    total = sum(size for _, size, _ in kept)
    for used, size, path in kept[:-1]:
        if total <= _MOST and time.time() - used <= _UNUSED:
            break
        total -= size
        with contextlib.suppress(OSError):
            os.unlink(path)


def _seen(place: Path) -> Iterator[tuple[float, int, str]]:
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for found in entries:
            with contextlib.suppress(OSError):
                seen = found.stat(follow_symlinks=False)
                if found.name.endswith(SUFFIX):
                    yield seen.st_mtime, seen.st_size, found.path
                elif found.name.endswith(".tmp") and time.time() - seen.st_mtime > 86400:
                    os.unlink(found.path)
