"""A run directory from a stranger: what lies below it is never a way out of it, in any command."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from nnctl.core import events
from nnctl.workflow.train import start
from tests.cli.command import CONFIGS, Result, nnctl

CONFIG = """
nnctl: 1
data: {source: data/iris.csv, target: species, split: {validation: 0.2, test: 0.2}, batch_size: 16}
model: {layers: [{type: Dense, units: 3, activation: softmax}]}
training:
  epochs: 3
  loss: sparse_categorical_crossentropy
  callbacks:
    - {type: CSVLogger, filename: logs/log.csv}
    - {type: JSONLogger}
    - {type: ModelCheckpoint, filepath: "mine/{epoch}.h5"}
  checkpoint: {every: 1}
"""
FILES = [
    "config.yaml",
    "resolved.yaml",
    "manifest.json",
    "metrics.jsonl",
    "model.h5",
    ".lock",
    "logs/log.csv",
    "log.jsonl",
    "checkpoints/step-00000009.h5",
]
DIRECTORIES = ["checkpoints", "checkpoints/mine", "logs"]
COMMANDS = (
    ["eval", "run"],
    ["eval", "run/checkpoints/latest"],
    ["predict", "run", "data/iris.csv", "-o", "p.csv"],
    ["export", "run", "--format", "npz", "-o", "w.npz"],
    ["runs", "show", "run"],
    ["runs", "compare", "run", "run"],
    ["verify", "run"],
    ["train", "c.yaml", "--run-dir", "run", "--resume"],
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `c.yaml`, its data, and `run`, stopped after step 9."""
    directory = tmp_path_factory.mktemp("stopped")
    shutil.copytree(CONFIGS / "data", directory / "data", ignore=lambda _, names: set(names) - {"iris.csv"})
    (directory / "c.yaml").write_text(CONFIG)
    training = start(directory / "c.yaml", run_dir=directory / "run")
    for event in training.events():
        if isinstance(event, events.StepEnded) and event.step == 9:
            os.kill(os.getpid(), signal.SIGTERM)
    assert training.exit_code == 143
    return directory


def content(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def refused(done: Result, what: str) -> bool:
    """Whether it ended with nnctl's own error about a link; never with a traceback."""
    assert done.code in (0, 2), (what, done.err)
    assert "Traceback" not in done.err
    return "symbolic link" in done.err


@pytest.mark.parametrize("name", [*FILES, *DIRECTORIES])
def test_nothing_is_read_or_written_through_a_link(stopped: Path, tmp_path: Path, name: str) -> None:
    """Each entry of a run moved elsewhere, with a link in its place: what it points to stays as it was.

    What is written anew in one step takes the place of the link; all else is refused by name.
    """
    here = tmp_path / "here"
    shutil.copytree(stopped, here)
    place, victim = here / "run" / name, tmp_path / "victim"
    place.parent.mkdir(exist_ok=True)
    if not place.exists():
        place.write_bytes((here / "run" / "checkpoints" / "step-00000009.h5").read_bytes())
    place.rename(victim)
    place.symlink_to(victim)
    before = content(victim) if victim.is_dir() else victim.read_bytes()
    results = [(" ".join(c), refused(nnctl(*c, cwd=here), f"{name}: {c}")) for c in COMMANDS]
    assert before == (content(victim) if victim.is_dir() else victim.read_bytes())
    assert any(found for _, found in results), results


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", ["fifo", "zero", "loop", "directory"])
def test_what_is_no_file_is_refused_and_never_waited_for(
    stopped: Path, tmp_path: Path, name: str, kind: str
) -> None:
    """A FIFO would hang, /dev/zero would fill the memory, a loop would raise what nobody catches."""
    here = tmp_path / "here"
    shutil.copytree(stopped, here)
    place = here / "run" / name
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "zero":
        place.symlink_to("/dev/zero")
    elif kind == "loop":
        place.symlink_to(place.name)
    else:
        place.mkdir()
    for command in (COMMANDS[0], COMMANDS[-1]) if kind != "zero" else COMMANDS:
        done = nnctl(*command, cwd=here)
        assert done.code in (0, 2), (command, done.err)
        assert "Traceback" not in done.err


@pytest.mark.parametrize("name", DIRECTORIES)
def test_what_is_no_directory_is_refused(stopped: Path, tmp_path: Path, name: str) -> None:
    """A file where the run has a directory: said by name, as an error of the run and not of the disk."""
    here = tmp_path / "here"
    shutil.copytree(stopped, here)
    place = here / "run" / name
    shutil.rmtree(place, ignore_errors=True)
    place.write_text("a file")
    for command in (COMMANDS[0], COMMANDS[4], COMMANDS[-1]):
        done = nnctl(*command, cwd=here)
        assert done.code in (0, 2), (command, done.err)
    assert done.code == 2
    assert f"{name} is not a directory" in done.err
    assert place.read_text() == "a file"


@pytest.mark.parametrize("name", ["config.yaml", "model.h5", "checkpoints/mine/2.h5"])
def test_a_directory_in_place_of_what_is_written_whole(stopped: Path, tmp_path: Path, name: str) -> None:
    """Refused by name, nothing half written beside it; what the run itself writes, before it trains."""
    here = tmp_path / "here"
    shutil.copytree(stopped, here)
    place = here / "run" / name
    place.unlink(missing_ok=True)
    place.mkdir(parents=True)
    done = nnctl(*COMMANDS[-1], cwd=here)
    assert done.code == 2
    assert f"{name} is not a regular file" in done.err
    assert ("resumed at" in done.err) == (place.parent.name == "mine")
    assert not list(here.rglob("*.tmp"))


def test_a_run_is_reached_through_links(stopped: Path, tmp_path: Path) -> None:
    """Where the run itself lies is the user's business."""
    (tmp_path / "data").symlink_to(stopped / "data")
    (tmp_path / "run").symlink_to(stopped / "run")
    assert nnctl("eval", "run", cwd=tmp_path).code == 0
    assert nnctl("eval", "run/checkpoints/latest", cwd=tmp_path).code == 0


def test_a_log_with_a_second_name_is_not_written_in_place(stopped: Path, tmp_path: Path) -> None:
    """A hard link is no link that can be followed, but what is written under one name changes the other."""
    here = tmp_path / "here"
    shutil.copytree(stopped, here)
    os.link(here / "run" / "logs" / "log.csv", tmp_path / "other.csv")
    before = (tmp_path / "other.csv").read_bytes()
    done = nnctl("train", "c.yaml", "--run-dir", "run", "--resume", cwd=here)
    assert done.code == 2
    assert "second name" in done.err
    assert (tmp_path / "other.csv").read_bytes() == before
