"""A disk that stops the process at its n-th operation, forgets what was not synced, or runs full."""

from __future__ import annotations

import os
from pathlib import Path

from nnctl.storage.disk import Disk


class Killed(BaseException):
    """The process was killed: nothing after this point happens, no `finally` may write."""


class FaultyDisk(Disk):
    """Counts operations; at number `at`, does what `fault` says.

    Args:
        at: The operation (from 0) that fails; None for none.
        fault: An errno to raise as OSError, or None to be killed: half of a write happens, nothing else.
        sticky: Whether every later operation fails too (a full disk stays full).
    """

    def __init__(self, at: int | None = None, fault: int | None = None, sticky: bool = False) -> None:
        self.at, self.fault, self.sticky = at, fault, sticky
        self.count = 0
        self.operations: list[str] = []
        self.dead = False

    def _step(self, name: str) -> bool:
        """Whether this operation is the one to fail."""
        if self.dead:
            raise Killed
        now, self.count = self.count, self.count + 1
        self.operations.append(name)
        hit = self.at is not None and (now == self.at or (self.sticky and now > self.at))
        if hit and self.fault is None:
            self.dead = True
        return hit

    def _fail(self) -> None:
        if self.fault is None:
            raise Killed
        raise OSError(self.fault, os.strerror(self.fault))

    def inside(self, root: Path) -> Disk:
        self.root = root  # the same object: operations are counted in one place
        return self

    def create(self, path: Path) -> int:
        if self._step("create"):
            self._fail()
        return super().create(path)

    def open_append(self, path: Path) -> int:
        if self._step("open_append"):
            self._fail()
        return super().open_append(path)

    def truncate(self, fd: int, size: int) -> None:
        if self._step("truncate"):
            self._fail()
        super().truncate(fd, size)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self._step("write"):
            super().write(fd, data[: len(data) // 2])
            self._fail()
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        if self._step("sync"):
            self._fail()
        super().sync(fd)

    def close(self, fd: int) -> None:
        super().close(fd)  # the kernel closes a killed process's files

    def replace(self, source: Path, target: Path) -> None:
        if self._step("replace"):
            self._fail()
        super().replace(source, target)

    def sync_directory(self, path: Path) -> None:
        if self._step("sync_directory"):
            self._fail()
        super().sync_directory(path)

    def unlink(self, path: Path) -> None:
        if self._step("unlink"):
            self._fail()
        super().unlink(path)

    def make_directory(self, path: Path) -> None:
        if self._step("make_directory"):
            self._fail()
        super().make_directory(path)


class VolatileDisk(FaultyDisk):
    """Also a model of what survives a power loss: file bytes once synced, names once their directory is.

    `lose_power(target, keep_names)` builds the directory that a machine would find after the loss. With
    `keep_names`, names (and removals) reached the platter and unsynced bytes did not: the order in which
    journalling file systems may do it; without, names that were not synced are gone.
    """

    def __init__(self, root: Path, at: int | None = None) -> None:
        super().__init__(at)
        self.base = root
        self.files: list[bytes] = []  # each file ever created: its bytes on the platter
        self.names: dict[Path, int | None] = {}  # what a running process sees: the file, None: a directory
        self.names_synced: dict[Path, int | None] = {}
        self.open_files: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self.files.append(b"")
        self.open_files[fd], self.names[path] = path, len(self.files) - 1
        return fd

    def open_append(self, path: Path) -> int:
        fd = super().open_append(path)
        if path not in self.names:
            self.files.append(b"")
            self.names[path] = len(self.files) - 1
        self.open_files[fd] = path
        return fd

    def sync(self, fd: int) -> None:
        super().sync(fd)
        path = self.open_files[fd]
        file = self.names[path]
        assert file is not None
        self.files[file] = path.read_bytes()

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        self.names[target] = self.names.pop(source)

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        del self.names[path]

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        self.names[path] = None

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        others = {p: f for p, f in self.names_synced.items() if p.parent != path}
        self.names_synced = others | {p: f for p, f in self.names.items() if p.parent == path}

    def lose_power(self, target: Path, *, keep_names: bool) -> Path:
        """Write what is left into `target`, which must not exist."""
        target.mkdir()
        names = self.names if keep_names else self.names_synced
        for path in sorted(names, key=lambda p: len(p.parts)):
            place, file = target / path.relative_to(self.base), names[path]
            if not place.parent.is_dir():
                continue
            if file is None:
                place.mkdir()
            else:
                place.write_bytes(self.files[file])
        return target
