"""How much memory the variable-length texts of an HDF5 file can take at the most, before one is read.

A text of variable length is a reference into a global heap, and many references may lead to one object: a
small
file can so become as large as anybody likes. The library says the size of none before it has read all.

Source: "HDF5 File Format Specification Version 3.0" (global heap).
"""

from __future__ import annotations

import struct
from typing import BinaryIO

SHORT = 4096
"""The bytes of an object up to which references to it are not counted one by one."""
MOST_LONG = 64
"""How many longer objects there may be; a file of Keras has two."""
REFUSED = 1 << 62
"""What is answered where that cannot be told."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = b"GCOL\x01\0\0\0"
_PIECE = 1 << 22


def repeated_bytes(file: BinaryIO) -> int:
    """The bytes of all references to long objects together; those to short ones have `SHORT` bytes each."""
    file.seek(0)
    if file.read(8) != _SIGNATURE:
        return REFUSED  # addresses do not count from the start of the file
    objects = [found for at in _places(file, [_COLLECTION]) for found in _objects(file, at[1])]
    long = [(at, index, size) for at, index, size in objects if size > SHORT]
    if len(long) > MOST_LONG:
        return REFUSED
    sizes = {struct.pack("<QI", at, index): size for at, index, size in long}
    return sum(sizes[found] for found, _ in _places(file, list(sizes)))


def _places(file: BinaryIO, wanted: list[bytes]) -> list[tuple[bytes, int]]:
    """Where each of some byte strings stands in the file, as often as it does."""
    found: list[tuple[bytes, int]] = []
    if not wanted:
        return found
    keep = max(map(len, wanted)) - 1
    file.seek(0)
    start, piece = 0, file.read(_PIECE)
    while piece:
        for word in wanted:
            at = piece.find(word)
            while at >= 0:
                found.append((word, start + at))
                at = piece.find(word, at + 1)
        following = file.read(_PIECE)
        if not following:
            break
        kept = piece[len(piece) - keep :] if keep else b""
        # What begins in the kept bytes does not end in them: nothing is found twice.
        start, piece = start + len(piece) - len(kept), kept + following
    return found


def _objects(file: BinaryIO, at: int) -> list[tuple[int, int, int]]:
    """Address of its collection, index and size of each object of the collection that begins at `at`."""
    file.seek(at + 8)
    (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    found = []
    place, end = at + 16, at + size
    while place + 16 <= end:
        file.seek(place)
        head = file.read(16)
        if len(head) < 16:
            break
        index, _, _, length = struct.unpack("<HHIQ", head)
        if index == 0:
            break
        found.append((at, index, length))
        place += 16 + -(-length // 8) * 8
    return found
