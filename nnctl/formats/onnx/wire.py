"""Messages of protocol buffers, read field by field; nothing is allocated that is not in the file.

A message is a list of fields: a key (number and kind), then a number or some bytes; what these are, whoever
reads them knows.
Source: https://protobuf.dev/programming-guides/encoding, "Message Structure".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import RunError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int | memoryview]
"""Number, kind, and the number or the bytes; of fixed ones the bytes, too."""
MOST_FIELDS = 300_000
"""Of a file: a network of a thousand layers has some ten thousand."""
_LONGEST = 10
"""Bytes of a number."""


class Wire:
    """Reads messages of one file, so many fields in all."""

    def __init__(self) -> None:
        self.left = MOST_FIELDS

    def fields(self, data: memoryview, what: str) -> Iterator[Field]:
        """The fields of a message in order.

        Args:
            what: Which message it is, for errors.

        Raises:
            RunError: it ends within a field, or has one of a kind that there is none of; or the file has more
                fields than are read.
        """
        at, end = 0, len(data)
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise RunError(
                    f"{what}: the file has more than {MOST_FIELDS:,} fields, which is more than is read"
                )
            key, at = _varint(data, at, what)
            number, kind = key >> 3, key & 7
            if kind == VARINT:
                value, at = _varint(data, at, what)
                yield number, kind, value
                continue
            if kind == BYTES:
                length, at = _varint(data, at, what)
            elif kind in (FIXED32, FIXED64):
                length = 4 if kind == FIXED32 else 8
            else:
                raise RunError(f"{what}: has a field of the kind {kind}, which protocol buffers have not")
            if length > end - at:
                raise RunError(f"{what}: ends before its field {number} does")
            yield number, kind, data[at : at + length]
            at += length


def _varint(data: memoryview, at: int, what: str) -> tuple[int, int]:
    """A number in groups of 7 bits, the lowest first, and where it ends."""
    value = 0
    for place in range(at, min(at + _LONGEST, len(data))):
        byte = data[place]
        value |= (byte & 127) << 7 * (place - at)
        if byte < 128:
            return value, place + 1
    raise RunError(f"{what}: ends within a number, or has one that is too long")


def signed(value: int) -> int:
    """An int64 that a varint holds."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def float32(data: memoryview) -> float:
    """The number that a fixed field of 4 bytes holds."""
    (value,) = struct.unpack("<f", data)
    return float(value)


def text(data: memoryview) -> str:
    """A text; what is no UTF-8 is replaced."""
    return bytes(data).decode("utf-8", "replace")


def packed(kind: int, value: int | memoryview, dtype: str, what: str) -> Array:
    """Numbers of a repeated field: all of them in one piece, or one.

    Args:
        dtype: Of fixed numbers; "varint" for others.
    """
    if isinstance(value, int):
        return np.array([signed(value)], np.int64)
    if dtype != "varint":
        size = np.dtype(dtype).itemsize
        if len(value) % size:
            raise RunError(f"{what}: has {len(value)} bytes of numbers of {size}")
        return np.frombuffer(value, dtype)
    return _varints(value, what)


def _varints(data: memoryview, what: str) -> Array:
    """Numbers one after the other, all at once: each ends at a byte below 128."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 128)
    if len(raw) and (not len(ends) or ends[-1] != len(raw) - 1):
        raise RunError(f"{what}: ends within a number")
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    if len(ends) and int((ends - starts).max()) >= _LONGEST:
        raise RunError(f"{what}: has a number that is too long")
    place = np.arange(len(raw)) - np.repeat(starts, ends - starts + 1)
    groups = (raw & 127).astype(np.uint64) << (7 * place).astype(np.uint64)
    return np.add.reduceat(groups, starts).astype(np.int64) if len(ends) else np.zeros(0, np.int64)
