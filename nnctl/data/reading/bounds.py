"""Bounds on what a compressed file may expand to, and bounded reading of one."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nnctl.core.errors import DataError

FREE = 64 << 20
"""Expanding to this many bytes is always allowed."""
RATIO = 200
"""Beyond that, at most this many bytes for a byte of the file."""


def check_expansion(file: str, stored: int, expanded: int) -> None:
    """Raise DataError if `expanded` bytes out of `stored` ones is more than real data gives."""
    if expanded > FREE and expanded > RATIO * max(stored, 1):
        raise DataError(
            f"expands from {stored} to {expanded} bytes or more, over the bound of {RATIO} to 1",
            file=file,
            hint="if this is real data, store it uncompressed",
        )


class BoundedStream(io.RawIOBase):
    """A binary stream read through a counter that stops a decompression bomb."""

    def __init__(self, stream: io.BufferedReader | gzip.GzipFile, file: str, stored: int) -> None:
        self.stream, self.file, self.stored, self.count = stream, file, stored, 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer`. Raises DataError when the bound is passed or the stream is damaged."""
        with decompression(self.file):
            count = self.stream.readinto(buffer)
        self.count += count
        check_expansion(self.file, self.stored, self.count)
        return count


@contextmanager
def decompression(file: str) -> Iterator[None]:
    """Turns what a damaged compressed stream raises into a DataError."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"damaged or cut off compressed data ({error})", file=file) from error


@contextmanager
def open_bytes(full: Path, file: str) -> Iterator[io.BufferedReader]:
    """The content of the file `full` (called `file` in errors), unpacked if its name ends in .gz.

    Raises:
        DataError: it cannot be read, is damaged, or expands past the bound.
    """
    try:
        with open(full, "rb") as raw:
            stored = full.stat().st_size
            if full.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield io.BufferedReader(BoundedStream(unpacked, file, stored), 1 << 18)
            else:
                yield io.BufferedReader(BoundedStream(raw, file, stored), 1 << 18)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror or error})", file=file) from error


def pass_over(content: io.BufferedReader, count: int) -> None:
    """Read `count` bytes and forget them."""
    while count and (read := content.read(min(count, 1 << 20))):
        count -= len(read)
