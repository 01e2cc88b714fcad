"""A run directory: allocated without races, held by one process, its files written whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nnctl.core import below
from nnctl.core.errors import RunError, StorageError
from nnctl.runs.journal import Journal
from nnctl.runs.lock import LOCK_NAME, RunLock, holder
from nnctl.runs.manifest import Manifest, Status, finite
from nnctl.runs.scores import Scores
from nnctl.runs.store import CheckpointStore
from nnctl.storage.disk import (
    DISK,
    Disk,
    commit,
    make_directories,
    remove_temporaries,
    storage,
    written_half,
)

CONFIG, RESOLVED, MANIFEST = "config.yaml", "resolved.yaml", "manifest.json"
METRICS, CHECKPOINTS, MODEL, SCORES = "metrics.jsonl", "checkpoints", "model.h5", "evaluation.json"
MAX_TEXT = 256 << 20
"""The most bytes of a text file that are read; a million epochs fit."""
_ENCODER = json.JSONEncoder(allow_nan=False)
OWN_NAMES = (CONFIG, RESOLVED, MANIFEST, METRICS, CHECKPOINTS, MODEL, SCORES, LOCK_NAME)


class RunDirectory:
    """The files of one run, by name.

    Args:
        path: The directory; it need not exist yet.
        keep: How many of the newest checkpoints stay.
        disk: What changes the disk.
    """

    def __init__(self, path: Path, keep: int = 3, disk: Disk = DISK) -> None:
        self.path = path
        self.disk = disk.inside(path)
        self.checkpoints = CheckpointStore(path / CHECKPOINTS, keep, self.disk)
        self.lock = RunLock(path)

    @property
    def model_path(self) -> Path:
        """Where the final model is or will be."""
        return self.path / MODEL

    @property
    def name(self) -> str:
        """How a user may call it: `<name>/<number>` below `runs/`, else the path."""
        numbered = self.path.name.isdecimal() and self.path.parent.parent.name == "runs"
        return f"{self.path.parent.name}/{self.path.name}" if numbered else str(self.path)

    def open(self) -> RunDirectory:
        """Make the directory if it is missing, take its lock, remove what a killed process left.

        Raises:
            RunError: Another process holds it; something else than its file has the name of one.
            StorageError: It cannot be made or written.
        """
        with storage(f"cannot make {self.path}"):
            make_directories(self.disk, self.path)
        for name in OWN_NAMES:
            # Said now: the model is not written before everything is trained.
            if name != CHECKPOINTS and below.is_directory(self.path / name, self.path):
                raise below.Refused(f"{self.path / name} is not a regular file")
        self.lock.acquire()
        remove_temporaries(self.disk, self.path, OWN_NAMES.__contains__)
        self.checkpoints.clean()
        return self

    def check_held(self) -> None:
        """See that the directory is still the one whose lock was taken.

        Raises:
            StorageError: It was removed, moved or replaced; nothing may be written there any more.
        """
        if self.lock.held and not self.lock.stands():
            raise StorageError(f"{self.path} was removed, moved or replaced while it was used")

    def close(self) -> None:
        """Give the lock back."""
        self.lock.release()

    def write_config(self, config: str, resolved: str) -> None:
        """Write `config.yaml` (as given, overrides applied) and `resolved.yaml`."""
        commit(self.disk, self.path / CONFIG, [config.encode()])
        commit(self.disk, self.path / RESOLVED, [resolved.encode()])

    def set_model_aside(self, name: str) -> None:
        """Move the final model, where there is one, among the checkpoints that have names."""
        if not self.model_path.is_file():
            return
        with storage(f"cannot set {self.model_path} aside"):
            make_directories(self.disk, self.checkpoints.directory)
            self.disk.replace(self.model_path, self.checkpoints.directory / f"{name}.h5")
            self.disk.sync_directory(self.checkpoints.directory)
            self.disk.sync_directory(self.path)

    def config(self) -> str:
        """The text of `config.yaml`."""
        return self._text(CONFIG)

    def resolved(self) -> str:
        """The text of `resolved.yaml`."""
        return self._text(RESOLVED)

    def manifest(self) -> Manifest:
        """The manifest as written. See `status` for a run that was killed.

        Raises:
            RunError: There is none, or it is not a manifest.
        """
        if begun(self.path):
            raise RunError(f"{self.path} has no {MANIFEST}: its process has just begun, or was killed then")
        return Manifest.read(self.path / MANIFEST)

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        manifest.write(self.path / MANIFEST, self.disk)

    def scores(self, weights_sha256: str) -> Scores:
        """What is known of the model with these weights. Raises RunError where the file is damaged."""
        return Scores.read(self.path / SCORES, weights_sha256)

    def write_scores(self, scores: Scores) -> None:
        """Replace what is known of the final model."""
        scores.write(self.path / SCORES, self.disk)

    def status(self) -> Status:
        """The manifest's status; `running` without a process that holds the lock is `interrupted`."""
        status = self.manifest().status
        if status == "running" and not self.lock.held and holder(self.path) is None:
            return "interrupted"
        return status

    def journal(self, name: str) -> Journal:
        """The file `name` as one that grows by a line an epoch."""
        return Journal(self.path / name, self.disk)

    def metrics(self) -> list[dict[str, Any]]:
        """The epochs so far; a last line that is not whole is left out.

        Raises:
            RunError: Another line is no epoch's row.
        """
        if not below.exists(self.path / METRICS, self.path):
            return []
        rows = []
        # A line that has no end is being written, or was when its process was killed.
        for number, line in enumerate(self._text(METRICS).split("\n")[:-1], 1):
            row = metrics_row(line)
            if row is None:
                raise RunError(f"{self.path / METRICS}:{number}: this line is no epoch's row")
            rows.append(row)
        return rows

    def newest_model(self) -> Path:
        """The final model, or the newest intact checkpoint of a run that has none yet.

        Raises:
            RunError: There is neither.
        """
        if below.exists(self.model_path, self.path):
            return self.model_path
        path, passed = self.checkpoints.newest_intact()
        if path is None:
            why = f"; damaged: {', '.join(p.path.name for p in passed)}" if passed else ""
            raise RunError(f"{self.path} has no model and no checkpoint yet{why}")
        return path

    def _text(self, name: str) -> str:
        try:
            return below.read_capped(self.path / name, self.path, MAX_TEXT).decode()
        except FileNotFoundError:
            raise RunError(f"{self.path} has no {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise RunError(f"cannot read {self.path / name}: {error}") from error


def is_own(name: str) -> bool:
    """Whether a run keeps something by that name, or has such a file half written."""
    return name in OWN_NAMES or written_half(name) in OWN_NAMES


def begun(path: Path) -> bool:
    """Whether a run lies at `path` that has no manifest yet, as where its process was killed at once."""
    if below.exists(path / MANIFEST, path) or not below.is_file(path / LOCK_NAME, path):
        return False
    return strange_in(path) is None


def strange_in(path: Path) -> str | None:
    """A name in a directory without a manifest that no run has left there.

    A run takes its lock before it writes anything else: without one, whatever lies there is somebody else's,
    by whatever name. It writes its manifest before any checkpoint.
    """
    names = sorted(os.listdir(path)) if path.is_dir() else []
    locked = LOCK_NAME in names
    strange = next((name for name in names if not (locked and is_own(name))), None)
    checkpoints = path / CHECKPOINTS
    trained = checkpoints.is_dir() and any(checkpoints.glob("*.h5"))
    return CHECKPOINTS if strange is None and trained else strange


def metrics_line(row: Mapping[str, Any]) -> str:
    """An epoch as `metrics.jsonl` has it."""
    return _ENCODER.encode(finite(row)) + "\n"


def metrics_row(line: str) -> dict[str, Any] | None:
    """One epoch's row: an object of numbers and nulls; None where a line is something else."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not all(map(_is_number, row.values())):
        return None
    return row


def _is_number(value: Any) -> bool:
    whole = type(value) is int and abs(value) < 1 << 63
    return whole or value is None or type(value) is float


def numbered(parent: Path) -> list[Path]:
    """The directories below `parent` whose names are numbers, newest (largest) first."""
    try:
        found = [parent / n for n in os.listdir(parent) if n.isdecimal() and os.path.isdir(parent / n)]
    except OSError:
        return []
    return sorted(found, key=lambda p: int(p.name), reverse=True)


def allocate(root: Path, name: str, disk: Disk = DISK) -> Path:
    """Make `root/name/<next number>/`; two processes never get the same one.

    Raises:
        StorageError: It cannot be made.
    """
    parent = root / name
    with storage(f"cannot make a run directory in {parent}"):
        make_directories(disk, parent)
        first = int(next((p.name for p in numbered(parent)), "0")) + 1
        for number in range(first, first + 10_000):
            try:
                disk.make_directory(parent / str(number))
            except FileExistsError:
                continue
            disk.sync_directory(parent)
            return parent / str(number)
    raise StorageError(f"no free run number in {parent}")
