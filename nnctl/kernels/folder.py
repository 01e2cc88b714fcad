"""Where compiled kernels are kept, and whether what is there may be run.

What is loaded from the cache is run, so a folder that others may write is not used at all. Then, and where
it cannot be written, a private temporary folder takes its place, for this process and those it starts; no
fault of the cache ends anything. `notices` says once what went wrong, for whoever talks to the user.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import shutil
import tempfile
import time
from pathlib import Path

from nnctl.kernels.entry import SUFFIX, clean, only_mine, read_entry, remove_unfinished, write_entry

_FALLBACK = "nnctl-kernels-"
_WAY_OUT = "set NNCTL_CACHE_DIR to a folder of your own"


class Folder:
    """The cache's folder: `read` and `write` never raise; what cannot be used is as if it were empty."""

    def __init__(self, root: Path | None = None) -> None:
        self.notices: list[str] = []
        self.root = root
        self._process = os.getpid()
        self._temporary: Path | None = None
        self._cleaned = False
        self._may_write = True
        self._may_fall_back = True
        try:
            self.root = (root or cache_root()).absolute()
            os.makedirs(self.root, mode=0o755, exist_ok=True)
            self._trust()
        except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows this user's home
            self._give_up(error)

    @property
    def empty(self) -> bool:
        """Whether nothing was compiled here yet."""
        for place in self._places():
            with contextlib.suppress(OSError), os.scandir(place) as entries:
                if any(entry.name.endswith(SUFFIX) for entry in entries):
                    return False
        return True

    def read(self, name: str, key: str) -> bytes | None:
        """The payload kept under a name for exactly this key, or None."""
        for place in self._places():
            payload = read_entry(place / name, key)
            if payload is not None:
                return payload
        return None

    def write(self, name: str, key: str, payload: bytes) -> bool:
        """Keep a payload; whether that was possible."""
        if self._may_write and self.root is not None:
            try:
                write_entry(self.root / name, key, payload)
            except OSError as error:
                self._may_write = False
                self._say(f"compiled kernels cannot be kept in {self.root}: {_reason(error)}")
            else:
                self._clean()
                return True
        if self._may_fall_back:
            try:
                place = self._fallback()
                if place is not None:
                    write_entry(place / name, key, payload)
                    return True
            except OSError:
                self._may_fall_back = False
        return False

    def forget(self, process: int) -> None:
        """Remove what a process that was ended had begun to write."""
        for place in self._places():
            remove_unfinished(place, process)

    def _places(self) -> list[Path]:
        return [place for place in (self.root, self._temporary) if place is not None]

    def _trust(self) -> None:
        """Leave a folder alone that somebody else could have put something into."""
        assert self.root is not None
        found = os.stat(self.root)
        if only_mine(found):
            return
        folder, self.root = self.root, None
        mine = found.st_uid in (os.geteuid(), 0)
        who = "others may write to it" if mine else f"it belongs to another user (number {found.st_uid})"
        way = f"`chmod go-w {folder}`, or {_WAY_OUT}" if mine else _WAY_OUT
        self._say(f"compiled kernels are not taken from {folder}: {who}, and what is there is run; {way}")

    def _give_up(self, error: Exception) -> None:
        folder, self.root = self.root, None
        self._say(f"compiled kernels cannot be kept in {folder or 'the home folder'}: {_reason(error)}")

    def _say(self, text: str) -> None:
        if not self.notices:
            self.notices.append(f"{text}. Until then every start compiles them anew.")

    def _clean(self) -> None:
        """Once a process that compiles, in the folder that stays."""
        if not self._cleaned and self.root is not None and os.getpid() == self._process:
            self._cleaned = True
            clean(self.root)

    def _fallback(self) -> Path | None:
        """The temporary folder, made when first needed; a process that was forked makes none of its own."""
        if self._temporary is None and os.getpid() == self._process:
            _remove_left()
            self._temporary = Path(tempfile.mkdtemp(prefix=_FALLBACK))
            atexit.register(_remove, self._temporary, self._process)
        return self._temporary


def cache_root() -> Path:
    """The folder of compiled kernels: $NNCTL_CACHE_DIR, else one in the user's cache folder.

    Raises:
        RuntimeError: nobody knows where this user's home is.
    """
    if given := os.environ.get("NNCTL_CACHE_DIR"):
        return Path(given)
    base = os.environ.get("XDG_CACHE_HOME") or (Path.home() / ".cache")
    return Path(base) / "nnctl" / "compiled"


def _reason(error: Exception) -> str:
    """What happened and what to do about it."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({errno.errorcode[code]})"
    said = getattr(error, "strerror", None) or str(error)
    return (
        f"{said} ({errno.errorcode[code]}); {_WAY_OUT}" if code in errno.errorcode else f"{said}; {_WAY_OUT}"
    )


def _remove(folder: Path, process: int) -> None:
    """Remove a temporary folder when the process that made it ends."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    """Remove what processes that were killed left of this kind, a day later."""
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for found in entries:
            if found.name.startswith(_FALLBACK) and found.is_dir(follow_symlinks=False):
                seen = found.stat(follow_symlinks=False)
                if only_mine(seen) and time.time() - seen.st_mtime > 86400:
                    shutil.rmtree(found.path, ignore_errors=True)
