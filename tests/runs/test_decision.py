"""What `train` does with a directory that exists: it never silently starts again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.runs.decision import Decision, decide
from nnctl.runs.directory import RunDirectory
from nnctl.runs.manifest import Manifest, Status

from .examples import example_model

CONFIG = "seed: 7\nepochs: 3\nunits: 4\n"


def make(path: Path, status: Status, *, reason: str | None = None) -> RunDirectory:
    run = RunDirectory(path).open()
    run.write_config("seed: 7\n", CONFIG)
    run.write_manifest(Manifest("a", status, data_sha256="d1", steps=12, reason=reason))
    run.close()
    return run


@pytest.mark.parametrize("make_it", [False, True])
def test_a_new_directory_is_started(tmp_path: Path, make_it: bool) -> None:
    path = tmp_path / "r"
    if make_it:
        path.mkdir()
    assert decide(path, CONFIG).action == "start"
    decision = decide(path, CONFIG, resume=True)
    assert decision.action == "refuse"
    assert "nothing to resume" in decision.message


def test_completed_with_the_same_config(tmp_path: Path) -> None:
    make(tmp_path, "completed")
    for resume in (False, True):
        decision = decide(tmp_path, CONFIG, resume=resume, data_sha256="d1")
        assert decision.action == "completed"
        assert decision.manifest is not None


@pytest.mark.parametrize("status", ["interrupted", "running", "failed"])
def test_stopped_ones_want_resume(tmp_path: Path, status: Status) -> None:
    run = make(tmp_path, status, reason="loss is NaN" if status == "failed" else None)
    decision = decide(tmp_path, CONFIG)
    assert decision.action == "refuse"
    assert "--resume to go on from step 12" in decision.message
    assert ("loss is NaN" in decision.message) == (status == "failed")
    run.checkpoints.commit(example_model(9))
    assert "from step 9" in decide(tmp_path, CONFIG).message
    assert decide(tmp_path, CONFIG, resume=True).action == "resume"


@pytest.mark.parametrize("status", ["interrupted", "completed"])
@pytest.mark.parametrize("resume", [False, True])
def test_another_config_is_refused_with_the_difference(tmp_path: Path, status: Status, resume: bool) -> None:
    make(tmp_path, status)
    decision = decide(tmp_path, CONFIG.replace("3", "5"), resume=resume)
    assert decision.action == "refuse"
    assert "\n-epochs: 3\n+epochs: 5\n" in decision.diff
    with pytest.raises(RunError, match=r"(?s)another config.*\+epochs: 5"):
        decision.raise_refusal()


def test_other_data_is_refused(tmp_path: Path) -> None:
    make(tmp_path, "interrupted")
    decision = decide(tmp_path, CONFIG, resume=True, data_sha256="d2")
    assert decision.action == "refuse"
    assert "data has changed" in decision.message


def test_a_busy_run_is_refused(tmp_path: Path) -> None:
    run = make(tmp_path, "running")
    run.open()
    decision = decide(tmp_path, CONFIG, resume=True)
    assert decision.action == "refuse"
    assert "in use by process" in decision.message
    run.close()


def test_foreign_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    assert "thesis.tex" in decide(tmp_path, CONFIG).message
    (tmp_path / "file").write_text("x")
    assert decide(tmp_path / "file", CONFIG).action == "refuse"


def test_killed_before_the_first_manifest(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path).open()
    run.write_config("a", CONFIG)
    (tmp_path / ".manifest.json.1.tmp").write_text("{")
    run.close()
    assert decide(tmp_path, CONFIG).action == "start"
    assert decide(tmp_path, CONFIG, resume=True).action == "start"
    run.checkpoints.commit(example_model(1))  # somebody removed the manifest
    assert decide(tmp_path, CONFIG).action == "refuse"


def test_only_refusals_raise(tmp_path: Path) -> None:
    Decision("start", tmp_path).raise_refusal()
