"""What `nnctl runs` lists, in which order, and how runs are shown and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnctl.core.errors import RunError
from nnctl.runs.compare import compare_runs, flatten, list_runs, show_run
from nnctl.runs.directory import RunDirectory, metrics_line
from nnctl.runs.manifest import Manifest

from .examples import example_model


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """a/1, a/2 and b/1, with other losses, ends and lengths; a/2 has no loss that is a number."""
    for name, loss, status, epochs in (
        ("a/1", 0.5, "completed", 3),
        ("a/2", float("nan"), "failed", 9),
        ("b/1", 0.25, "completed", 1),
    ):
        run = RunDirectory(tmp_path / "runs" / name)
        run.open().close()
        run.write_config("x: 1\n", f"name: {name[0]}\nepochs: {epochs}\n")
        manifest = Manifest(name[0], "completed", metrics={"loss": loss}, epochs=epochs, steps=2 * epochs)
        manifest.status, manifest.started, manifest.wall_seconds = status, f"2024-01-0{epochs}", 10.0 - epochs  # type: ignore[assignment]
        manifest.weights_sha256 = name
        run.write_manifest(manifest)
    return tmp_path / "runs"


def listed(root: Path, **choice: Any) -> list[str]:
    return [summary.name for summary in list_runs(root, **choice)]


def test_choosing(root: Path) -> None:
    assert listed(root) == ["a/1", "a/2", "b/1"]
    assert listed(root, name="a") == ["a/1", "a/2"]
    assert listed(root, name="*1") == ["a/1", "b/1"]
    assert listed(root, name="b/1") == ["b/1"]
    assert listed(root, name="1") == []
    assert listed(root, status="completed") == ["a/1", "b/1"]
    (root / "b" / "1" / "manifest.json").write_text("{")
    assert listed(root, status="unreadable") == ["b/1"]
    assert listed(root, status="completed") == ["a/1"]


def test_sorting(root: Path) -> None:
    """Runs without what they are sorted by come last, whatever the direction."""
    for sort, order in {
        "name": ["a/1", "a/2", "b/1"],
        "started": ["b/1", "a/1", "a/2"],
        "epochs": ["b/1", "a/1", "a/2"],
        "steps": ["b/1", "a/1", "a/2"],
        "time": ["a/2", "a/1", "b/1"],
    }.items():
        assert listed(root, sort=sort) == order
        assert listed(root, sort=sort, reverse=True) == order[::-1]
    assert listed(root, reverse=True) == ["b/1", "a/2", "a/1"]
    assert listed(root, sort="loss") == ["b/1", "a/1", "a/2"]
    assert listed(root, sort="loss", reverse=True) == ["a/1", "b/1", "a/2"]
    assert listed(root / "none", sort="anything") == []
    with pytest.raises(RunError) as caught:
        listed(root, sort="los")
    assert str(caught.value) == "no run has 'los' to sort by; did you mean 'loss'?"
    with pytest.raises(RunError) as caught:
        listed(root, sort="zzzzz")
    assert str(caught.value) == "no run has 'zzzzz' to sort by; name, started, epochs, steps, time, loss"


def test_a_run_whose_process_is_gone(root: Path) -> None:
    run = RunDirectory(root / "a" / "1")
    manifest = run.manifest()
    manifest.status = "running"
    run.write_manifest(manifest)
    rows = [{"epoch": 0, "step": 7, "loss": 3.0, "seconds": 1.0}, {"epoch": 1, "loss": 2.0, "seconds": 1.0}]
    for count, step in ((1, 7), (2, 6)):
        (run.path / "metrics.jsonl").write_text("".join(map(metrics_line, rows[:count])))
        (found,) = list_runs(root, name="a/1")
        assert found.manifest is not None
        assert (found.status, found.manifest.epochs, found.manifest.steps) == ("interrupted", count, step)
        assert found.metrics == {"loss": 4.0 - count}
        assert found.manifest.reason == "its process ended without a word: killed, or without power or disk"
    with run.lock:
        (found,) = list_runs(root, name="a/1")
        assert found.manifest is not None
        assert (found.status, found.manifest.reason) == ("running", None)
    (run.path / "metrics.jsonl").write_text("{\n")
    (found,) = list_runs(root, name="a/1")
    assert (found.status, found.manifest, found.metrics) == (None, None, {})
    assert str(found.problem).endswith("metrics.jsonl:1: this line is no epoch's row")


def test_showing_sizes_and_the_best(root: Path) -> None:
    run = RunDirectory(root / "b" / "1")
    run.checkpoints.commit(example_model(2), best=True)
    run.checkpoints.commit(example_model(4))
    run.checkpoints.commit_as("mine", example_model(3))
    shown = show_run(run)
    assert [(c["file"], c["step"], c["best"]) for c in shown.checkpoints] == [
        ("step-00000004.h5", 4, False),
        ("step-00000002.best.h5", 2, True),
        ("mine.h5", None, False),
    ]
    for each in shown.checkpoints:
        assert each["bytes"] == (run.checkpoints.directory / each["file"]).stat().st_size
    assert (shown.config, shown.resolved, shown.metrics) == ("x: 1\n", "name: b\nepochs: 1\n", [])


def test_comparing_tells_what_differs(root: Path) -> None:
    found = compare_runs([RunDirectory(root / name) for name in ("a/1", "b/1")])
    assert found.runs == ("a/1", "b/1")
    assert found.config == {"name": ("a", "b"), "epochs": (3, 1)}
    assert found.metrics == {"loss": (0.5, 0.25)}
    assert found.weights_sha256 == ("a/1", "b/1")
    same = compare_runs([RunDirectory(root / "a/1")] * 2)
    assert same.config == {}


def test_leaves_by_path() -> None:
    config = {
        "a": {"b": 1, "c": {}},
        "layers": [{"name": "d", "units": 2}, {"units": 3}, [4, 5]],
        "metrics": ["x", "y"],
        "none": [],
    }
    assert list(flatten(config)) == [
        ("a.b", 1),
        ("a.c", {}),
        ("layers.d.name", "d"),
        ("layers.d.units", 2),
        ("layers.1.units", 3),
        ("layers.2", [4, 5]),
        ("metrics", ["x", "y"]),
        ("none", []),
    ]


def test_a_number_that_is_none_sorts_like_a_missing_one(root: Path) -> None:
    """No manifest of nnctl's holds NaN; one that was written by hand may."""
    path = root / "a" / "1" / "manifest.json"
    path.write_text(path.read_text().replace('"loss": 0.5', '"loss": NaN'))
    assert listed(root, sort="loss") == ["b/1", "a/1", "a/2"]
    assert listed(root, sort="loss", reverse=True) == ["b/1", "a/1", "a/2"]


def test_what_was_interrupted_keeps_its_reason(root: Path) -> None:
    run = RunDirectory(root / "a" / "1")
    run.write_manifest(Manifest("a", "interrupted", reason="signal 2"))
    (found,) = list_runs(root, name="a/1")
    assert found.manifest is not None
    assert (found.status, found.manifest.reason) == ("interrupted", "signal 2")


def test_a_damaged_run_is_neither_shown_nor_compared(root: Path) -> None:
    good, bad = RunDirectory(root / "a" / "1"), RunDirectory(root / "b" / "1")
    (bad.path / "manifest.json").write_text("{")
    with pytest.raises(RunError, match="not a run's manifest"):
        show_run(bad)
    with pytest.raises(RunError, match="not a run's manifest"):
        compare_runs([good, bad])


def test_a_run_beside_nothing_has_no_differences(root: Path) -> None:
    found = compare_runs([RunDirectory(root / "a" / "1")])
    assert (found.config, found.metrics) == ({}, {"loss": (0.5,)})


def test_a_checkpoint_that_goes_while_it_is_shown(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is training removes checkpoints: one that is gone has no line, one with a name no size."""
    run = RunDirectory(root / "a" / "1")
    run.checkpoints.commit(example_model(2))
    run.checkpoints.commit_as("mine", example_model(3))
    checkpoints, named = run.checkpoints.checkpoints(), run.checkpoints.named()
    monkeypatch.setattr(run.checkpoints, "checkpoints", lambda: checkpoints)
    monkeypatch.setattr(run.checkpoints, "named", lambda: named)
    for path in (checkpoints[0].path, named[0]):
        path.unlink()
    assert show_run(run).checkpoints == [{"file": "mine.h5", "step": None, "best": False, "bytes": None}]
