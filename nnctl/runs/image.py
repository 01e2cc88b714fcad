"""An HDF5 file as a list of pieces: metadata, laid out once a run, and arrays that are not copied.

A run's checkpoints all have one layout, so a commit costs little more than hashing and writing the bytes.
The first 512 bytes (HDF5's user block, which HDF5 ignores) carry the SHA-256 of all that follows, so that a
damaged file is known before the HDF5 library reads a byte of it. The same content gives the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from nnctl.storage.array_bytes import as_bytes, little_endian
from nnctl.storage.hdf5_layout import ArraySpec, Layout, lay_out
from nnctl.storage.hdf5_writer import Piece, in_order

USER_BLOCK = 512
MAGIC = b"nnctl model 1\nsha256 "
_TEXT_STEP = 4096
_SMALL = 1 << 17


def pieces(
    texts: Mapping[str, str], arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]
) -> list[Piece]:
    """The whole file, in order; arrays are views, so they must not change before it is written.

    Args:
        texts: Texts by path (components joined by `/`); arrays: arrays by path.
        attributes: ASCII strings on the root group.

    Raises:
        ValueError: An array's dtype is neither integer nor float; a path is used twice.
    """
    contents: list[Piece] = []
    specs: list[ArraySpec] = []
    for path, array in arrays.items():
        flat = little_endian(array)
        specs.append((path, flat.dtype.str, flat.shape))
        contents.append(as_bytes(flat))
    for path, text in texts.items():  # last, so that growing texts leave the arrays where they are
        data = text.encode()
        room = -(-(len(data) + 1) // _TEXT_STEP) * _TEXT_STEP
        specs.append((path, f"|S{room}", ()))
        contents.append(data.ljust(room, b"\0"))
    layout = _layout(tuple(specs), tuple(attributes.items()))
    body = list(_joined(in_order(layout, contents, USER_BLOCK)))
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    return [user_block(digest.hexdigest()), *body]


@lru_cache(maxsize=4)
def _layout(specs: tuple[ArraySpec, ...], attributes: tuple[tuple[str, str], ...]) -> Layout:
    return lay_out(specs, dict(attributes), USER_BLOCK)


def user_block(digest: str) -> bytes:
    """The first 512 bytes of a file whose remaining bytes have this SHA-256."""
    return (MAGIC + digest.encode() + b"\n").ljust(USER_BLOCK, b"\0")


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same bytes, small pieces joined: a system call costs more than copying them."""
    small = bytearray()
    for piece in pieces:
        if len(piece) < _SMALL:
            small += piece
        if len(small) >= _SMALL or (small and len(piece) >= _SMALL):
            yield bytes(small)
            small.clear()
        if len(piece) >= _SMALL:
            yield piece
    if small:
        yield bytes(small)
