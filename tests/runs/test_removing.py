"""Removing a run: what is refused and why, what goes and in which order, what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.runs.directory import RunDirectory
from nnctl.runs.manifest import Manifest
from nnctl.runs.remove import removable, remove
from nnctl.storage.disk import Disk

from .examples import example_model

CALLBACKS = """
name: a
training:
  callbacks:
    - {type: EarlyStopping}
    - {type: CSVLogger, filename: logs/a.csv}
    - {type: TensorBoard, log_dir: board}
"""


def made(path: Path, disk: Disk | None = None) -> RunDirectory:
    """A run with a config, a manifest, a checkpoint and what its callbacks wrote."""
    run = RunDirectory(path).open()
    run.write_config("name: a\n", CALLBACKS)
    run.write_manifest(Manifest("a", "completed"))
    run.checkpoints.commit(example_model(1))
    run.close()
    for name in ("logs/a.csv", "board/events"):
        (path / name).parent.mkdir()
        (path / name).write_text("x")
    return RunDirectory(path) if disk is None else RunDirectory(path, disk=disk)


def refusal(run: RunDirectory, *, force: bool = False) -> str:
    with pytest.raises(RunError) as caught:
        removable(run, force=force)
    return str(caught.value)


def test_a_run_and_the_last_of_its_name(tmp_path: Path) -> None:
    """`runs/<name>` goes with its last run; any other directory above is the user's."""
    one, two = (made(tmp_path / "runs" / "a" / number) for number in "12")
    for run, left in ((one, True), (two, False)):
        removable(run, force=False)
        remove(run)
        assert not run.path.exists()
        assert run.path.parent.exists() == left
        assert not run.lock.held
    own = made(tmp_path / "mine" / "r")
    remove(own)
    assert list((tmp_path / "mine").iterdir()) == []


def test_the_manifest_goes_last_but_for_the_lock(tmp_path: Path) -> None:
    gone = []

    class Telling(Disk):
        def unlink(self, path: Path) -> None:
            gone.append(path.name)
            super().unlink(path)

    remove(made(tmp_path / "r", Telling()))
    assert sorted(gone[:-2]) == ["config.yaml", "resolved.yaml"]
    assert gone[-2:] == ["manifest.json", ".lock"]


def test_what_is_not_removed(tmp_path: Path) -> None:
    run = made(tmp_path / "r")
    (tmp_path / "link").symlink_to(tmp_path / "r")
    said = refusal(RunDirectory(tmp_path / "link"))
    assert said == f"{tmp_path / 'link'} is a symbolic link to {tmp_path / 'r'}; name that directory"
    with run.lock:
        assert f"{run.path} is in use by process " in refusal(RunDirectory(run.path))
    (run.path / "notes").write_text("x")
    (run.path / ".logs.4711.tmp").write_text("x")
    assert refusal(run) == (
        f"{run.path} has files that the run did not write: .logs.4711.tmp, notes; --force removes them too"
    )
    removable(run, force=True)


def test_a_damaged_run_can_be_removed_and_another_programs_directory_cannot(tmp_path: Path) -> None:
    run = made(tmp_path / "r")
    (run.path / "manifest.json").write_text("{")
    removable(run, force=False)
    (run.path / "resolved.yaml").write_text("}{")
    assert "did not write: board, logs;" in refusal(run)
    (run.path / "resolved.yaml").unlink()
    assert refusal(run, force=True).endswith(
        ", and there is no resolved.yaml: nnctl did not make this directory"
    )
    other = RunDirectory(tmp_path / "other").open()
    other.close()
    removable(other, force=False)
    remove(other)
    assert not other.path.exists()
