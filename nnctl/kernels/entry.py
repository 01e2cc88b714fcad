"""One compiled kernel on disk: a file that says whose it is and proves that it is whole.

    mark, length of the key (4 bytes), length of the payload (8), SHA-256 of the payload (32), key, payload

The key is everything that the machine code follows from, in words; the file's name is the key's hash. So
there is no index that could point to the wrong code, and a file takes its name only when all of it is
written. The payload is unpickled, which runs what it says: nothing of it is looked at before its owner, key
and hash are right.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import struct
import time
from pathlib import Path

SUFFIX = ".kernel"
TEMPORARY = ".tmp"

_MARK = b"nnctl kernel 1\n\0"
_HEAD = struct.Struct("<16sIQ32s")
_MOST = 1 << 28
"""More bytes than any kernel has."""
_TOUCH = 86400.0
"""Seconds after which using an entry is noted on it, for the cleaning."""


def entry_name(label: str, key: str) -> str:
    """The file of a key: readable in front, unique behind."""
    words = re.sub(r"[^A-Za-z0-9_.]", "", label)[:80]
    return f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:40]}{SUFFIX}"


def only_mine(found: os.stat_result) -> bool:
    """Whether nobody but this user (or root) owns this and may write it."""
    if not hasattr(os, "geteuid"):
        return True
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def read_entry(path: Path, key: str) -> bytes | None:
    """The payload kept for a key, or None where there is none that can be trusted."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        fd = os.open(path, flags | getattr(os, "O_BINARY", 0))
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode) or not only_mine(found) or found.st_size > _MOST:
                return None
            with open(fd, "rb", closefd=False) as file:
                payload = _payload(file.read(found.st_size + 1), key.encode())
        finally:
            os.close(fd)
    except OSError:
        return None
    if payload is not None and time.time() - found.st_mtime > _TOUCH:
        with contextlib.suppress(OSError):
            os.utime(path)
    return payload


def _payload(content: bytes, key: bytes) -> bytes | None:
    """What a file holds behind its head, if that is what the head says."""
    if len(content) < _HEAD.size:
        return None
    mark, key_length, length, digest = _HEAD.unpack_from(content)
    start = _HEAD.size + key_length
    if mark != _MARK or len(content) != start + length or content[_HEAD.size : start] != key:
        return None
    payload = content[start:]
    return payload if hashlib.sha256(payload).digest() == digest else None


def write_entry(path: Path, key: str, payload: bytes) -> None:
    """Keep a payload for a key: the name is taken only when every byte is written.

    It is not synced: what a power loss leaves of it does not match its hash, and is compiled again.

    Raises:
        OSError: it cannot be written; nothing has changed.
    """
    words = key.encode()
    head = _HEAD.pack(_MARK, len(words), len(payload), hashlib.sha256(payload).digest())
    temporary = path.with_name(f"{_prefix(os.getpid())}{os.urandom(6).hex()}{TEMPORARY}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(temporary, flags, 0o644)
    try:
        try:
            left = memoryview(head + words + payload)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def remove_unfinished(folder: Path, process: int) -> None:
    """Remove what a process that was ended had begun to write."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for found in entries:
            if found.name.startswith(_prefix(process)):
                with contextlib.suppress(OSError):
                    os.unlink(found.path)


def _prefix(process: int) -> str:
    return f".{process}-"


def clean(folder: Path, *, unused: float = 90 * 86400.0, most: int = 1 << 30) -> None:
    """Remove what was not used for `unused` seconds, and the longest unused until `most` bytes are left.

    Whoever wants one of these at this moment has it open, or compiles it again.
    """
    now = time.time()
    kept: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for found in entries:
            with contextlib.suppress(OSError):
                seen = found.stat(follow_symlinks=False)
                if found.name.endswith(SUFFIX):
                    kept.append((seen.st_mtime, seen.st_size, found.path))
                elif found.name.endswith(TEMPORARY) and now - seen.st_mtime > 3600:
                    os.unlink(found.path)
    total = sum(size for _, size, _ in kept)
    for used, size, path in sorted(kept):
        if total <= most and now - used <= unused:
            break
        total -= size
        with contextlib.suppress(OSError):
            os.unlink(path)
