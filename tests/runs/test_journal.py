"""Files that grow by a line an epoch: no line twice, none missing, whatever happened in between."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from nnctl.core.errors import RunError, StorageError
from nnctl.runs import journal as journal_module
from nnctl.runs.journal import Journal, Mark
from nnctl.storage.disk import DISK
from tests.storage.faults import FaultyDisk, Killed, VolatileDisk

LINES = [f"line {n}\n" for n in range(6)]


def written(path: Path, lines: list[str]) -> tuple[Journal, Mark]:
    journal = Journal(path, DISK.inside(path.parent))
    journal.begin()
    for line in lines:
        journal.append(line)
    return journal, journal.mark()


@pytest.mark.parametrize("damage", ["none", "ahead"])
def test_it_goes_on_behind_its_mark(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "log"
    journal, mark = written(path, LINES[:3])
    if damage == "ahead":  # killed after epochs that no checkpoint holds
        journal.append("line 3\nli")
    journal.close()
    again = Journal(path, DISK.inside(tmp_path))
    assert again.restore(mark)
    for line in LINES[3:]:
        again.append(line)
    assert path.read_text() == "".join(LINES)
    assert again.mark() == written(tmp_path / "straight", LINES)[1]


@pytest.mark.parametrize("damage", ["removed", "cut", "changed", "link", "directory"])
def test_it_does_not_go_on_in_another_file(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "log"
    journal, mark = written(path, LINES[:3])
    journal.close()
    text = path.read_text()
    path.unlink()
    if damage in ("cut", "changed"):
        path.write_text(text[:-2] if damage == "cut" else text.replace("1", "2"))
    elif damage == "link":
        (tmp_path / "victim").write_text(text)
        path.symlink_to(tmp_path / "victim")
    elif damage == "directory":
        path.mkdir()
    assert not Journal(path, DISK.inside(tmp_path)).restore(mark)
    if damage == "link":
        with pytest.raises(RunError, match="symbolic link"):
            Journal(path, DISK.inside(tmp_path)).begin()
        assert (tmp_path / "victim").read_text() == text


def test_beginning_drops_what_another_attempt_left(tmp_path: Path) -> None:
    written(tmp_path / "sub" / "log", LINES)
    written(tmp_path / "sub" / "log", LINES[:1])
    assert (tmp_path / "sub" / "log").read_text() == LINES[0]


@pytest.mark.parametrize("meddled", ["not", "removed", "cut", "longer", "replaced"])
def test_the_file_is_right_after_every_line(tmp_path: Path, meddled: str) -> None:
    """Another hand in the file has it written again."""
    path = tmp_path / "log"
    journal, _ = written(path, [])
    for number, line in enumerate(LINES):
        journal.append(line)
        assert path.read_text() == "".join(LINES[: number + 1])
        if number == 3 and meddled != "not":
            text = path.read_text()
            if meddled in ("removed", "replaced"):
                path.unlink()
            if meddled != "removed":
                path.write_text(text[:-3] if meddled == "cut" else text + "and more")
    path.unlink()
    journal.mark()
    assert path.read_text() == "".join(LINES)


def test_a_directory_that_is_gone_is_an_error(tmp_path: Path) -> None:
    journal, _ = written(tmp_path / "run" / "log", LINES)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(StorageError, match="cannot write"):
        journal.append("more\n")
    assert not (tmp_path / "run").exists()


def test_a_line_costs_the_same_however_many_there_are(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = Journal(tmp_path / "log", disk.inside(tmp_path))
    journal.begin()
    counts = []
    for _ in range(50):
        before = disk.count
        journal.append("line\n")
        counts.append(disk.count - before)
    assert counts == [1] * 50, "one write each, and nothing else"
    assert disk.operations[-50:] == ["write"] * 50


def test_a_mark_is_on_the_platter_before_it_is_told(tmp_path: Path) -> None:
    """At every operation at which power may fail, what a mark that was told stands for is there."""
    for keep_names in (False, True):
        for at in range(40):
            root = tmp_path / f"{at}-{keep_names}"
            (root / "run").mkdir(parents=True)
            disk = VolatileDisk(root, at)
            disk.names[root / "run"] = disk.names_synced[root / "run"] = None
            told: list[Mark] = []
            try:
                journal = Journal(root / "run" / "log", disk.inside(root))
                journal.begin()
                for line in LINES:
                    journal.append(line)
                    told.append(journal.mark())
            except Killed:
                pass
            else:
                assert at > 10
                break
            left = disk.lose_power(tmp_path / f"after-{at}-{keep_names}", keep_names=keep_names)
            if told:
                assert Journal(left / "run" / "log", DISK).restore(told[-1])


def test_a_full_disk_is_a_storage_error_and_the_mark_still_holds(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = Journal(tmp_path / "log", disk.inside(tmp_path))
    journal.begin()
    journal.append(LINES[0])
    mark = journal.mark()
    disk.at, disk.fault = disk.count, errno.ENOSPC
    with pytest.raises(StorageError, match="the disk is full"):
        journal.append(LINES[1])
    assert Journal(tmp_path / "log", DISK).restore(mark)
    assert (tmp_path / "log").read_text() == LINES[0]


def test_an_empty_mark_is_gone_on_with(tmp_path: Path) -> None:
    journal, mark = written(tmp_path / "log", [])
    journal.append("ahead of any checkpoint\n")
    journal.close()
    again = Journal(tmp_path / "log", DISK.inside(tmp_path))
    assert again.restore(mark)
    assert (tmp_path / "log").read_bytes() == b""
    assert again.mark() == mark


def test_so_much_is_read_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert journal_module.MAX_BYTES == 256 * 2**20
    _, mark = written(tmp_path / "log", LINES)
    for most, held in ((mark.size, True), (mark.size - 1, False)):
        monkeypatch.setattr(journal_module, "MAX_BYTES", most)
        assert Journal(tmp_path / "log", DISK).restore(mark) == held


def test_what_is_on_the_platter_is_not_brought_there_again(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = Journal(tmp_path / "log", disk.inside(tmp_path))
    journal.begin()
    journal.append(LINES[0])
    del disk.operations[:]
    mark = journal.mark()
    assert journal.mark() == mark
    assert disk.operations == ["sync"]
    (tmp_path / "log").unlink()
    assert journal.mark() == mark
    assert disk.operations[1:] == ["open_append", "write", "sync_directory", "sync"]
    again = Journal(tmp_path / "log", disk)
    assert again.restore(mark)
    again.mark()
    assert disk.operations[5:] == ["open_append", "sync"], "who knows whether what was found was synced"


def test_a_closed_one_holds_no_file(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    journal, _ = written(tmp_path / "log", LINES[:1])
    journal.close()
    journal.close()
    assert len(os.listdir("/proc/self/fd")) == before
    journal.append(LINES[1])
    assert (tmp_path / "log").read_text() == "line 0\nline 1\n"
