"""PNG files, read back by the rules of the format."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.report.page.png import data_uri, png


def decoded(file: bytes) -> Array:
    """The pixels (H, W, C) of a file of 8 bits a sample without filters; its checksums hold."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(file):
        (length,) = struct.unpack(">I", file[at : at + 4])
        body = file[at + 4 : at + 8 + length]
        assert struct.unpack(">I", file[at + 8 + length : at + 12 + length]) == (zlib.crc32(body),)
        chunks[body[:4]] = body[4:]
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    channels = {0: 1, 2: 3}[colour]
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 1), (4, 3, 3)])
def test_pixels_come_back(shape: tuple[int, ...]) -> None:
    pixels = (np.arange(np.prod(shape)) * 7 % 256).astype(np.uint8).reshape(shape)
    np.testing.assert_array_equal(decoded(png(pixels)), pixels)
    kind, _, data = data_uri(pixels).partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == png(pixels)
