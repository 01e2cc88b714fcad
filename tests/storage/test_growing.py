"""A file that is written piece by piece: it takes its name whole, and what fails leaves what was there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nnctl.core import below
from nnctl.core.errors import StorageError
from nnctl.storage.growing import GrowingFile
from tests.storage.faults import FaultyDisk


def grow(path: Path, disk: FaultyDisk) -> None:
    with GrowingFile(path, disk) as file:
        file.write(b"....abc")
        assert not path.exists() or path.read_bytes() == b"old"
        file.write(b"def")
        file.write_first(b"head")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_takes_its_name_when_it_is_on_the_platter(tmp_path: Path) -> None:
    disk, before = FaultyDisk(), open_files()
    grow(tmp_path / "a", disk)
    assert (tmp_path / "a").read_bytes() == b"headabcdef"
    assert disk.operations == ["create", "write", "write", "sync", "replace", "sync_directory"]
    assert os.listdir(tmp_path) == ["a"]
    assert open_files() == before


def test_an_error_in_the_block_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    disk, before = FaultyDisk(), open_files()

    def fail() -> None:
        with GrowingFile(tmp_path / "a", disk) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert disk.operations == ["create", "write", "unlink"]
    assert os.listdir(tmp_path) == ["a"]
    assert open_files() == before


def test_a_full_disk_at_any_operation(tmp_path: Path) -> None:
    """But for the last: there the file has its name already."""
    (tmp_path / "a").write_bytes(b"old")
    before = open_files()
    for at in range(6):
        with pytest.raises(StorageError) as caught:
            grow(tmp_path / "a", FaultyDisk(at, errno.ENOSPC))
        assert str(caught.value) == f"cannot write {tmp_path / 'a'}: the disk is full (ENOSPC)"
        assert (tmp_path / "a").read_bytes() == (b"old" if at < 5 else b"headabcdef")
        assert os.listdir(tmp_path) == ["a"]
        assert open_files() == before


def test_a_directory_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(below.Refused), GrowingFile(tmp_path / "a") as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == ["a"]
