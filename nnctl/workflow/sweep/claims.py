"""Who on this machine works on a trial: a lock that the system gives back where a worker is killed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

CLAIMS = ".claims"


class Claim:
    """The claim on a trial, held until `release` or the process's end."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd

    @classmethod
    def take(cls, place: Path, slot: int) -> Claim | None:
        """Claim a trial; None where another process of this machine holds it."""
        (place / CLAIMS).mkdir(exist_ok=True)
        fd = os.open(place / CLAIMS / str(slot + 1), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return cls(fd)

    def release(self) -> None:
        """Give it back; a second call does nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
