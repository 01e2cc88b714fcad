"""A config trained for several folds and seeds: each a run of its own, and what they come to together."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import pytest

from nnctl.core.errors import ConfigError, NnctlError, RunError
from nnctl.report.repeats import repeat_lines
from nnctl.spec.language.expect import Expectation
from nnctl.workflow.repeated import Ended, mean_and_deviation, of_mean
from nnctl.workflow.repeats import Part, Repeats, repeat
from nnctl.workflow.verify import verify

CONFIGS = Path("configs")


def config(folder: Path, more: str = "") -> Path:
    """A small config with its data beside it."""
    (folder / "data").mkdir()
    shutil.copy(CONFIGS / "data" / "iris.csv", folder / "data")
    text = (CONFIGS / "iris.yaml").read_text().replace("epochs: 60", "epochs: 3")
    file = folder / "iris.yaml"
    file.write_text(text + more)
    return file


def test_folds_go_on_where_they_were_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = config(
        tmp_path, "expect:\n  - {metric: accuracy, at_least: 0.99}\n  - {parameters_at_most: 500}\n"
    )
    path = tmp_path / "folds"
    found = repeat(file, folds=2, jobs=2, run_dir=path, threads=1)
    assert [part.name for part in found.parts] == ["fold-1", "fold-2"]
    assert found.exit_code == 4
    assert [outcome.holds for outcome in found.outcomes] == [False, True]
    assert found.outcomes[0].wanted.startswith("mean of accuracy on test")
    values = [run.numbers["test"]["accuracy"] for run in found.runs]
    assert found.mean["test"]["accuracy"] == pytest.approx(sum(values) / 2)
    with open(path / "out_of_fold.csv") as rows:
        told = list(csv.DictReader(rows))
    assert sorted(int(row["row"]) for row in told) == list(range(2, 152))
    assert {row["fold"] for row in told} == {"1", "2"}
    right = sum(row["species_given"] == row["species"] for row in told) / len(told)
    assert right == pytest.approx(found.mean["test"]["accuracy"])
    assert verify(str(path / "fold-2"), threads=1).holds

    before = {name: (path / name / "manifest.json").read_text() for name in ("fold-1", "fold-2")}
    shutil.rmtree(path / "fold-2")
    summary = json.loads((path / "repeats.json").read_text())
    (path / "repeats.json").write_text(json.dumps(summary | {"status": "running"}))
    with pytest.raises(RunError, match="add --resume"):
        repeat(file, folds=2, run_dir=path, threads=1)
    with pytest.raises(RunError, match=r"holds runs of 2 folds .* not of 3 folds"):
        repeat(file, folds=3, run_dir=path, threads=1, resume=True)
    again = repeat(file, folds=2, run_dir=path, threads=1, resume=True)
    assert (path / "fold-1" / "manifest.json").read_text() == before["fold-1"]
    assert [run.weights_sha256 for run in again.runs] == [run.weights_sha256 for run in found.runs]
    assert again.as_json()["mean"] == found.as_json()["mean"]


@pytest.mark.slow
def test_seeds_and_folds(tmp_path: Path) -> None:
    found = repeat(config(tmp_path), folds=3, seeds=2, run_dir=tmp_path / "both", threads=1)
    assert [part.name for part in found.parts] == [f"seed-{s}-fold-{f}" for s in (4, 5) for f in (1, 2, 3)]
    assert len({run.weights_sha256 for run in found.runs}) == 6
    with open(tmp_path / "both" / "out_of_fold.csv") as rows:
        assert len(list(csv.DictReader(rows))) == 300


def test_what_is_wrong_leaves_nothing(tmp_path: Path) -> None:
    file = config(tmp_path)
    with pytest.raises(ConfigError, match="no folds to make"):
        repeat(file, folds=2, run_dir=tmp_path / "x", overrides=["data.split={by: species}"])
    assert not (tmp_path / "x").exists()
    with pytest.raises(RunError, match="holds no repeated runs \\(it has data\\)"):
        repeat(file, folds=2, run_dir=tmp_path)


def ended(accuracy: float, **more: object) -> Ended:
    numbers = {"test": {"accuracy": accuracy, "log_loss": 1 - accuracy}}
    baseline = {"test": {"accuracy": 0.25}}
    how = {"numbers": numbers, "baseline": baseline, "expectations": ({"holds": True, "found": "2 s"},)}
    return Ended(Path("x"), "completed", 0, **(how | more))  # type: ignore[arg-type]


def test_means_and_what_is_expected_of_them() -> None:
    runs = [ended(0.5), ended(0.75), ended(0.7)]
    mean, deviation = mean_and_deviation(runs)
    assert mean["test"]["accuracy"] == pytest.approx(0.65)
    assert deviation["test"]["accuracy"] == pytest.approx(0.1322876)
    wanted = [
        Expectation(metric="accuracy", at_least=0.64),
        Expectation(metric="log_loss", at_most=0.3),
        Expectation(metric="accuracy", above_baseline=0.41),
        Expectation(metric="accuracy", at_least=0.1, split="validation"),
    ]
    same = [{"holds": True, "found": ""}] * 4
    runs = [ended(x, expectations=tuple(same)) for x in (0.5, 0.75, 0.7)]
    outcomes = of_mean(wanted, {"log_loss": "min"}, runs, mean)
    assert [outcome.holds for outcome in outcomes] == [True, False, False, False]
    slow = [ended(0.5), ended(0.5, expectations=({"holds": False, "found": "9 s"},))]
    (outcome,) = of_mean([Expectation(seconds_at_most=3)], {}, slow, mean)
    assert not outcome.holds
    assert outcome.found == "9 s"


def test_a_run_that_failed_is_told_of_and_counts_for_nothing() -> None:
    lost = Ended.lost(Path("y"), "its process was ended by SIGKILL")
    mean, deviation = mean_and_deviation([ended(0.5), lost])
    assert mean["test"]["accuracy"] == 0.5
    assert deviation["test"]["accuracy"] == 0.0
    parts = (Part("fold-1", 0, 1), Part("fold-2", 0, 2))
    repeats = Repeats(Path("p"), parts, (ended(math.nan), lost), mean, deviation)
    assert repeats.exit_code == NnctlError.exit_code
    assert any("ended by SIGKILL" in line for line in repeat_lines(repeats))
