"""Arrays as a plain HDF5 file, in pieces: contiguous, uncompressed, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from nnctl.core.arrays import Array
from nnctl.storage.array_bytes import as_bytes, little_endian
from nnctl.storage.hdf5_layout import Attributes, Layout, lay_out

Piece = bytes | memoryview


def hdf5(
    arrays: Mapping[str, Array],
    attributes: Attributes = MappingProxyType({}),
    groups: Mapping[str, Attributes] = MappingProxyType({}),
) -> list[Piece]:
    """The file in order; arrays by path (components joined by `/`) are views, not copies.

    Args:
        attributes, groups: Those of the root group, and of other groups by path.

    Raises:
        ValueError: an array's dtype is neither integer nor float; a path is used twice.
    """
    flat = {path: little_endian(array) for path, array in arrays.items()}
    layout = lay_out([(path, a.dtype.str, a.shape) for path, a in flat.items()], attributes, 0, groups)
    return list(in_order(layout, [as_bytes(array) for array in flat.values()], 0))


def in_order(layout: Layout, contents: Sequence[Piece], start: int) -> Iterator[Piece]:
    """Metadata and contents from the byte `start` to the file's end, zeros in the gaps."""
    placed: list[tuple[int, Piece]] = list(layout.metadata)
    placed += [(o, c) for o, c in zip(layout.offsets, contents, strict=True) if o is not None]
    end = start
    for offset, piece in sorted(placed, key=lambda entry: entry[0]):
        if offset > end:
            yield bytes(offset - end)
        yield piece
        end = offset + len(piece)
