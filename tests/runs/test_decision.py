"""What `train` does with a directory that exists: it never silently starts again."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnctl.core.errors import DataError, RunError
from nnctl.data.splitting.trained_on import DataFile
from nnctl.runs.decision import Decision, config_diff, decide
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


def more(epochs: int, rest: str = "") -> str:
    return f"name: a\ntraining: {{epochs: {epochs}, loss: mse}}\n{rest}"


def begun(path: Path, resolved: str, status: Status = "completed", **fields: object) -> Manifest:
    """A run from this config that has ended so."""
    run = RunDirectory(path).open()
    run.write_config("x: 1\n", resolved)
    manifest = Manifest("a", status, **fields)  # type: ignore[arg-type]
    run.write_manifest(manifest)
    run.close()
    return manifest


def test_more_epochs_are_the_only_change_that_a_run_goes_on_with(tmp_path: Path) -> None:
    begun(tmp_path, more(3))
    asked = decide(tmp_path, more(5), resume=True)
    assert (asked.action, asked.more_epochs) == ("resume", 5)
    silent = decide(tmp_path, more(5))
    assert (silent.action, silent.more_epochs) == ("refuse", None)
    assert silent.message == (
        f"{tmp_path} was trained from another config: for fewer epochs; --resume goes on to 5"
    )
    assert decide(tmp_path, more(3), resume=True).action == "completed"
    other = f"{tmp_path} was trained from another config; use another --run-dir, or that config"
    for config in (
        more(2),
        more(5, "seed: 1\n"),
        more(3, "seed: 1\n"),
        "name: a\n",
        more(3).replace("3", "3.0"),
    ):
        refused = decide(tmp_path, config, resume=True)
        assert (refused.action, refused.message) == ("refuse", other)
    assert decide(tmp_path, "training: {loss: mse, epochs: 3}\nname: a  # as before\n").action == "completed"


def test_a_name_that_the_config_does_not_say_is_the_runs(tmp_path: Path) -> None:
    begun(tmp_path, "name: a\n")
    assert decide(tmp_path, "name: b\n").action == "refuse"
    assert decide(tmp_path, "name: b\n", named=False).action == "completed"
    begun(tmp_path, "seed: 1\n")
    assert decide(tmp_path, "seed: 1\n", named=False).action == "completed"


def test_the_file_that_has_changed_is_named(tmp_path: Path) -> None:
    def file(path: str, sha256: str) -> DataFile:
        return DataFile(path=path, sha256=sha256, bytes=7, rows=3)

    before = {"train.path": file("a.csv", "1"), "test.path": file("b.csv", "2")}
    held = {name: one.model_dump() for name, one in before.items()}
    begun(tmp_path, CONFIG, data_sha256="d1", data_files=held)
    same = "has changed since the run was trained: as long as before (7 bytes), but other content"
    for now, message, named in (
        (before | {"test.path": file("c.csv", "3")}, same, "c.csv"),
        (before | {"train.path": file("a.csv", "3")}, same, "a.csv"),
        ({"train.path": before["train.path"]}, "the run was trained on this file too", "b.csv"),
        (before, f"the data has changed since {tmp_path} was started", ""),
    ):
        found = decide(tmp_path, CONFIG, data_sha256="d2", files=now)
        assert (found.action, found.message, found.other_data) == ("refuse", message, named)
        with pytest.raises(
            DataError, match="a run goes on only with the data that it began with: bring that"
        ):
            found.raise_refusal()
    for known in ("d1", None):
        assert decide(tmp_path, CONFIG, data_sha256=known).action == "completed"
    begun(tmp_path, CONFIG)
    assert decide(tmp_path, CONFIG, data_sha256="d2").action == "completed"


@pytest.mark.parametrize(
    ("status", "fields", "why", "where"),
    [
        ("failed", {"reason": "the loss became NaN", "steps": 5}, "failed (the loss became NaN)", "step 5"),
        ("interrupted", {"steps": 5}, "was interrupted", "step 5"),
        ("running", {}, "was interrupted", "its start"),
    ],
)
def test_how_it_ended_and_from_where_it_goes_on(
    status: Status, fields: dict[str, object], why: str, where: str, tmp_path: Path
) -> None:
    begun(tmp_path, CONFIG, status, **fields)
    found = decide(tmp_path, CONFIG)
    assert found.message == (
        f"{tmp_path} {why}; add --resume to go on from {where}, or use another --run-dir"
    )
    with pytest.raises(RunError) as caught:
        found.raise_refusal()
    assert str(caught.value) == found.message


def test_what_is_said_of_paths_that_are_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    found = decide(tmp_path / "file", CONFIG)
    assert (found.action, found.message) == ("refuse", f"{tmp_path / 'file'} is a file, not a run directory")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "model.h5").write_text("x")
    found = decide(tmp_path / "d", CONFIG)
    assert found.message == f"{tmp_path / 'd'} is not empty and not a run directory (it has model.h5)"
    held = RunDirectory(tmp_path / "r").open()
    assert f"{tmp_path / 'r'} is in use by process" in decide(tmp_path / "r", CONFIG).message
    held.close()
    found = decide(tmp_path / "new", CONFIG, resume=True)
    assert found.message == f"there is nothing to resume in {tmp_path / 'new'}; leave --resume out to start"
    begun(tmp_path / "s", "}{")
    with pytest.raises(RunError, match=r"resolved\.yaml is not a resolved config: "):
        decide(tmp_path / "s", CONFIG)


def test_a_difference_has_two_lines_around_it() -> None:
    before = "".join(f"{i}\n" for i in range(9))
    found = config_diff(before, before.replace("4", "x"), "a", "b")
    assert found == "--- a\n+++ b\n@@ -3,5 +3,5 @@\n 2\n 3\n-4\n+x\n 5\n 6"
    assert config_diff(before, before) == ""
