"""RUN as a user may write it; listing and comparing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nnctl.core.errors import RunError
from nnctl.runs.compare import compare_runs, list_runs, show_run
from nnctl.runs.directory import RunDirectory, allocate, metrics_line
from nnctl.runs.find import find
from nnctl.runs.manifest import Manifest

from .examples import example_model


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """runs/digits/{1, 2, 10}, 11 empty; runs/iris/1."""
    monkeypatch.chdir(tmp_path)
    for name, number, units in (("digits", 1, 4), ("digits", 2, 8), ("digits", 10, 8), ("iris", 1, 3)):
        run = RunDirectory(tmp_path / "runs" / name / str(number))
        run.open().close()
        layers = f"model:\n  layers:\n  - {{type: Dense, name: d, units: {units}}}\n  - {{type: Flatten}}\n"
        run.write_config("x: 1\n", f"name: {name}\n{layers}")
        metrics = {"loss": units / 10, "accuracy": 0.5} if units > 3 else {"loss": 0.1}
        run.write_manifest(Manifest(name, "completed", metrics=metrics, weights_sha256=f"{units:064}"))
        run.checkpoints.commit(example_model(number), best=True)
        run.checkpoints.commit(example_model(number + 3))
    assert allocate(tmp_path / "runs", "digits").name == "11"
    return tmp_path


def test_the_ways_to_name_a_run(root: Path) -> None:
    ten = Path("runs/digits/10")
    for text in ("digits", "digits/10", "runs/digits", "runs/digits/10", str(root / "runs/digits/10")):
        found = find(text)
        assert found.run is not None
        assert found.run.path.resolve() == ten.resolve()
        assert found.file is None
        assert found.model().name == "step-00000013.h5"
        assert found.name == "digits/10"
    assert find("digits/2").run.path.name == "2"


def test_checkpoints_by_name(root: Path) -> None:
    assert find("digits/checkpoints/best").model().name == "step-00000010.best.h5"
    assert find("runs/digits/2/checkpoints/latest").model().name == "step-00000005.h5"
    found = find("runs/digits/2/checkpoints/step-00000005.h5")
    assert found.run.path.name == "2"
    copy = root / "mine.h5"
    copy.write_bytes(found.model().read_bytes())
    assert find("mine.h5").run is None
    assert find("mine.h5").model() == Path("mine.h5")
    with pytest.raises(RunError, match=r"no checkpoint 'step-7' \(there: step-"):
        find("digits/checkpoints/step-7")


def test_unknown_names(root: Path) -> None:
    with pytest.raises(RunError, match="did you mean 'digits'"):
        find("digist")
    with pytest.raises(RunError, match="there are: digits"):
        find("zzz")
    with pytest.raises(RunError, match="no run 'digits/11'"):
        find("digits/11")
    with pytest.raises(RunError, match="none yet"):
        find("x", root / "elsewhere")


def test_eight_names_are_told_where_none_is_near(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcdefghi":
        shutil.copytree(root / "runs" / "iris" / "1", root / "many" / "runs" / name / "1")
    monkeypatch.chdir(root / "many")
    with pytest.raises(RunError) as caught:
        find("xyzzy")
    told = str(caught.value).partition("there are: ")[2].split(", ")
    assert told == ["a", "a/1", "b", "b/1", "c", "c/1", "d", "d/1"]


def test_listing(root: Path) -> None:
    (root / "runs" / "iris" / "1" / "manifest.json").write_text("{")
    found = list_runs()
    assert [s.name for s in found] == ["digits/1", "digits/2", "digits/10", "iris/1"]
    assert found[0].status == "completed"
    assert found[3].status is None
    assert "not a run's manifest" in found[3].problem
    assert list_runs(root / "elsewhere") == []


def test_a_run_that_goes_on_shows_its_last_epoch(root: Path) -> None:
    run = RunDirectory(root / "runs" / "iris" / "1")
    run.write_manifest(Manifest("iris"))
    rows = [{"epoch": e, "step": 5 * e + 5, "loss": 2.0 - e, "seconds": 0.1} for e in (0, 1)]
    (run.path / "metrics.jsonl").write_text("".join(map(metrics_line, rows)))
    summary = list_runs()[3]
    assert (summary.status, summary.metrics) == ("interrupted", {"loss": 1.0})
    assert (summary.manifest.epochs, summary.manifest.steps) == (2, 10)


def test_showing(root: Path) -> None:
    shown = show_run(find("digits/2").run)
    assert shown.summary.name == "digits/2"
    assert [(c["step"], c["best"]) for c in shown.checkpoints] == [(5, False), (2, True)]
    assert "units: 8" in shown.resolved


def test_comparing(root: Path) -> None:
    comparison = compare_runs([find(name).run for name in ("digits/1", "digits/2", "iris")])
    assert comparison.runs == ("digits/1", "digits/2", "iris/1")
    assert comparison.config == {"name": ("digits", "digits", "iris"), "model.layers.d.units": (4, 8, 3)}
    assert comparison.metrics == {"loss": (0.4, 0.8, 0.1), "accuracy": (0.5, 0.5, None)}
    assert len(set(comparison.weights_sha256)) == 3


def test_a_run_right_below_the_root_does_not_make_the_root_a_name(root: Path) -> None:
    run = RunDirectory(Path("runs/own"))
    run.open().close()
    run.write_manifest(Manifest("own", "completed"))
    assert "own" in str(find("own").run.path)  # type: ignore[union-attr]
    with pytest.raises(RunError) as caught:
        find("runs")
    assert "did you mean 'runs'" not in str(caught.value)


def test_checkpoints_under_names_are_shown(root: Path) -> None:
    run = find("iris").run
    assert run is not None
    run.checkpoints.commit_as("deep/first", example_model(2))
    shown = show_run(run).checkpoints
    assert [c["file"] for c in shown][-1] == "deep/first.h5"
    assert [c["step"] for c in shown] == [4, 1, None]


def test_a_file_is_shown_by_its_path(root: Path) -> None:
    text = "runs/digits/2/checkpoints/step-00000005.h5"
    assert find(text).name == text
    assert find("runs/digits/2").name == "digits/2"


def test_the_run_around_a_file_is_at_most_three_directories_up(root: Path) -> None:
    run = find("digits/2").run
    assert run is not None
    for name, inside in (("a", True), ("sub/a", True), ("sub/sub/a", False)):
        found = find(str(run.checkpoints.commit_as(name, example_model(2))))
        assert (found.run is not None) == inside


def test_a_link_is_followed_where_the_user_named_the_file(root: Path) -> None:
    """What is found in a run is refused where it is a link."""
    run = find("digits/2").run
    assert run is not None
    (root / "elsewhere.h5").write_bytes(run.newest_model().read_bytes())
    link = run.checkpoints.directory / "step-00000009.h5"
    link.symlink_to(root / "elsewhere.h5")
    assert find(str(link)).read()[1].state.step == 5
    for text in ("digits/2/checkpoints/latest", "digits/2"):
        with pytest.raises(RunError, match="symbolic link"):
            find(text).read()


@pytest.mark.parametrize(
    "before", ["none", "mine.h5", "runs/digits/2/checkpoints/step-00000005.h5", "digits/11"]
)
def test_checkpoints_of_what_is_no_run(before: str, root: Path) -> None:
    (root / "mine.h5").write_bytes(b"x")
    with pytest.raises(RunError, match=f"there is no run '{before}/checkpoints/best'"):
        find(f"{before}/checkpoints/best")
