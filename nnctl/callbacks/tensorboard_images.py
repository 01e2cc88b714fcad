"""Weights as pictures: laid out as Keras's TensorBoard callback lays them out, packed as PNG."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from nnctl.core.arrays import Array

MOST = 3
"""So many pictures of a weight are shown (TensorFlow: `max_outputs`)."""


def pictures(weight: Array) -> Array | None:
    """A weight as grey or coloured pictures (N, height, width, 1, 3 or 4); None where it is no picture.

    Axes of one are left out. A vector is a line, a matrix lies on its longer side, and of three axes the last
    one counts the pictures. Four axes are taken for pictures if their last could be colours.
    Source: keras.callbacks.TensorBoard (`_log_weight_as_image`).
    """
    image = np.squeeze(weight)
    if image.ndim == 1:
        image = image.reshape(1, -1, 1, 1)
    elif image.ndim == 2:
        image = (image.T if image.shape[0] > image.shape[1] else image)[None, :, :, None]
    elif image.ndim == 3:
        image = np.transpose(image, (2, 0, 1))[..., None]
    return image if image.ndim == 4 and image.shape[-1] in (1, 3, 4) else None


def grey_levels(image: Array) -> Array:
    """Numbers as levels from 0 to 255: 0 and below is black, 1 and above white (TensorFlow's rounding)."""
    levels: Array = np.minimum(np.clip(image, 0, 1) * 255.5, 255).astype(np.uint8)
    return levels


def png(image: Array) -> bytes:
    """A picture (height, width, 1, 3 or 4) of levels (uint8) as a PNG file."""
    height, width, channels = image.shape
    colours = {1: 0, 3: 2, 4: 6}[channels]
    # Each line begins with the number of its filter: 0, none.
    lines = np.pad(image.reshape(height, width * channels), ((0, 0), (1, 0))).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
