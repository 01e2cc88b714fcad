"""How much memory the variable-length texts of an HDF5 file can take at the most, before one is read.

A text of variable length is a reference into a global heap, and many references may lead to one object: a
small
file can so become as large as anybody likes. The library says the size of none before it has read all.

Source: "HDF5 File Format Specification Version 3.0" (global heap).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

SHORT = 4096
"""The bytes of an object up to which references to it are not counted one by one."""
MOST_LONG = 64
"""How many longer objects there may be; a file of Keras has two."""
REFUSED = 1 << 62
"""What is answered where that cannot be told."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = b"GCOL\x01"
"""Three reserved bytes follow, which may be any."""
_SIZES = {0: (13, 14), 1: (13, 14), 2: (9, 10), 3: (9, 10)}
"""Where superblocks of each version say how many bytes an address and a length have."""
_MOST_OBJECTS = 200_000
_PIECE = 1 << 22


def repeated_bytes(file: BinaryIO) -> int:
    """The bytes of all references to long objects together; those to short ones have `SHORT` bytes each."""
    file.seek(0)
    head = file.read(16)
    if not head.startswith(_SIGNATURE) or len(head) < 16:
        return REFUSED  # addresses do not count from the start of the file
    if any(head[at] != 8 for at in _SIZES.get(head[8], (8,))):
        return REFUSED  # references have another form
    sizes: dict[bytes, int] = {}
    for number, (at, index, size) in enumerate(_all_objects(file)):
        if number >= _MOST_OBJECTS or len(sizes) > MOST_LONG:
            return REFUSED
        if size > SHORT:
            reference = struct.pack("<QI", at, index)
            sizes[reference] = max(size, sizes.get(reference, 0))
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


def _all_objects(file: BinaryIO) -> Iterator[tuple[int, int, int]]:
    for _, at in _places(file, [_COLLECTION]):
        yield from _objects(file, at)


def _objects(file: BinaryIO, at: int) -> Iterator[tuple[int, int, int]]:
    """Address of its collection, index and size of each object of the collection that begins at `at`."""
    file.seek(at + 8)
    (size,) = struct.unpack("<Q", file.read(8).ljust(8, b"\0"))
    place, end = at + 16, at + size
    while place + 16 <= end:
        file.seek(place)
        head = file.read(16)
        if len(head) < 16:
            break
        index, _, _, length = struct.unpack("<HHIQ", head)
        yield at, index, length
        # Free space has the index 0, and its length counts all of it.
        place += 16 + -(-length // 8) * 8 if index else max(length, 16)
