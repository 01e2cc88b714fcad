"""Where a study is kept: a journal in a file, or a database that the environment names."""

from __future__ import annotations

import fcntl
import os
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from nnctl.core.errors import ConfigError, Problem, StorageError

STORAGE = "NNCTL_SWEEP_STORAGE"
"""The environment variable with a database's URL. It may hold a password, and is told nowhere."""
JOURNAL = "study.journal"
_TRIES = 5

Found = TypeVar("Found")


def need_optuna() -> None:
    """Raises ConfigError: the package is missing; says how to install it."""
    if find_spec("optuna") is None:
        raise ConfigError(Problem("a sweep needs the package optuna", expected="pip install 'nnctl[sweep]'"))


def open_storage(place: Path) -> Any:
    """The storage of the study that is kept at `place`, or in the database of the environment.

    Raises:
        StorageError: it cannot be reached.
        ConfigError: a package is missing.
    """
    need_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.filterwarnings("ignore", module="optuna")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    url = os.environ.get(STORAGE)
    if not url:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        file = place / JOURNAL
        lock: Any = JournalLock(file)
        return reached(lambda: JournalStorage(JournalFileBackend(str(file), lock)))
    for short in ("postgresql://", "postgres://"):
        if url.startswith(short):
            url = f"postgresql+psycopg://{url.removeprefix(short)}"
    if url.startswith("postgresql+psycopg:") and find_spec("psycopg") is None:
        raise ConfigError(
            Problem(
                "a study in PostgreSQL needs the package psycopg", expected="pip install 'nnctl[sweep,sql]'"
            )
        )
    from optuna.storages import RDBStorage

    return reached(lambda: RDBStorage(url, engine_kwargs={"pool_pre_ping": True}))


def reached(ask: Callable[[], Found], tries: int = _TRIES) -> Found:
    """What the storage answers, asked again for a few seconds where it does not.

    Raises:
        StorageError: it does not answer. The error says nothing of the URL.
    """
    import optuna

    gone: tuple[type[Exception], ...] = (optuna.exceptions.StorageInternalError, OSError)
    if find_spec("sqlalchemy") is not None:
        from sqlalchemy.exc import SQLAlchemyError

        gone = (*gone, SQLAlchemyError)
    for attempt in range(tries):
        try:
            return ask()
        except gone as error:
            kind = type(error.__cause__ or error).__name__
            if attempt + 1 < tries:
                time.sleep(0.25 * 2**attempt)
    what = f"the database that {STORAGE} names" if os.environ.get(STORAGE) else "its journal"
    raise StorageError(
        f"the study's storage, {what}, does not answer ({kind}); runs are kept, and the same command goes on"
    ) from None


class JournalLock:
    """The lock on a journal: the system gives it back where its process is killed.

    A line that such a process has left half written is taken away by the next one.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        fd = os.open(f"{self.file}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(fd, fcntl.LOCK_EX)
        self._fd = fd
        self._mend()
        return True

    def release(self) -> None:
        """Give it back."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _mend(self) -> None:
        with open(self.file, "rb+") as journal:
            end = journal.seek(0, os.SEEK_END)
            at = end
            while at > 0:
                first = max(0, at - 4096)
                journal.seek(first)
                found = journal.read(at - first).rfind(b"\n")
                if found >= 0:
                    at = first + found + 1
                    break
                at = first
            if at < end:
                journal.truncate(at)
