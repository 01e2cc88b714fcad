"""RUN on the command line: a directory, a name under `runs/`, or a checkpoint file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from nnctl.core import below
from nnctl.core.errors import RunError, nearest
from nnctl.core.records import record
from nnctl.runs.directory import CHECKPOINTS, MANIFEST, RunDirectory, begun, numbered
from nnctl.runs.model_file import ModelFile, read_model

RUNS = Path("runs")
"""Where runs are looked for by name."""


@record
class Found:
    """What RUN stands for: a run, a file in it, or a single file.

    Attributes:
        root: The run directory that `file` was found in; None where the user named the file itself.
    """

    run: RunDirectory | None
    file: Path | None = None
    root: Path | None = None

    @property
    def name(self) -> str:
        """How to show it."""
        return str(self.file) if self.file or not self.run else self.run.name

    def model(self) -> Path:
        """The file to evaluate: the one named, else the final model, else the newest checkpoint.

        Raises:
            RunError: There is none.
        """
        if self.file:
            return self.file
        assert self.run is not None
        return self.run.newest_model()

    def read(self) -> tuple[Path, ModelFile]:
        """`model()` and what it holds.

        Raises:
            Gone: It was removed between being found and being opened, as may happen while a run is training.
            RunError: There is none, or it is damaged or refused.
        """
        path = self.model()
        root = self.root if self.file or self.run is None else self.run.path
        return path, read_model(path, root=root)


def find(text: str, root: Path = RUNS) -> Found:
    """What the user means by `text`: `DIR`, `name`, `name/3`, `FILE.h5`, `RUN/checkpoints/best|latest`.

    A directory wins over a name under `root`; a name means its run with the largest number.

    Raises:
        RunError: There is no such run; names the nearest.
    """
    for path in (Path(text), root / text):
        found = _at(path)
        if found:
            return found
    known = sorted(known_names(root))
    near = nearest(text, known)
    hint = f"did you mean '{near}'?" if near else f"there are: {', '.join(known[:8]) or 'none yet'}"
    raise RunError(f"there is no run '{text}', neither as a directory nor under {root}/; {hint}")


def _at(path: Path) -> Found | None:
    if os.path.isfile(path):
        return Found(_run_around(path), path)
    if _is_run(path):
        return Found(RunDirectory(path))
    if os.path.isdir(path):
        for directory in numbered(path):
            if _is_run(directory):
                return Found(RunDirectory(directory))
    if path.parent.name == CHECKPOINTS:
        around = _at(path.parent.parent)
        if around and around.run and not around.file:
            return Found(around.run, around.run.checkpoints.find(path.name), around.run.path)
    return None


def _is_run(directory: Path) -> bool:
    return below.exists(directory / MANIFEST, directory) or begun(directory)


def _run_around(file: Path) -> RunDirectory | None:
    """The run that a file belongs to, if it lies in one."""
    for directory in Path(os.path.realpath(file)).parents[:3]:
        if _is_run(directory):
            return RunDirectory(directory)
    return None


def known_names(root: Path) -> set[str]:
    """Every name under `root` that has a run, and every `name/number`."""
    runs = list(all_runs(root))
    return {r.name for r in runs} | {r.path.parent.name for r in runs if r.path.parent != root}


def all_runs(root: Path) -> Iterator[RunDirectory]:
    """Every run `root/<name>/<number>` (and `root/<name>`), by name, oldest first."""
    try:
        names = sorted(os.listdir(root))
    except OSError:
        return
    for named in (root / name for name in names if os.path.isdir(root / name)):
        for path in (named, *reversed(numbered(named))):
            if _is_run(path):
                yield RunDirectory(path)
