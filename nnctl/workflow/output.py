"""Where a command may write: never onto what it reads, and onto a file that is there only with --force."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from nnctl.core.errors import ConfigError, DataError, Problem
from nnctl.runs.directory import MANIFEST, OWN_NAMES
from nnctl.spec.load import LoadedExperiment
from nnctl.storage.disk import DISK, commit

_ELSEWHERE = "another --output"


def check_output(output: Path, *, force: bool) -> None:
    """Whether there is room for a file at `output`; to be asked before anything is computed.

    Raises:
        ConfigError: its directory is missing; it is a directory, a device or a run's own file; or a file is
            there and `force` is not said.
    """
    if not os.path.isdir(output.parent):
        message = f"there is no directory '{output.parent}' to write '{output.name}' into"
        raise ConfigError(Problem(message, expected="--output in a directory that exists"))
    _not_of_a_run(output)
    try:
        there = os.lstat(output)
    except OSError:
        return
    if os.path.isdir(output):
        raise ConfigError(Problem(f"'{output}' is a directory", expected="the name of a file"))
    if not stat.S_ISREG(there.st_mode) and not stat.S_ISLNK(there.st_mode):
        raise ConfigError(Problem(f"'{output}' is not a regular file", expected=_ELSEWHERE))
    if not force:
        message = f"'{output}' is there already"
        raise ConfigError(Problem(message, expected=f"--force to replace it, or {_ELSEWHERE}"))


def check_report(output: Path, head: str, *, force: bool) -> None:
    """`check_output` for a report that is written again and again: one that begins with `head` is ours.

    Raises:
        ConfigError: as `check_output`.
    """
    try:
        with open(output, "rb") as file:
            own = file.read(len(head)) == head.encode()
    except OSError:
        own = False
    check_output(output, force=force or own)


def write_report(output: Path, text: str) -> None:
    """Write a report whole or not at all. Raises StorageError."""
    commit(DISK, output, [text.encode()])


def _not_of_a_run(output: Path) -> None:
    """Refuse the names by which a run keeps its own files, whether they are there yet or not."""
    full = Path(os.path.realpath(output.parent)) / output.name
    for run in full.parents:
        if full.relative_to(run).parts[0].casefold() in OWN_NAMES and os.path.lexists(run / MANIFEST):
            message = f"'{output}' is the name of a file of the run in {run}, which nothing else may write"
            raise ConfigError(Problem(message, expected=_ELSEWHERE))


Read = Iterable[tuple[str, Path]]
"""What each file that counts as read is, and where."""


def keep_apart(output: Path, read: Read) -> None:
    """Refuse an output that is a file which the command reads, under whatever name; no --force helps.

    Raises:
        ConfigError: it is the same file, by hard or symbolic links or in other case.
    """
    for what, path in read:
        if _same(output, path):
            message = f"'{output}' is {what}, which this command reads"
            raise ConfigError(Problem(message, expected=_ELSEWHERE))


def keep_run_apart(directory: Path, read: Read) -> None:
    """Refuse to start a run where one of its own files would take the place of one that training reads.

    Raises:
        ConfigError: as for `--run-dir .` beside the `config.yaml` that is trained.
    """
    for what, path in read:
        for name in OWN_NAMES:
            if _same(directory / name, path):
                message = f"a run in '{directory}' would write over '{path}', which is {what}"
                raise ConfigError(Problem(message, expected="another --run-dir"))


def files_read(loaded: LoadedExperiment, directory: Path) -> Read:
    """The config, its data and its plugins; for a stored config, `loaded.file` is the model."""
    yield "the model" if loaded.file.suffix == ".h5" else "the config", loaded.file
    experiment = loaded.experiment
    for part in experiment.data.parts().values():
        try:
            paths = [path for found in part.contents(directory).values() for path in found]
        except DataError:
            paths = list(part.files().values())
        for path in paths:
            yield "the data that it is trained on", directory / path
    for name in experiment.plugins:
        if name.endswith(".py"):
            yield "a plugin of it", directory / name


def _same(a: Path, b: Path) -> bool:
    try:
        return os.path.samefile(a, b)
    except OSError:
        return os.path.realpath(a) == os.path.realpath(b)
