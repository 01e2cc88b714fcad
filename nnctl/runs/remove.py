"""Removing a run's directory: only a run that nobody holds, and only what the run wrote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.visible import listed
from nnctl.runs.directory import MANIFEST, RESOLVED, RunDirectory, is_own
from nnctl.runs.lock import LOCK_NAME, holder
from nnctl.spec.yaml.document import parse_document
from nnctl.spec.yaml.reading import decode
from nnctl.storage.disk import storage


def removable(run: RunDirectory, *, force: bool) -> None:
    """Whether the run may be removed; nothing is yet.

    Raises:
        RunError: It is reached through a link; it is no run of nnctl's; another process holds it; it has
            files that the run did not write and `force` is not said.
    """
    if os.path.islink(run.path):
        raise RunError(f"{run.path} is a symbolic link to {os.path.realpath(run.path)}; name that directory")
    _of_nnctl(run)
    busy = holder(run.path)
    if busy:
        raise RunError(f"{run.path} is in use by {busy}")
    names = below.names_in(run.path, run.path)
    others = sorted({name for name in names if not is_own(name)} - set(_logs(run)))
    if others and not force:
        raise RunError(
            f"{run.path} has files that the run did not write: {listed(others)}; --force removes them too"
        )


def _of_nnctl(run: RunDirectory) -> None:
    """A damaged run can be removed; a directory that has a manifest.json of another program cannot.

    A kill at the very beginning, or while it is removed, leaves nothing but the lock.
    """
    try:
        run.manifest()
    except RunError as error:
        lock_alone = below.names_in(run.path, run.path) == [LOCK_NAME]
        if not lock_alone and not below.exists(run.path / RESOLVED, run.path):
            why = f"and there is no {RESOLVED}: nnctl did not make this directory"
            raise RunError(f"{error}, {why}") from None


def _logs(run: RunDirectory) -> Iterator[str]:
    """The first part of each name that callbacks write under, as far as the config can be read."""
    config: Any = {}
    with suppress(Exception):
        config = parse_document(decode(run.resolved().encode(), "resolved.yaml")).data
        for callback in config["training"]["callbacks"]:
            for field in ("filename", "log_dir"):
                if isinstance(callback.get(field), str):
                    yield callback[field].split("/")[0]


def remove(run: RunDirectory) -> None:
    """Remove the run's directory; links in it are removed, what they point to is not.

    The manifest goes last, but for the lock: what a kill leaves is still a run, and can be removed again.

    Raises:
        RunError: Another process holds it.
        StorageError: It cannot be removed.
    """
    run.lock.acquire()
    try:
        with storage(f"cannot remove {run.path}"):
            for name in sorted(below.names_in(run.path, run.path), key=_goes_last):
                _remove(run, name)
            os.rmdir(run.path)
    finally:
        run.lock.release()
    if run.name != str(run.path):  # runs/<name>/<number>; any other directory above is the user's
        with suppress(OSError):
            os.rmdir(run.path.parent)  # where this was the last run of that name


def _goes_last(name: str) -> tuple[bool, bool]:
    return name == LOCK_NAME, name == MANIFEST


def _remove(run: RunDirectory, name: str) -> None:
    if below.is_directory(run.path / name, run.path):
        shutil.rmtree(run.path / name)
    else:
        run.disk.unlink(run.path / name)
