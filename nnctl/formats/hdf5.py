"""Arrays as a plain HDF5 file, in pieces: contiguous, uncompressed, the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.arrays import Array
from nnctl.runs.hdf5_layout import lay_out
from nnctl.runs.state import as_bytes, little_endian


def hdf5(arrays: Mapping[str, Array]) -> list[bytes | memoryview]:
    """The file in order; arrays by path (components joined by `/`) are views, not copies.

    Raises:
        ValueError: an array's dtype is neither integer nor float; a path is used twice.
    """
    flat = {path: little_endian(array) for path, array in arrays.items()}
    layout = lay_out([(path, a.dtype.str, a.shape) for path, a in flat.items()], {}, 0)
    placed: list[tuple[int, bytes | memoryview]] = list(layout.metadata)
    contents = zip(layout.offsets, flat.values(), strict=True)
    placed += [(offset, as_bytes(array)) for offset, array in contents if offset is not None]
    pieces: list[bytes | memoryview] = []
    end = 0
    for offset, piece in sorted(placed, key=lambda entry: entry[0]):
        if offset > end:
            pieces.append(bytes(offset - end))
        pieces.append(piece)
        end = offset + len(piece)
    return pieces
