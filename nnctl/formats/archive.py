"""Zip archives whose bytes depend on nothing but their members."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping

_DATE = (1980, 1, 1, 0, 0, 0)
"""The oldest date that a zip can hold: when a file was written is not part of what it says."""
_UNIX = 3
_MODE = 0o600 << 16


def zipped(members: Mapping[str, Iterable[bytes | memoryview]]) -> memoryview:
    """An archive of these members, given as pieces, stored uncompressed and in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, pieces in members.items():
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system, info.external_attr = _UNIX, _MODE
            with archive.open(info, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece)
    return buffer.getbuffer()
