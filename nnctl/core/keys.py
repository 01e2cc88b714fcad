"""Random keys: a number depends on (seed, what for, step, index) and on nothing else."""

from __future__ import annotations

import hashlib

Key = tuple[int, int]
"""The two 32-bit words that key a Philox4x32 stream."""


def key(seed: int, *purpose: str | int) -> Key:
    """The key of the stream that `purpose` (e.g. "init", "dense", "kernel") draws from under `seed`."""
    text = "\0".join([str(seed), *map(str, purpose)])
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "little"), int.from_bytes(digest[4:8], "little")
