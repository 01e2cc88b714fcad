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
    place = folder()
    try:
        return _written(place, _name(key), shape, dtype, pieces, notes)
    except OSError as error:
        message = f"decoded data cannot be kept ({error.strerror or error})"
        hint = "set NNCTL_CACHE_DIR to a folder with room for it"
        raise DataError(message, file=str(place or tempfile.gettempdir()), hint=hint) from error


def _written(
    place: Path | None,
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    pieces: Iterable[npt.NDArray[Any]],
    notes: dict[str, Any],
) -> tuple[Values, dict[str, Any]]:
    fd, temporary = tempfile.mkstemp(prefix=f".{os.getpid()}-", suffix=".tmp", dir=place)
    try:
        digest, count, length = hashlib.sha256(), 0, 0
        with open(fd, "w+b", closefd=False) as out:
            out.write(_HEAD.pack(_MARK, bytes(32), 0))
            for piece in pieces:
                raw = np.ascontiguousarray(piece, dtype=dtype).reshape(-1).view(np.uint8).data
                digest.update(raw)
                out.write(raw)
                count, length = count + len(piece), length + len(raw)
            end = json.dumps({"shape": [count, *shape], "dtype": dtype, "notes": notes}).encode()
            digest.update(end)
            out.write(end)
            out.seek(0)
            out.write(_HEAD.pack(_MARK, digest.digest(), length))
        if place is not None:
            os.replace(temporary, place / name)
            _clean(place)
        else:
            os.unlink(temporary)
        return _opened(fd, verify=False)
    except BaseException:
        os.close(fd)
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


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
