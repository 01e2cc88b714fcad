"""The members of a zip archive that may come from a stranger: named ones, bounded, nothing extracted."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import BinaryIO

from nnctl.core.errors import RunError

_END = b"PK\x05\x06"
_END_SIZE = 22
_LOCATOR = b"PK\x06\x07"
_LOCATOR_SIZE = 20
_LARGE_END_SIZE = 56
_MAX_COMMENT = (1 << 16) - 1
_MAX_DIRECTORY = 1 << 20
"""The most bytes of an archive's own list of members; nnctl reads archives of a few."""


class Members:
    """An archive's members by name.

    Args:
        file: The archive, open.
        name: What errors call it.

    Raises:
        RunError: it is no zip archive, its list of members is too long, or a name stands in it twice.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._file = file
        _check_directory(file, name)
        try:
            self._archive = zipfile.ZipFile(file)
            infos = self._archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
            raise RunError(f"{name} is no zip archive: {error}") from None
        for info in infos:
            if info.flag_bits & 1:
                raise RunError(f"{name}: its member {info.filename} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RunError(
                    f"{name}: its member {info.filename} is packed by a method that nnctl does not read "
                    f"({info.compress_type}): pack it anew, stored or deflated"
                )
        self._infos: Mapping[str, zipfile.ZipInfo] = {info.filename: info for info in infos}
        if len(self._infos) < len(infos):
            raise RunError(f"{name}: two of its members have one name")

    @property
    def names(self) -> list[str]:
        """The members' names, in the archive's order."""
        return list(self._infos)

    def size(self, member: str) -> int:
        """The bytes that a member claims to have, unpacked."""
        return self._infos[member].file_size

    def packed(self, member: str) -> bool:
        """Whether a member has to be unpacked to be read."""
        return self._infos[member].compress_type != zipfile.ZIP_STORED

    def start(self, member: str, count: int) -> bytes:
        """The first bytes of a member, unpacked: as many as there are, `count` at the most."""
        return self._unpacked(self._infos[member], count)

    def read(self, member: str, most: int) -> bytes:
        """A member, unpacked.

        Args:
            most: Of more bytes none is read.

        Raises:
            RunError: it is missing, larger, or damaged.
        """
        info = self._infos.get(member)
        if info is None:
            raise RunError(f"{self.name} has no {member}")
        if info.file_size > most:
            raise RunError(f"{self.name}: {member} has {info.file_size:,} bytes, more than {most:,}")
        # Whatever it claims: not more than that is unpacked.
        found = self._unpacked(info, info.file_size)
        if len(found) < info.file_size:
            raise RunError(f"{self.name}: {member} is cut off")
        return found

    def _unpacked(self, info: zipfile.ZipInfo, count: int) -> bytes:
        try:
            with self._archive.open(info) as opened:
                return opened.read(count)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
            raise RunError(f"{self.name}: {info.filename} cannot be read: {error}") from None

    def open(self, member: str, most: int) -> BinaryIO:
        """A member to be read from any place: where it lies if it is stored as it is, else unpacked.

        Raises:
            RunError: as `read`.
        """
        info = self._infos.get(member)
        if info is None or self.packed(member):
            return io.BytesIO(self.read(member, most))
        self._file.seek(info.header_offset)
        head = self._file.read(30)
        if len(head) < 30 or not head.startswith(b"PK\x03\x04"):
            raise RunError(f"{self.name}: {member} cannot be read: its header is damaged")
        name, extra = struct.unpack_from("<HH", head, 26)
        start = info.header_offset + 30 + name + extra
        if (
            start + info.file_size > os.fstat(self._file.fileno()).st_size
            or info.file_size != info.compress_size
        ):
            raise RunError(f"{self.name}: {member} is cut off")
        part = _Part(self._file, start, info.file_size)
        if _checksum(part) != info.CRC:
            raise RunError(f"{self.name}: {member} is damaged: its bytes do not have its checksum")
        part.seek(0)
        return io.BufferedReader(part)


def _checksum(file: io.RawIOBase) -> int:
    found = 0
    while piece := file.read(1 << 20):
        found = zlib.crc32(piece, found)
    return found


class _Part(io.RawIOBase):
    """Some bytes of a file as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        found = self._file.readinto(memoryview(buffer)[:count])  # type: ignore[attr-defined]
        self._at += found
        return int(found)


def _check_directory(file: BinaryIO, name: str) -> None:
    """See how long the list of members is before it is read whole."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _LARGE_END_SIZE - _LOCATOR_SIZE - _END_SIZE - _MAX_COMMENT))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        raise RunError(f"{name} is no zip archive")
    (length,) = struct.unpack_from("<I", tail, at + 12)
    # Of an archive beyond 2 GB another record before the end counts, whatever the end says.
    large = at - _LOCATOR_SIZE - _LARGE_END_SIZE
    if tail[at - _LOCATOR_SIZE : at].startswith(_LOCATOR) and large >= 0:
        (length,) = struct.unpack_from("<Q", tail, large + 40)
    if length > _MAX_DIRECTORY:
        raise RunError(f"{name}: its list of members has {length:,} bytes, more than nnctl reads")
    file.seek(0)
