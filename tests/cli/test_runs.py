"""`nnctl runs`: order, choice, width, removal."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from nnctl.report.tables import table
from nnctl.runs.lock import RunLock
from tests.cli.command import nnctl


@pytest.fixture
def several(trained: Path, tmp_path: Path) -> Path:
    """iris/1 to iris/3 with other losses and states, and penguins/1."""
    here = tmp_path / "here"
    shutil.copytree(trained, here)
    for number, (loss, status, epochs) in {2: (0.25, "failed", 9), 3: (None, "completed", 4)}.items():
        run = here / "runs" / "iris" / str(number)
        shutil.copytree(here / "runs" / "iris" / "1", run)
        manifest = json.loads((run / "manifest.json").read_text())
        manifest |= {"metrics": {"val_loss": loss}, "status": status, "epochs": epochs}
        (run / "manifest.json").write_text(json.dumps(manifest))
        if status != "completed":
            row = {"epoch": 0, "step": 7, "val_loss": loss}
            (run / "metrics.jsonl").write_text(f"{json.dumps(row)}\n")
    return here


def names(here: Path, *options: str) -> list[str]:
    done = nnctl("runs", *options, "--json", cwd=here)
    assert done.code == 0, done.err
    return [run["run"] for run in done.json["runs"]]


def test_order_and_choice(several: Path) -> None:
    """What has no such number comes last, whatever the direction."""
    assert names(several) == ["iris/1", "iris/2", "iris/3", "penguins/1"]
    assert names(several, "--sort", "name", "--reverse") == ["penguins/1", "iris/3", "iris/2", "iris/1"]
    assert names(several, "--sort", "epochs", "--name", "iris") == ["iris/2", "iris/1", "iris/3"]
    assert names(several, "--sort", "val_loss", "--name", "iris*") == ["iris/2", "iris/1", "iris/3"]
    assert names(several, "--sort", "val_loss", "--reverse", "--name", "iris") == [
        "iris/1",
        "iris/2",
        "iris/3",
    ]
    assert names(several, "--status", "failed") == ["iris/2"]
    assert names(several, "--name", "iris/3") == ["iris/3"]
    assert names(several, "--name", "none") == []
    done = nnctl("runs", "--sort", "val_los", cwd=several)
    assert done.code == 2
    assert "did you mean 'val_loss'?" in done.err


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(
    "command",
    [
        ("runs",),
        ("runs", "compare", "iris/1", "iris/2", "iris/3", "penguins/1"),
    ],
)
def test_tables_fit_the_terminal(
    several: Path, width: int, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = nnctl(*command, cwd=several).out
    assert max(map(len, whole.splitlines())) > 80
    monkeypatch.setenv("COLUMNS", str(width))
    shown = nnctl(*command, cwd=several).out
    assert max(map(len, shown.splitlines())) <= width, shown
    for name in ("iris/1", "penguins/1") if command[0] == "runs" else ():
        assert name in shown


def test_numbers_are_never_cut() -> None:
    lines = table(("name", "number"), [("a" * 30, 123456), ("b", 1)], right=(1,), width=20)
    assert lines == [
        "name          number",
        "------------  ------",
        "aaaaaaaaaaa…  123456",
        "b                  1",
    ]


def test_the_table_of_layers_fits(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = nnctl("plan", "penguins.yaml", cwd=trained).out.split("\n\n")[1]
    assert max(map(len, shown.splitlines())) <= 40, shown
    memory = nnctl("plan", "penguins.yaml", cwd=trained).out.partition("\nmemory\n")[2]
    assert "total" in memory
    assert max(map(len, memory.splitlines())) <= 40, memory


def test_rm(several: Path) -> None:
    done = nnctl("runs", "rm", "iris/1", "runs/iris/3", "--json", cwd=several)
    assert (done.code, done.json) == (0, {"removed": ["iris/1", "iris/3"]})
    assert names(several) == ["iris/2", "penguins/1"]
    assert nnctl("runs", "rm", "penguins", cwd=several).code == 0
    assert not (several / "runs" / "penguins").exists()


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (["iris"], "stands for 3 runs"),
        (["iris/1", "none"], "there is no run"),
        (["iris/1", "iris/2"], "files that the run did not write: notes.txt"),
        (["iris/1", "iris/3"], "in use by"),
        (["iris/1", "link"], "is a symbolic link"),
        (["iris/1", "runs/iris/1/model.h5"], "is a file"),
    ],
)
def test_rm_refuses_and_then_removes_nothing(several: Path, runs: list[str], why: str) -> None:
    (several / "runs/iris/2/notes.txt").write_text("mine")
    (several / "link").symlink_to("runs/penguins/1")
    with RunLock(several / "runs/iris/3"):
        done = nnctl("runs", "rm", *runs, cwd=several)
    assert done.code == 2, done.err
    assert why in done.err
    assert names(several) == ["iris/1", "iris/2", "iris/3", "penguins/1"]


def test_rm_of_a_name_that_is_a_number_too(several: Path) -> None:
    """runs/2/2 is the newest run called "2": not what "2" names, where there is a runs/2/1 as well."""
    for number in ("1", "2"):
        shutil.copytree(several / "runs/iris/1", several / "runs/2" / number)
    done = nnctl("runs", "rm", "2", cwd=several)
    assert done.code == 2
    assert "stands for 2 runs" in done.err
    assert nnctl("runs", "rm", "2/2", cwd=several).code == 0
    assert os.listdir(several / "runs/2") == ["1"]


def test_rm_of_another_programs_directory(several: Path) -> None:
    """A manifest.json makes no run; a run whose manifest is damaged is still one."""
    other = several / "extension"
    other.mkdir()
    (other / "manifest.json").write_text('{"name": "x", "manifest_version": 3}')
    (other / "thesis.txt").write_text("mine")
    for options in ((), ("--force",)):
        done = nnctl("runs", "rm", "extension", *options, cwd=several)
        assert done.code == 2
        assert "nnctl did not make this directory" in done.err
    assert sorted(os.listdir(other)) == ["manifest.json", "thesis.txt"]
    (several / "runs/iris/1/manifest.json").write_text("{")
    assert nnctl("runs", "rm", "iris/1", cwd=several).code == 0


def test_a_run_that_was_killed_before_its_manifest(several: Path) -> None:
    """As `train` takes it for a run, so do the others: it is listed, shown as what it is, and removed."""
    run, files = several / "runs/iris/4", ("config.yaml", "resolved.yaml")
    run.mkdir()
    for name in files:
        (run / name).write_bytes((several / "runs/iris/1" / name).read_bytes())
    assert names(several) == ["iris/1", "iris/2", "iris/3", "penguins/1"]  # without a lock it is no run
    (run / ".lock").write_text("4711\n")
    (run / ".manifest.json.4711.tmp").write_text("{")
    listed = [r for r in nnctl("runs", "--json", cwd=several).json["runs"] if r["run"] == "iris/4"]
    assert "no manifest.json" in listed[0]["problem"]
    for command in ("show", "rm"):
        done = nnctl("runs", command, "iris/4", cwd=several)
        assert (command == "rm", "was killed" in done.err) == (done.code == 0, done.code == 2), done.err
    assert not run.exists()


def test_rm_of_no_more_than_a_lock(several: Path) -> None:
    """What a kill at the end of a removal leaves; a config beside it may be anybody's."""
    run = several / "runs/iris/4"
    run.mkdir()
    (run / ".lock").write_text("4711\n")
    (run / "config.yaml").write_text("mine: 1\n")
    assert nnctl("runs", "rm", "iris/4", "--force", cwd=several).code == 2
    (run / "config.yaml").unlink()
    assert nnctl("runs", "rm", "iris/4", cwd=several).code == 0
    assert not run.exists()


def test_rm_leaves_the_directory_above(several: Path) -> None:
    """Only runs/<name> goes with its last run, no directory that the user made."""
    shutil.copytree(several / "runs/iris/1", several / "mine" / "7")
    assert nnctl("runs", "rm", "mine/7", cwd=several).code == 0
    assert os.listdir(several / "mine") == []


def test_rm_under_two_names_and_from_inside(several: Path) -> None:
    done = nnctl("runs", "rm", "iris/1", "runs/iris/1/", "./runs/iris/1", "--json", cwd=several)
    assert (done.code, done.json) == (0, {"removed": ["iris/1"]})
    assert nnctl("runs", "rm", ".", cwd=several / "runs/iris/2").code == 0
    assert names(several) == ["iris/3", "penguins/1"]


def test_rm_follows_no_link(several: Path, tmp_path: Path) -> None:
    """What links in a run point to stays; --force is wanted for them, as for any file of somebody else's."""
    outside = tmp_path / "outside"
    shutil.copytree(several / "runs/iris/1/checkpoints", outside)
    shutil.rmtree(several / "runs/iris/1/checkpoints")
    (several / "runs/iris/1/checkpoints").symlink_to(outside)
    (several / "runs/iris/1/mine").symlink_to(several / "data")
    assert nnctl("runs", "rm", "iris/1", cwd=several).code == 2
    assert nnctl("runs", "rm", "iris/1", "--force", cwd=several).code == 0
    assert os.listdir(outside)
    assert os.listdir(several / "data")
    assert names(several) == ["iris/2", "iris/3", "penguins/1"]
