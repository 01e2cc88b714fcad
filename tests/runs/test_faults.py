"""A checkpoint is there whole, or not at all: killed, without power, or with a full disk at any operation."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nnctl.core.errors import StorageError
from nnctl.runs.model_file import read_model
from nnctl.runs.store import CheckpointStore
from nnctl.storage.disk import DISK, Disk
from tests.storage.faults import FaultyDisk, Killed, VolatileDisk

from .examples import example_model, same_states

STEPS = (3, 5, 8, 13, 21)
BEST = (3, 8)


def train(directory: Path, disk: Disk, done: list[int]) -> None:
    """What a run does to its store, five checkpoints long; `done` grows by each that returned."""
    store = CheckpointStore(directory / "checkpoints", keep=2, disk=disk)
    for step in STEPS:
        store.commit(example_model(step), best=step in BEST)
        done.append(step)


def check_store(directory: Path, sure: int) -> None:
    """A new process finds the newest committed checkpoint or the one after it, whole; the best too."""
    store = CheckpointStore(directory / "checkpoints", keep=2)
    store.clean()
    loaded = store.load()
    assert not list(directory.rglob("*.tmp"))
    if loaded.model is None:
        assert sure == 0
        return
    step = loaded.model.state.step
    assert step in STEPS[max(sure - 1, 0) : sure + 1]
    assert same_states(loaded.model.state, example_model(step).state)
    assert not loaded.passed_over
    best = store.best()
    assert best is not None
    assert best.step == max(s for s in BEST if s <= step)
    assert read_model(best.path).state.step == best.step
    for checkpoint in store.checkpoints():
        assert read_model(checkpoint.path).state.step == checkpoint.step
    rest = example_model(step + 1)  # and it goes on
    store.commit(rest)
    assert store.load().path == store.directory / f"step-{step + 1:08d}.h5"


def operations(make: Callable[[], FaultyDisk], directory: Path) -> int:
    disk = make()
    train(directory, disk, [])
    return disk.count


def test_killed_at_every_operation(tmp_path: Path) -> None:
    total = operations(FaultyDisk, tmp_path / "whole")
    assert total > 5 * len(STEPS)
    for at in range(total):
        disk = FaultyDisk(at)
        done: list[int] = []
        with pytest.raises(Killed):
            train(tmp_path / str(at), disk, done)
        check_store(tmp_path / str(at), len(done))


@pytest.mark.parametrize("keep_names", [False, True])
def test_power_lost_at_every_operation(tmp_path: Path, keep_names: bool) -> None:
    (tmp_path / "whole").mkdir()
    total = operations(lambda: VolatileDisk(tmp_path / "whole"), tmp_path / "whole" / "run")
    for at in range(total):
        root = tmp_path / str(at)
        root.mkdir()
        disk = VolatileDisk(root, at)
        done: list[int] = []
        with pytest.raises(Killed):
            train(root / "run", disk, done)
        found = disk.lose_power(tmp_path / f"{at}-after", keep_names=keep_names)
        check_store(found / "run", len(done))


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("sticky", [False, True])
def test_an_error_at_every_operation(tmp_path: Path, fault: int, sticky: bool) -> None:
    total = operations(FaultyDisk, tmp_path / "whole")
    for at in range(0, total, 1 if fault == errno.ENOSPC else 5):
        disk = FaultyDisk(at, fault, sticky)
        done: list[int] = []
        with pytest.raises(StorageError, match=errno.errorcode[fault]) as caught:
            train(tmp_path / str(at), disk, done)
        assert caught.value.exit_code == 1
        check_store(tmp_path / str(at), len(done))


def test_short_writes_go_on(tmp_path: Path) -> None:
    class Short(Disk):
        def write(self, fd: int, data: bytes | memoryview) -> int:
            return super().write(fd, data[:1000])

    train(tmp_path, Short(), [])
    check_store(tmp_path, len(STEPS))


def test_what_is_read_back_must_be_what_was_written(tmp_path: Path) -> None:
    class Lying(Disk):
        def write(self, fd: int, data: bytes | memoryview) -> int:
            changed = bytearray(data)
            changed[len(changed) // 2] ^= 4
            return super().write(fd, bytes(changed))

    store = CheckpointStore(tmp_path, disk=DISK)
    store.commit(example_model(3))
    with pytest.raises(StorageError, match="not what was written"):
        CheckpointStore(tmp_path, disk=Lying()).commit(example_model(4))
    assert [c.step for c in store.checkpoints()] == [3]
    assert not list(tmp_path.glob(".*"))


_FULL = """
import resource, sys
from pathlib import Path
from tests.runs.examples import example_model
from nnctl.core.errors import StorageError
from nnctl.runs.store import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]))
store.commit(example_model(3))
size = store.latest().path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
try:
    store.commit(example_model(4))
except StorageError as error:
    print(error)
else:
    print("no error")
print(store.load().model.state.step, sorted(p.name for p in store.directory.iterdir()))
"""


def test_a_file_size_limit_in_a_process_of_its_own(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", _FULL, str(tmp_path / "ck")],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    error, state = run.stdout.strip().splitlines()
    assert "EFBIG" in error
    assert state == "3 ['step-00000003.h5']"


def test_a_read_only_directory(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path / "ck")
    store.commit(example_model(3))
    store.directory.chmod(0o555)
    try:
        if os.access(store.directory, os.W_OK):
            pytest.skip("this user may write anywhere")
        with pytest.raises(StorageError, match="permission denied"):
            store.commit(example_model(4))
        assert store.load().model is not None
    finally:
        store.directory.chmod(0o755)


def test_open_files_are_limited(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    store = CheckpointStore(tmp_path)
    store.commit(example_model(1))
    before = len(os.listdir("/proc/self/fd"))
    for step in range(2, 12):
        store.commit(example_model(step))
        store.load()
    assert len(os.listdir("/proc/self/fd")) == before, (soft, hard)
