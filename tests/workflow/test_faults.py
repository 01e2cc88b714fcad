"""All of `train` on a disk that stops, runs full or fails at its n-th operation: a state goes on or starts.

Manifest, configs, metrics, log files of callbacks, checkpoints and the final model are written through one
small class, so that "n-th" means each of them.
"""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

import nnctl.workflow.train
from nnctl.core.errors import NnctlError, RunError, StorageError
from nnctl.runs.directory import RunDirectory
from nnctl.storage.disk import DISK, Disk
from nnctl.workflow.assemble import assemble
from nnctl.workflow.train import start
from tests.storage.faults import FaultyDisk, Killed, VolatileDisk

IRIS = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"
LOGS = [
    "{type: CSVLogger, filename: logs/log.csv, append: true}",
    "{type: JSONLogger, append: true}",
    "{type: EarlyStopping, restore_best_weights: true, patience: 9}",
]
OVERRIDES = {
    "auto": ["training.epochs=2", f"training.callbacks=[{', '.join(LOGS)}]"],
    "steps": [
        "training.epochs=2",
        f"training.callbacks=[{', '.join([*LOGS, '{type: ModelCheckpoint, filepath: mine.h5}'])}]",
        "training.checkpoint={every: 3, keep: 1}",
    ],
}


@pytest.fixture
def assembled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading config and data is no part of this, and takes longer than the training."""
    known: dict[tuple[str, ...], Any] = {}

    def remembered(config: Path, *, overrides: Sequence[str], **rest: Any) -> Any:
        if tuple(overrides) not in known:
            known[tuple(overrides)] = assemble(config, overrides=overrides, **rest)
        return known[tuple(overrides)]

    monkeypatch.setattr(nnctl.workflow.train, "assemble", remembered)


def train(
    directory: Path, overrides: Sequence[str], disk: Disk = DISK, resume: bool = False
) -> dict[str, Any]:
    training = start(IRIS, run_dir=directory, overrides=overrides, threads=1, resume=resume, disk=disk)
    for _ in training.events():
        pass
    return training.result()


def going_on(directory: Path, overrides: Sequence[str]) -> dict[str, Any]:
    """As a user would: the same command; with --resume where it asks for that."""
    try:
        return train(directory, overrides)
    except RunError as error:
        if "--resume" not in str(error):
            raise
        return train(directory, overrides, resume=True)


def left(directory: Path) -> dict[str, Any]:
    """What a run leaves that must not depend on how it got there."""
    rows = [
        json.loads(line) | {"seconds": 0} for line in (directory / "metrics.jsonl").read_text().splitlines()
    ]
    texts = [(directory / name).read_text() for name in ("logs/log.csv", "log.jsonl")]
    return {"rows": rows, "texts": texts, "halves": [str(p) for p in directory.rglob("*.tmp")]}


def check(
    tmp_path: Path, kind: str, at_some: Callable[[int], Iterable[int]], fault: int | None = None
) -> None:
    """Train with the fault at some operations, go on without: the result of an untouched run, always."""
    overrides = OVERRIDES[kind]
    counter = FaultyDisk()
    straight = train(tmp_path / "straight", overrides, counter)
    whole = left(tmp_path / "straight")
    assert {"create", "open_append", "write", "sync", "replace", "make_directory"} <= set(counter.operations)
    for at in at_some(counter.count):
        directory = tmp_path / str(at)
        with pytest.raises(Killed if fault is None else NnctlError):
            train(directory, overrides, FaultyDisk(at, fault))
        result = going_on(directory, overrides)
        assert result == straight | {"run": str(directory)}, at
        assert left(directory) == whole, at


@pytest.mark.usefixtures("assembled_once")
@pytest.mark.parametrize("kind", ["auto", "steps"])
def test_killed(kind: str, tmp_path: Path) -> None:
    """At the first and the last operations, and some of those between; the slow matrix takes all."""
    check(tmp_path, kind, lambda n: [*range(8), *range(8, n - 2, 9), n - 2, n - 1])


@pytest.mark.slow
@pytest.mark.usefixtures("assembled_once")
@pytest.mark.parametrize("kind", ["auto", "steps"])
@pytest.mark.parametrize("fault", [None, errno.ENOSPC, errno.EIO])
def test_killed_or_failing_at_every_operation(kind: str, fault: int | None, tmp_path: Path) -> None:
    check(tmp_path, kind, range, fault)


@pytest.mark.usefixtures("assembled_once")
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_fails_once_leaves_a_reason(fault: int, tmp_path: Path) -> None:
    """And the run goes on when the disk is well again."""
    overrides = OVERRIDES["auto"]
    counter = FaultyDisk()
    straight = train(tmp_path / "straight", overrides, counter)
    for at in range(0, counter.count, 6):
        directory = tmp_path / str(at)
        with pytest.raises(StorageError, match=errno.errorcode[fault]):
            train(directory, overrides, FaultyDisk(at, fault))
        if (directory / "manifest.json").exists():
            manifest = RunDirectory(directory).manifest()
            assert (manifest.status, errno.errorcode[fault] in (manifest.reason or "")) == ("failed", True), (
                at
            )
        assert not list(directory.rglob("*.tmp")), at
        assert going_on(directory, overrides) == straight | {"run": str(directory)}


@pytest.mark.usefixtures("assembled_once")
@pytest.mark.parametrize("keep_names", [False, True])
def test_power_lost(keep_names: bool, tmp_path: Path) -> None:
    """What was not synced is gone: the marks of a checkpoint that is there hold nevertheless."""
    overrides = OVERRIDES["steps"]
    counter = FaultyDisk()
    straight = train(tmp_path / "straight", overrides, counter)
    whole = left(tmp_path / "straight")
    for at in range(3, counter.count, 11):
        root = tmp_path / str(at)
        root.mkdir()
        disk = VolatileDisk(root, at)
        with pytest.raises(Killed):
            train(root / "run", overrides, disk)
        after = disk.lose_power(tmp_path / f"{at}-after", keep_names=keep_names)
        run = after / "run"
        if run.is_dir():
            (run / ".lock").touch()  # made by flock's owner, not by the disk layer
        result = going_on(run, overrides)
        assert result == straight | {"run": str(run)}, at
        assert left(run) == whole, at


@pytest.mark.usefixtures("assembled_once")
def test_killed_while_a_completed_run_is_made_longer(tmp_path: Path) -> None:
    """The longer config goes on from every state, to the bits of one long run."""
    long = OVERRIDES["auto"]
    short = [long[0].replace("2", "1"), *long[1:]]
    straight = train(tmp_path / "straight", long)
    train(tmp_path / "short", short)
    shutil.copytree(tmp_path / "short", tmp_path / "whole")
    counter = FaultyDisk()
    train(tmp_path / "whole", long, counter, resume=True)
    for at in [*range(0, 24, 2), *range(24, counter.count, 9)]:
        directory = tmp_path / str(at)
        shutil.copytree(tmp_path / "short", directory)
        with pytest.raises(Killed):
            train(directory, long, FaultyDisk(at), resume=True)
        result = going_on(directory, long)
        assert result == straight | {"run": str(directory)}, at
        assert left(directory) == left(tmp_path / "straight"), at
