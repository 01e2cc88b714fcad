"""A compiled kernel on disk is right or is not there, whatever happened to the file."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nnctl.kernels import entry, folder
from nnctl.kernels.folder import Folder

from .faulty_os import FaultyOs, Killed

OLD, NEW = ("version 1", b"old code" * 500), ("version 2", b"new code, a little longer" * 300)
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENOENT)


def name(key: str) -> str:
    return entry.entry_name("softmax.softmax", key)


def session(root: Path) -> Folder:
    """What a process does to the cache after an upgrade: asks for the old and the new, keeps the new."""
    kept = Folder(root)
    for key, payload in (OLD, NEW):
        assert kept.read(name(key), key) in (None, payload)
    kept.write(name(NEW[0]), *NEW)
    assert kept.read(name(NEW[0]), NEW[0]) in (None, NEW[1])
    return kept


@pytest.fixture
def under(monkeypatch: pytest.MonkeyPatch) -> Callable[[FaultyOs], None]:
    """Have the cache work on a faulty `os` from now on."""

    def use(faulty: object) -> None:
        monkeypatch.setattr(entry, "os", faulty)
        monkeypatch.setattr(folder, "os", faulty)

    return use


def prepared(root: Path) -> Path:
    """A cache of the version before, some leftovers in it."""
    Folder(root).write(name(OLD[0]), *OLD)
    left = root / ".1-left.tmp"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    os.utime(root / name(OLD[0]), (time.time() - 9 * 86400,) * 2)
    return root


def check_afterwards(root: Path) -> None:
    """A later process is never served anything but what it asked for, and can keep what it has."""
    later = Folder(root)
    for key, payload in (OLD, NEW):
        assert later.read(name(key), key) in (None, payload)
        assert later.write(name(key), key, payload)
        assert later.read(name(key), key) == payload
    assert not later.notices


def test_killed_at_every_operation(tmp_path: Path, under: Callable[[object], None]) -> None:
    counting = FaultyOs()
    prepared(tmp_path / "whole")
    under(counting)
    session(tmp_path / "whole")
    assert {"open", "write", "replace", "unlink", "scandir", "utime"} <= set(counting.operations)
    for at in range(len(counting.operations)):
        under(os)
        root = prepared(tmp_path / str(at))
        under(FaultyOs(at))
        with pytest.raises(Killed):
            session(root)
        under(os)
        check_afterwards(root)


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize("fault", ERRORS, ids=errno.errorcode.get)
def test_an_error_at_every_operation(
    tmp_path: Path, under: Callable[[object], None], fault: int, sticky: bool
) -> None:
    """Nothing is raised; at most one notice says what is wrong."""
    counting = FaultyOs()
    prepared(tmp_path / "whole")
    under(counting)
    session(tmp_path / "whole")
    for at in range(len(counting.operations)):
        under(os)
        root = prepared(tmp_path / str(at))
        under(FaultyOs(at, fault, sticky))
        kept = session(root)
        assert len(kept.notices) <= 1
        if sticky and counting.operations[at] == "write" and fault == errno.ENOSPC:
            assert "the disk is full (ENOSPC)" in kept.notices[0]
        under(os)
        check_afterwards(root)


def _flip(at: int) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        at_ = at % len(content)
        return content[:at_] + bytes([content[at_] ^ 1]) + content[at_ + 1 :]

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(_flip(at) for at in (0, 17, 21, 29, 60, 62, 75, -1)),
        lambda content: b"",
        lambda content: content[:40],
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: bytes(len(content)),
        lambda content: content.replace(b"version 2", b"version 1"),
    ],
)
def test_what_was_changed_is_not_there(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    kept = Folder(tmp_path)
    kept.write(name(NEW[0]), *NEW)
    path = tmp_path / name(NEW[0])
    path.write_bytes(change(path.read_bytes()))
    assert kept.read(name(NEW[0]), NEW[0]) is None
    assert kept.write(name(NEW[0]), *NEW)
    assert kept.read(name(NEW[0]), NEW[0]) == NEW[1]


def test_another_key_under_the_name_is_not_there(tmp_path: Path) -> None:
    """Not even where two keys had one name, or a file was renamed."""
    kept = Folder(tmp_path)
    kept.write(name(OLD[0]), *OLD)
    os.replace(tmp_path / name(OLD[0]), tmp_path / name(NEW[0]))
    assert kept.read(name(NEW[0]), NEW[0]) is None


@pytest.mark.parametrize("kind", ["fifo", "directory", "link", "writable"])
def test_only_a_plain_file_of_ones_own_is_read(tmp_path: Path, kind: str) -> None:
    kept = Folder(tmp_path / "cache")
    kept.write(name(NEW[0]), *NEW)
    path = tmp_path / "cache" / name(NEW[0])
    if kind == "writable":
        path.chmod(0o664)
    else:
        os.replace(path, tmp_path / "elsewhere")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    assert kept.read(name(NEW[0]), NEW[0]) is None


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757, 0o1777])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, mode: int) -> None:
    """What is in it would be run. The notice says the way out."""
    root = tmp_path / "cache"
    Folder(root).write(name(OLD[0]), *OLD)
    root.chmod(mode)
    kept = Folder(root)
    assert kept.read(name(OLD[0]), OLD[0]) is None
    assert f"`chmod go-w {root}`" in kept.notices[0]
    assert kept.write(name(NEW[0]), *NEW)
    assert kept.read(name(NEW[0]), NEW[0]) == NEW[1]
    assert not (root / name(NEW[0])).exists()
    root.chmod(0o755)
    assert Folder(root).read(name(OLD[0]), OLD[0]) == OLD[1]


def test_a_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root's may be read: root can do anything anyway, and images are made by root."""
    Folder(tmp_path).write(name(OLD[0]), *OLD)
    real = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: real + 1000)
    kept = Folder(tmp_path)
    if real == 0:
        assert kept.read(name(OLD[0]), OLD[0]) == OLD[1]
    else:
        assert f"it belongs to another user (number {real})" in kept.notices[0]
    if real == 0:
        os.chown(tmp_path, 12345, 12345)
        kept = Folder(tmp_path)
        assert kept.read(name(OLD[0]), OLD[0]) is None
        assert "it belongs to another user (number 12345)" in kept.notices[0]
        os.chown(tmp_path, 0, 0)
        os.chown(tmp_path / name(OLD[0]), 12345, 12345)
        assert Folder(tmp_path).read(name(OLD[0]), OLD[0]) is None


def test_what_is_made_may_be_written_by_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept = Folder(tmp_path / "new" / "cache")
        kept.write(name(NEW[0]), *NEW)
    finally:
        os.umask(before)
    assert not kept.notices
    assert kept.read(name(NEW[0]), NEW[0]) == NEW[1]
    assert (tmp_path / "new" / "cache").stat().st_mode & 0o777 == 0o755


def test_the_folder_does_not_grow_for_ever(tmp_path: Path) -> None:
    """What was not used for long goes, then the longest unused beyond the bound; strangers' files stay."""
    now = time.time()
    for days, key in ((200, "a"), (50, "b"), (40, "c"), (1, "d")):
        entry.write_entry(tmp_path / name(key), key, b"x" * 1000)
        os.utime(tmp_path / name(key), (now - days * 86400,) * 2)
    (tmp_path / "notes.txt").write_text("mine")
    os.utime(tmp_path / "notes.txt", (0, 0))
    entry.clean(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", *map(name, "bcd")}
    entry.clean(tmp_path, most=2500)
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", name("c"), name("d")}
    assert entry.read_entry(tmp_path / name("c"), "c") == b"x" * 1000
    assert (tmp_path / name("c")).stat().st_mtime > now - 100, "it was used"


def test_what_a_dismissed_process_had_begun_is_removed(tmp_path: Path) -> None:
    for process in (17, 170):
        (tmp_path / f".{process}-abc.tmp").write_bytes(b"half")
    Folder(tmp_path).forget(17)
    assert [p.name for p in tmp_path.iterdir()] == [".170-abc.tmp"]


def test_where_nobody_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("NNCTL_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    kept = Folder()
    assert "cannot be kept in the home folder" in kept.notices[0]
    assert kept.write(name(NEW[0]), *NEW)
    assert kept.read(name(NEW[0]), NEW[0]) == NEW[1]


def test_without_a_place_to_write_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    kept = Folder(tmp_path / "file" / "below")
    monkeypatch.setattr(folder.tempfile, "mkdtemp", lambda prefix: str(tmp_path / "file" / "either"))
    assert not kept.write(name(NEW[0]), *NEW)
    assert kept.read(name(NEW[0]), NEW[0]) is None
    assert len(kept.notices) == 1
