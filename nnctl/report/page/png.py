"""Pixels as a PNG file in a data URI. Source: https://www.w3.org/TR/png-3/"""

from __future__ import annotations

import base64
import struct
import zlib

from nnctl.core.arrays import Array

_COLOUR_TYPES = {1: 0, 3: 2}
"""By the number of channels: grey, red-green-blue."""


def png(pixels: Array) -> bytes:
    """The file of a picture.

    Args:
        pixels: (H, W, C) uint8, C 1 or 3.
    """
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[channels], 0, 0, 0)
    # Each row begins with the number of its filter: 0, none.
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def data_uri(pixels: Array) -> str:
    """The picture (H, W, C) as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"
