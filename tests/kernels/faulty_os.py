"""The `os` module as the kernel cache sees it, which stops or fails at its n-th operation on files."""

from __future__ import annotations

import os
from typing import Any

OPERATIONS = frozenset(
    ["open", "write", "close", "replace", "unlink", "fstat", "stat", "scandir", "utime", "makedirs", "mkdir"]
)  # fmt: skip


class Killed(BaseException):
    """The process was killed: nothing after this point happens."""


class FaultyOs:
    """Counts operations; number `at` (from 0) does what `fault` says.

    Args:
        at: The operation that fails; None for none.
        fault: An errno to raise as OSError; None: the process is killed there, half of a write happens.
        sticky: Whether every later operation that may change the disk fails too (a full disk stays full).
    """

    def __init__(self, at: int | None = None, fault: int | None = None, sticky: bool = False) -> None:
        self.at, self.fault, self.sticky = at, fault, sticky
        self.operations: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in OPERATIONS:
            return real

        def operation(*args: Any, **more: Any) -> Any:
            self._step(name, args, real)
            return real(*args, **more)

        return operation

    def _step(self, name: str, args: tuple[Any, ...], real: Any) -> None:
        now = len(self.operations)
        self.operations.append(name)
        if self.at is None or now < self.at or (now > self.at and not self.sticky):
            return
        if self.fault is None:
            self.sticky = True  # the dead do nothing
            if now == self.at and name == "write":
                real(args[0], args[1][: len(args[1]) // 2])
            raise Killed
        if name == "close":
            real(*args)  # an error of close closes nevertheless
        raise OSError(self.fault, os.strerror(self.fault))
