"""The operations on the disk: what errors are called, what is tolerated, what is left behind."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from nnctl.core import below
from nnctl.core.errors import RunError, StorageError
from nnctl.runs.directory import RunDirectory, allocate, begun, is_own, metrics_row, numbered, strange_in
from nnctl.runs.lock import RunLock, holder
from nnctl.runs.manifest import Manifest
from nnctl.storage.disk import (
    DISK,
    Disk,
    commit,
    explain,
    holds,
    make_directories,
    remove_temporaries,
    write_all,
    written_half,
)
from tests.storage.faults import FaultyDisk

from .examples import example_model


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full (ENOSPC)"),
        (errno.EDQUOT, "the disk quota is used up (EDQUOT)"),
        (errno.EFBIG, "the file would be larger than this process may write (EFBIG)"),
        (errno.EIO, "the disk reported an I/O error (EIO)"),
        (errno.EROFS, "the file system is read-only (EROFS)"),
        (errno.EACCES, "permission denied (EACCES)"),
        (errno.EPERM, "permission denied (EPERM)"),
        (errno.ENOENT, "odd (ENOENT)"),
    ],
)
def test_what_errors_are_called(number: int, words: str) -> None:
    assert explain(OSError(number, "odd")) == words
    assert explain(OSError("odd")) == "odd (OSError)"


@pytest.mark.parametrize(
    ("number", "raised"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_directories_that_cannot_be_synced(
    number: int, raised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems cannot; any other error is one."""
    closed = []
    close = os.close

    def fail(fd: int) -> None:
        raise OSError(number, "odd")

    monkeypatch.setattr(os, "fsync", fail)
    monkeypatch.setattr(os, "close", lambda fd: (closed.append(fd), close(fd)))
    if raised:
        with pytest.raises(OSError, match="odd"):
            DISK.sync_directory(tmp_path)
    else:
        DISK.sync_directory(tmp_path)
    assert len(closed) == 1


class Telling(Disk):
    """A disk that remembers what was done."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        self.done.append(("make", path.name))

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self.done.append(("sync", path.name))

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.done.append(("unlink", path.name))

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self.done.append(("write", bytes(data[:2]).decode()))
        return super().write(fd, data[:2])


def test_directories_are_made_from_above_and_synced(tmp_path: Path) -> None:
    disk = Telling()
    make_directories(disk, tmp_path / "a" / "b")
    assert disk.done == [("make", "a"), ("sync", tmp_path.name), ("make", "b"), ("sync", "a")]
    make_directories(disk, tmp_path / "a" / "b")
    assert len(disk.done) == 4
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        make_directories(disk, tmp_path / "file")


def test_every_byte_is_written(tmp_path: Path) -> None:
    disk = Telling()
    commit(disk, tmp_path / "a", [b"abcde", memoryview(b"f"), b""])
    assert (tmp_path / "a").read_bytes() == b"abcdef"
    assert [what for kind, what in disk.done if kind == "write"] == ["ab", "cd", "e", "f"]
    fd = os.open(tmp_path / "b", os.O_CREAT | os.O_WRONLY)
    write_all(DISK, fd, [memoryview(b"abcd").cast("H")])
    os.close(fd)
    assert (tmp_path / "b").read_bytes() == b"abcd"


def test_whether_a_file_holds_some_pieces(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc" * 1_000_000)
    whole = b"abc" * 1_000_000
    assert holds(file, [whole])
    assert holds(file, [whole[:5], memoryview(whole[5:])])
    assert not holds(file, [whole[:-1]])
    assert not holds(file, [whole, b"x"])
    assert not holds(file, [whole[:-1] + b"x"])
    assert not holds(file, [b"x" + whole[1:]])


def test_names_of_files_half_written() -> None:
    assert written_half(".model.h5.4711.tmp") == "model.h5"
    for name in ("model.h5", ".model.h5.tmp", "model.h5.4711.tmp", ".model.h5.4711.tmp2", "..4711.tmp"):
        assert written_half(name) is None
    assert all(map(is_own, ("model.h5", ".model.h5.4711.tmp", ".lock")))
    assert not any(map(is_own, ("notes", ".notes.1.tmp")))


def test_what_others_left_half_written(tmp_path: Path) -> None:
    """Outside of a run only what was meant for the same file, by processes that are no more."""
    for name in (
        ".a.999999999.tmp",
        ".b.999999999.tmp",
        f".a.{os.getppid()}.tmp",
        ".a.99999999999999999999.tmp",
    ):
        (tmp_path / name).write_text("half")
    (tmp_path / f".a.{os.getpid()}.tmp").write_text("half")
    commit(DISK, tmp_path / "a", [b"x"])
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [f".a.{os.getppid()}.tmp", ".b.999999999.tmp", "a"]
    )
    (tmp_path / ".d.1.tmp").mkdir()
    gone = remove_temporaries(DISK, tmp_path, lambda name: name in ("b", "d"))
    assert [path.name for path in gone] == [".b.999999999.tmp"]
    assert remove_temporaries(DISK, tmp_path / "none", lambda name: True) == []


def test_a_directory_has_the_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(below.Refused, match="a is not a regular file"):
        commit(DISK, tmp_path / "a", [b"x"])
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_the_model_is_set_aside(tmp_path: Path) -> None:
    disk = Telling()
    run = RunDirectory(tmp_path, disk=disk)
    run.set_model_aside("before")
    assert not run.checkpoints.directory.exists()
    run.model_path.write_bytes(b"x")
    run.set_model_aside("before")
    assert not run.model_path.exists()
    assert (tmp_path / "checkpoints" / "before.h5").read_bytes() == b"x"


def test_a_directory_where_a_file_of_the_run_should_be(tmp_path: Path) -> None:
    (tmp_path / "model.h5").mkdir()
    with pytest.raises(below.Refused, match=r"model\.h5 is not a regular file$"):
        RunDirectory(tmp_path).open()
    (tmp_path / "model.h5").rmdir()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / ".notes.1.tmp").write_text("x")
    run = RunDirectory(tmp_path).open()
    assert (tmp_path / ".notes.1.tmp").exists()
    run.close()


def test_a_directory_that_was_replaced(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "r")
    run.check_held()
    run.open()
    run.check_held()
    (tmp_path / "r" / ".lock").unlink()
    with pytest.raises(StorageError) as caught:
        run.check_held()
    assert str(caught.value) == f"{tmp_path / 'r'} was removed, moved or replaced while it was used"
    run.close()


def test_what_lies_in_a_directory_without_a_manifest(tmp_path: Path) -> None:
    assert (strange_in(tmp_path), begun(tmp_path)) == (None, False)
    (tmp_path / "model.h5").write_text("x")
    assert (strange_in(tmp_path), begun(tmp_path)) == ("model.h5", False)
    (tmp_path / ".lock").write_text("")
    assert (strange_in(tmp_path), begun(tmp_path)) == (None, True)
    with pytest.raises(RunError) as caught:
        RunDirectory(tmp_path).manifest()
    assert str(caught.value) == (
        f"{tmp_path} has no manifest.json: its process has just begun, or was killed then"
    )
    (tmp_path / "notes").write_text("x")
    assert (strange_in(tmp_path), begun(tmp_path)) == ("notes", False)
    (tmp_path / "notes").unlink()
    RunDirectory(tmp_path).checkpoints.commit(example_model(1))
    assert (strange_in(tmp_path), begun(tmp_path)) == ("checkpoints", False)
    Manifest("a").write(tmp_path / "manifest.json")
    assert not begun(tmp_path)
    assert strange_in(tmp_path / "none") is None


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ('{"epoch": 0, "loss": 0.5, "b": null}', {"epoch": 0, "loss": 0.5, "b": None}),
        ('{"epoch": 9223372036854775807}', {"epoch": 2**63 - 1}),
        ('{"epoch": 9223372036854775808}', None),
        ('{"epoch": -9223372036854775808}', None),
        ('{"epoch": true}', None),
        ('{"epoch": "0"}', None),
        ("[]", None),
        ("{", None),
        ("[" * 100_000, None),
    ],
)
def test_rows_of_epochs(line: str, row: dict[str, object] | None, tmp_path: Path) -> None:
    assert metrics_row(line) == row
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 0}\n' + line + "\n")
    if row is None:
        with pytest.raises(RunError) as caught:
            RunDirectory(tmp_path).metrics()
        assert str(caught.value) == f"{tmp_path / 'metrics.jsonl'}:2: this line is no epoch's row"
    else:
        assert RunDirectory(tmp_path).metrics() == [{"epoch": 0}, row]


def test_texts_that_cannot_be_read(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with pytest.raises(RunError) as caught:
        run.config()
    assert str(caught.value) == f"{tmp_path} has no config.yaml"
    (tmp_path / "resolved.yaml").write_bytes(b"\xff")
    with pytest.raises(RunError, match=r"cannot read .*resolved\.yaml: "):
        run.resolved()


def test_what_is_damaged_is_told_where_no_model_is_left(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for step in (1, 2):
        run.checkpoints.commit(example_model(step)).write_bytes(b"x")
    with pytest.raises(RunError) as caught:
        run.newest_model()
    assert str(caught.value) == (
        f"{tmp_path} has no model and no checkpoint yet; damaged: step-00000002.h5, step-00000001.h5"
    )


def test_names_and_numbers_of_runs(tmp_path: Path) -> None:
    assert RunDirectory(Path("x/runs/a/3")).name == "a/3"
    assert RunDirectory(Path("x/runs/a/b")).name == "x/runs/a/b"
    assert RunDirectory(Path("x/other/a/3")).name == "x/other/a/3"
    for name in ("2", "10", "x"):
        (tmp_path / "a" / name).mkdir(parents=True)
    (tmp_path / "a" / "99").write_text("x")
    assert [path.name for path in numbered(tmp_path / "a")] == ["10", "2"]
    assert numbered(tmp_path / "none") == []
    disk = Telling()
    assert allocate(tmp_path, "a", disk) == tmp_path / "a" / "11"
    assert disk.done == [("make", "11"), ("sync", "a")]
    assert allocate(tmp_path, "b").name == "1"
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1").write_text("a file")
    assert allocate(tmp_path, "c").name == "2"


@pytest.mark.parametrize(("glances", "taken"), [(0, True), (3, True), (4, False)])
def test_a_lock_is_tried_again_while_another_process_only_looks(
    glances: int, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries, pauses = [], []

    def flock(fd: int, how: int) -> None:
        tries.append(how)
        if len(tries) <= glances:
            raise BlockingIOError

    monkeypatch.setattr("nnctl.runs.lock.fcntl.flock", flock)
    monkeypatch.setattr("nnctl.runs.lock.time.sleep", pauses.append)
    lock = RunLock(tmp_path)
    if taken:
        lock.acquire()
    else:
        with pytest.raises(RunError, match=r"is in use by another process$"):
            lock.acquire()
    assert lock.held == taken
    assert tries == [fcntl.LOCK_EX | fcntl.LOCK_NB] * min(glances + 1, 4)
    assert pauses == [0.01] * min(glances, 3)
    lock.release()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_real_disk_syncs_and_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file's own bytes, then its directory's names; who may read it is left to the umask."""
    synced = []
    fsync = os.fsync

    def watched(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", watched)
    before, mask = open_files(), os.umask(0)
    try:
        commit(DISK, tmp_path / "a", [b"x"])
    finally:
        os.umask(mask)
    assert synced == [str(tmp_path / f".a.{os.getpid()}.tmp"), str(tmp_path)]
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o644
    assert open_files() == before


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """Where a stranger knew the number of the process."""
    (tmp_path / "victim").write_text("precious")
    (tmp_path / f".a.{os.getpid()}.tmp").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        DISK.create(tmp_path / f".a.{os.getpid()}.tmp")
    commit(DISK, tmp_path / "a", [b"x"])
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "a").is_symlink()


def test_what_fails_leaves_nothing_half_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    before = open_files()
    for at in range(4):
        disk = FaultyDisk(at, errno.ENOSPC)
        with pytest.raises(StorageError, match="the disk is full"):
            commit(disk, tmp_path / "a", [b"new"])
        assert (os.listdir(tmp_path), (tmp_path / "a").read_bytes()) == (["a"], b"old")
        assert open_files() == before
    assert disk.operations == ["create", "write", "sync", "replace", "unlink"]


def test_what_a_process_of_another_user_writes_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be signalled, so it lives; what others left half written goes nevertheless."""
    asked = []

    def kill(pid: int, signal: int) -> None:
        asked.append((pid, signal))
        raise PermissionError if pid == 4711 else ProcessLookupError

    monkeypatch.setattr(os, "kill", kill)
    for pid in (4711, 4712, 4713):
        (tmp_path / f".a.{pid}.tmp").write_text("half")
    commit(DISK, tmp_path / "a", [b"x"])
    assert sorted(os.listdir(tmp_path)) == [".a.4711.tmp", "a"]
    assert sorted(asked) == [(4711, 0), (4712, 0), (4713, 0)]


def test_a_model_set_aside_is_on_the_platter(tmp_path: Path) -> None:
    """First under its new name, so that no moment is without it."""
    disk = FaultyDisk()
    run = RunDirectory(tmp_path, disk=disk)
    run.model_path.write_bytes(b"x")
    run.checkpoints.directory.mkdir()
    synced = []
    disk.sync_directory = lambda path: synced.append(path.name)  # type: ignore[method-assign]
    run.set_model_aside("before")
    assert disk.operations == ["replace"]
    assert synced == ["checkpoints", tmp_path.name]


def test_a_refused_lock_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RunLock(tmp_path) as held:
        before = open_files()
        with held:  # not taken again, and given back at the end
            pass
        held.acquire()
        with pytest.raises(RunError, match=f"in use by process {os.getpid()}$"):
            RunLock(tmp_path).acquire()
        assert holder(tmp_path) == f"process {os.getpid()}"
        assert open_files() == before

        def fail(fd: int, how: int) -> None:
            raise OSError(errno.ENOLCK, "no locks")

        monkeypatch.setattr("nnctl.runs.lock.fcntl.flock", fail)
        with pytest.raises(StorageError, match=f"cannot lock {tmp_path}: no locks"):
            RunLock(tmp_path).acquire()
        assert holder(tmp_path) is None
        assert open_files() == before


def test_who_holds_a_lock(tmp_path: Path) -> None:
    """What stood in the file is gone; what no process of nnctl's wrote is not repeated at length."""
    assert holder(tmp_path) is None
    (tmp_path / ".lock").write_text("4" * 40)
    with RunLock(tmp_path):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
        for text, who in (
            ("7" * 40, f"process {'7' * 32}"),
            ("evil\x1b", "another process"),
            ("", "another process"),
        ):
            (tmp_path / ".lock").write_text(text)
            assert holder(tmp_path) == who
    (tmp_path / ".lock").rename(tmp_path / "lock")
    (tmp_path / ".lock").symlink_to(tmp_path / "lock")
    assert holder(tmp_path) is None
