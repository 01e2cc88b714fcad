"""An HDF5 file as a list of pieces: its metadata, laid out once by h5py, and arrays that are not copied.

A run's checkpoints all have one layout, so laying it out costs 2 ms once and a commit costs little more than
hashing and writing the bytes. The first 512 bytes (HDF5's user block, which HDF5 ignores) carry the SHA-256
of all that follows, so that a damaged file is known before the HDF5 library reads a byte of it.
The same content gives the same bytes: no times are stored.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from nnctl.runs.state import as_bytes, little_endian

USER_BLOCK = 512
MAGIC = b"nnctl model 1\nsha256 "
_TEXT_STEP = 4096
_SMALL = 1 << 17

Spec = tuple[str, str, tuple[int, ...]]
"""One dataset: its path, NumPy's `dtype.str` (a fixed-length string is `|S<n>`), its shape."""


@dataclass(frozen=True)
class Layout:
    """Where everything goes: metadata by offset, and each dataset's offset (None: no bytes)."""

    metadata: tuple[tuple[int, bytes], ...]
    offsets: tuple[int | None, ...]
    size: int


class _Sparse(io.RawIOBase):
    """A file that remembers only what was written, for h5py to lay metadata out in."""

    def __init__(self) -> None:
        self.written: dict[int, bytes] = {}
        self.position = 0
        self.size = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        self.position = base + offset
        return self.position

    def tell(self) -> int:
        return self.position

    def truncate(self, size: int | None = None, /) -> int:
        self.size = self.position if size is None else size
        return self.size

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self.written[self.position] = piece
        self.position += len(piece)
        self.size = max(self.size, self.position)
        return len(piece)

    def readinto(self, buffer: Any, /) -> int:
        """Zeros, over which go all pieces ever written that overlap."""
        count = len(buffer)
        start, view = self.position, bytearray(count)
        for offset, piece in self.written.items():
            low, high = max(offset, start), min(offset + len(piece), start + count)
            if low < high:
                view[low - start : high - start] = piece[low - offset : high - offset]
        buffer[:] = view
        self.position += count
        return count


@lru_cache(maxsize=4)
def lay_out(specs: tuple[Spec, ...], attributes: tuple[tuple[str, str], ...]) -> Layout:
    """Let h5py write the metadata of these datasets and find where their bytes go."""
    import h5py

    sparse = _Sparse()
    with h5py.File(sparse, "w", userblock_size=USER_BLOCK, driver="fileobj") as file:
        for key, value in attributes:
            file.attrs[key] = np.bytes_(value)
        offsets = tuple(_reserve(file.id, *spec) for spec in specs)
    return Layout(tuple(sorted(sparse.written.items())), offsets, sparse.size)


def _reserve(file: Any, path: str, dtype: str, shape: tuple[int, ...]) -> int | None:
    """Make one contiguous dataset whose bytes are reserved and not written."""
    from h5py import h5d, h5p, h5s, h5t

    links = h5p.create(h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    links.set_char_encoding(h5t.CSET_UTF8)
    create = h5p.create(h5p.DATASET_CREATE)
    create.set_obj_track_times(False)
    create.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    create.set_fill_time(h5d.FILL_TIME_NEVER)
    space = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
    if dtype.startswith("|S"):
        kind = h5t.C_S1.copy()
        kind.set_size(int(dtype[2:]))
        kind.set_cset(h5t.CSET_UTF8)
        kind.set_strpad(h5t.STR_NULLPAD)
    else:
        kind = h5t.py_create(np.dtype(dtype))
    dataset = h5d.create(file, path.encode(), kind, space, create, links)
    return dataset.get_offset() if 0 not in shape else None


def pieces(
    texts: Mapping[str, str], arrays: Mapping[str, np.ndarray], attributes: Mapping[str, str]
) -> list[bytes | memoryview]:
    """The whole file, in order. Paths are made of components joined by `/`; see `model_file`."""
    contents: list[bytes | memoryview] = []
    specs: list[Spec] = []
    for path, text in texts.items():
        data = text.encode()
        room = -(-(len(data) + 1) // _TEXT_STEP) * _TEXT_STEP  # NULs follow, so the layout seldom changes
        specs.append((path, f"|S{room}", ()))
        contents.append(data.ljust(room, b"\0"))
    for path, array in arrays.items():
        flat = little_endian(array)
        specs.append((path, flat.dtype.str, flat.shape))
        contents.append(as_bytes(flat))
    layout = lay_out(tuple(specs), tuple(attributes.items()))
    body = list(_joined(_in_order(layout, contents)))
    digest = hashlib.sha256()
    for piece in body:
        digest.update(piece)
    return [user_block(digest.hexdigest()), *body]


def _joined(pieces: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
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


def user_block(digest: str) -> bytes:
    """The first 512 bytes of a file whose remaining bytes have this SHA-256."""
    return (MAGIC + digest.encode() + b"\n").ljust(USER_BLOCK, b"\0")


def _in_order(layout: Layout, contents: list[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    placed: list[tuple[int, bytes | memoryview]] = [p for p in layout.metadata if p[0] >= USER_BLOCK]
    placed += [(o, c) for o, c in zip(layout.offsets, contents, strict=True) if o is not None]
    end = USER_BLOCK
    for offset, piece in sorted(placed, key=lambda p: p[0]):
        if offset < end:
            raise AssertionError("HDF5 laid two things over each other")
        if offset > end:
            yield bytes(offset - end)
        yield piece
        end = offset + len(piece)
    if end < layout.size:
        yield bytes(layout.size - end)
