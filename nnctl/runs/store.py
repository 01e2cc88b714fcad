"""The checkpoints of a run: committed whole, found by step, the newest whose hash holds loaded.

A checkpoint is `step-<n>.h5`, the best so far `step-<n>.best.h5`, or `step-<n>.best-model.h5` where only its
weights were kept: being the best is part of the name, so one rename commits both facts. Order is by step and
never by file time.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from nnctl.core import below
from nnctl.core.errors import RunError
from nnctl.core.records import record
from nnctl.core.visible import listed
from nnctl.runs.model_file import Damaged, Expected, Gone, ModelFile, check_hash, read_model, write_model
from nnctl.storage.disk import DISK, Disk, make_directories, remove_temporaries, storage

_TRIES = 20
"""How often the newest checkpoint is looked for where the one found is gone."""
_NAME = re.compile(r"step-(\d{8,})(\.best|\.best-model)?\.h5")


@record
class Checkpoint:
    """A checkpoint file by what its name says."""

    path: Path
    step: int
    best: bool
    complete: bool = True
    """Whether training can go on from it; a best model that was kept for itself has only the weights."""


@record
class PassedOver:
    """A checkpoint that was not loaded, and why."""

    path: Path
    reason: str


@record
class NewestCheckpoint:
    """The newest checkpoint whose hash holds, and the newer ones that were passed over.

    `model` is None where there is no checkpoint at all.
    """

    model: ModelFile | None
    path: Path | None
    passed_over: tuple[PassedOver, ...] = ()


class CheckpointStore:
    """The `checkpoints/` of one run.

    Args:
        directory: Made when the first checkpoint is committed.
        keep: How many of the newest checkpoints stay, besides the best.
        disk: What changes the disk.
    """

    def __init__(self, directory: Path, keep: int = 3, disk: Disk = DISK) -> None:
        if keep < 1:
            raise ValueError("a store keeps at least one checkpoint")
        self.directory = directory
        self.keep = keep
        self.disk = disk
        self.root = disk.root

    def checkpoints(self) -> list[Checkpoint]:
        """All of them, newest first; of two at one step, the one that is not marked best first."""
        names = self._names(self.directory)
        found = [(m, n) for n in names if (m := _NAME.fullmatch(n))]
        listed = [
            Checkpoint(self.directory / n, int(m[1]), bool(m[2]), m[2] != ".best-model") for m, n in found
        ]
        return sorted(listed, key=lambda c: (-c.step, c.best, not c.complete))

    def named(self) -> list[Path]:
        """Those committed under a name of the user's, by name."""
        paths = [directory / name for directory in self._directories() for name in self._names(directory)]
        return sorted(p for p in paths if p.suffix == ".h5" and not _NAME.fullmatch(p.name))

    def _directories(self) -> list[Path]:
        """The store's own, and those below it that names of the user's have made."""
        found = [self.directory]
        for directory in found:  # grows meanwhile
            paths = [directory / name for name in self._names(directory)]
            found += [p for p in paths if p.suffix != ".h5" and below.is_directory(p, self.directory)]
        return found

    def _names(self, directory: Path) -> list[str]:
        try:
            return below.names_in(directory, self.root)
        except FileNotFoundError:
            return []

    def latest(self) -> Checkpoint | None:
        """The newest by step, its hash not checked; one that training can go on from, if there is one."""
        return min(self.checkpoints(), key=lambda c: not c.complete, default=None)

    def best(self) -> Checkpoint | None:
        """The newest that was marked best."""
        return next((c for c in self.checkpoints() if c.best), None)

    def find(self, name: str) -> Path:
        """The file that `latest`, `best`, or a file name (with or without `.h5`) stands for.

        Raises:
            RunError: There is none; says which there are.
        """
        if name in ("latest", "best"):
            found = self.latest() if name == "latest" else self.best()
            if found:
                return found.path
        else:
            for path in (self.directory / name, self.directory / f"{name}.h5"):
                if below.is_file(path, self.root):
                    return path
        there = listed([c.path.name for c in self.checkpoints()]) or "none"
        raise RunError(f"{self.directory} has no checkpoint '{name}' (there: {there})")

    def commit(self, model: ModelFile, *, best: bool = False) -> Path:
        """Commit a checkpoint of `model.state`, then remove those that are no longer kept.

        A second commit at the same step takes the place of the first, unless that one is the best and has
        other weights.

        Raises:
            StorageError: It could not be committed; the older checkpoints are intact.
        """
        step = model.state.step
        with storage(f"cannot make {self.directory}"):
            make_directories(self.disk, self.directory)
        kind = "" if not best else ".best" if model.state.complete else ".best-model"
        path = self.directory / f"step-{step:08d}{kind}.h5"
        write_model(path, model, self.disk)
        self._prune(step, path, complete=model.state.complete)
        return path

    def commit_as(self, name: str, model: ModelFile) -> Path:
        """Commit under a name of the user's, inside the directory; such a file is never removed.

        Raises:
            RunError: The name leads out of the directory or is one of the store's own.
            StorageError: It could not be committed.
        """
        path = self.directory / safe_name(name)
        with storage(f"cannot make {path.parent}"):
            make_directories(self.disk, path.parent)
        write_model(path, model, self.disk)
        return path

    def load(self, expected: Expected | None = None) -> NewestCheckpoint:
        """The newest checkpoint whose hash holds.

        Raises:
            RunError: There are checkpoints and none holds; or one holds and does not fit `expected`.
        """
        passed: list[PassedOver] = []
        for checkpoint in self.checkpoints():
            if not checkpoint.complete:
                continue
            try:
                model = read_model(checkpoint.path, expected, self.root)
                return NewestCheckpoint(model, checkpoint.path, tuple(passed))
            except Damaged as error:
                passed.append(PassedOver(checkpoint.path, str(error)))
        if passed:
            names = listed([p.path.name for p in passed])
            raise RunError(f"no checkpoint in {self.directory} is intact: {names}")
        return NewestCheckpoint(None, None)

    def newest_intact(self) -> tuple[Path | None, tuple[PassedOver, ...]]:
        """The path of the newest checkpoint whose hash holds, nothing loaded, and what was passed over."""
        for _ in range(_TRIES):
            passed: list[PassedOver] = []
            try:
                for checkpoint in self.checkpoints():
                    try:
                        check_hash(checkpoint.path, self.root)
                        return checkpoint.path, tuple(passed)
                    except Damaged as error:
                        passed.append(PassedOver(checkpoint.path, str(error)))
                return None, tuple(passed)
            except Gone:
                # The run is training and has removed it since: there are newer ones.
                continue
        raise RunError(f"the checkpoints in {self.directory} are removed faster than they can be read")

    def set_aside(self, loaded: NewestCheckpoint) -> None:
        """Rename what was passed over to `*.damaged`, so that it no longer counts among the newest.

        For the process that holds the run's lock and goes on from `loaded`.
        """
        with storage(f"cannot rename in {self.directory}"):
            for passed in loaded.passed_over:
                self.disk.replace(passed.path, passed.path.with_name(passed.path.name + ".damaged"))
            if loaded.passed_over:
                self.disk.sync_directory(self.directory)

    def clean(self) -> list[Path]:
        """Remove what a killed process left half written; for the process that holds the lock."""
        return [
            path
            for directory in self._directories()
            for path in remove_temporaries(self.disk, directory, lambda name: True)
        ]

    def _prune(self, step: int, committed: Path, *, complete: bool) -> None:
        """Keep the newest K up to `step` and the newest best; `committed` always.

        One that is `complete` takes the place of another at its step.
        """
        past = [c for c in self.checkpoints() if c.step <= step]
        steps = sorted({c.step for c in past if c.complete}, reverse=True)[: self.keep]
        best = next((c for c in past if c.best), None)
        with storage(f"cannot remove old checkpoints in {self.directory}"):
            for c in past:
                twin = complete and c.step == step and not c.best and c.path != committed
                stays = c.complete and c.step in steps and not twin
                if c.path != committed and c != best and not stays:
                    self.disk.unlink(c.path)


def safe_name(name: str) -> PurePosixPath:
    """A user's checkpoint name as a path inside `checkpoints/`, ending in `.h5`.

    Raises:
        RunError: It is absolute, leads out, is hidden, or is one of the store's own names.
    """
    path = PurePosixPath(name if name.endswith(".h5") else f"{name}.h5")
    odd = path.is_absolute() or any(part.startswith(".") for part in path.parts) or "\0" in name
    if odd or _NAME.fullmatch(path.name) or path.name in ("latest.h5", "best.h5"):
        raise RunError(f"a checkpoint cannot be named '{name}': it must be a plain relative file name")
    return path
