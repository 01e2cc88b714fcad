"""Expectations: what is wrong with them before training, and what comes of them after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.evaluation.classes import ClassTally
from nnctl.graph.objective import Objective
from nnctl.spec.language.expect import Expectation
from nnctl.spec.load import load
from nnctl.spec.output.resolved import config_sha256
from nnctl.workflow.check import check
from nnctl.workflow.expected import Found, Outcome, outcomes
from nnctl.workflow.plan import plan
from nnctl.workflow.scored import Scored
from tests.cli.command import CONFIGS, Result, nnctl

IRIS = (CONFIGS / "iris.yaml").read_text().replace("data/iris.csv", str(CONFIGS / "data" / "iris.csv"))


def config(folder: Path, *expected: str, text: str = IRIS) -> Path:
    path = folder / "iris.yaml"
    lines = "".join(f"  - {{{one}}}\n" for one in expected)
    path.write_text(f"{text}\nexpect:\n{lines}" if expected else text)
    return path


def train(path: Path, *more: str) -> Result:
    run = path.parent / "run"
    return nnctl("train", path, "--run-dir", run, "--set", "training.epochs=3", "--json", *more)


def problem(path: Path) -> tuple[str, str, str]:
    """The one thing that `check` finds: the line it points to, message, expectation."""
    with pytest.raises(ConfigError) as raised:
        check(path)
    (found,) = raised.value.problems
    assert found.place is not None
    return found.place.text.strip(), found.message, f"{found.expected} {found.suggestion}"


@pytest.mark.parametrize(
    ("expected", "message", "way_out"),
    [
        ("metric: acuracy, at_least: 0.5", "'acuracy' is not measured", "accuracy"),
        ("metric: mae, at_least: 0.5", "'mae' is not measured", "macro_f1"),
        ("metric: loss, at_most: 1, split: validation, by_epoch: 61", "training has only 60 epochs", "60"),
        (
            "metric: macro_f1, at_least: 1, split: validation, by_epoch: 3",
            "'macro_f1' is measured at the end, and not by epochs",
            "loss",
        ),
        ("metric: loss, above_baseline: 0.1", "'loss' has no baseline", "accuracy"),
        ("parameters_at_most: 10", "the model has 403 parameters", "at most 10"),
        ("bits: same", "there is no record", "nnctl record"),
        ("metric: accuracy, drop_at_most: 0.1", "there is no record", "nnctl record"),
        ("memory_at_most: 2 KB", "bytes are planned", "at most 2,000 bytes"),
        ("at_least: 0.5", "'at_least' of what?", "metric"),
        ("metric: accuracy", "it expects nothing", "at_least"),
        ("bits: same, seconds_at_most: 3", "'bits' and 'seconds_at_most' are two expectations", "one of"),
        ("seconds_at_most: 3, split: test", "'seconds_at_most' has no 'split'", "its own"),
        ("metric: loss, at_most: 1, by_epoch: 3", "the test split is measured once", "validation"),
        (
            "metric: accuracy, above_baseline: 0.1, split: train, by_epoch: 2",
            "'by_epoch' goes with",
            "at_least",
        ),
        ("file_at_most: 2 XB", "'file_at_most' cannot be '2 XB'", "300 MB"),
        ("second_at_most: 2", "has no key 'second_at_most'", "seconds_at_most"),
    ],
)
def test_what_is_known_to_be_wrong_is_told_at_its_place(
    tmp_path: Path, expected: str, message: str, way_out: str
) -> None:
    where, said, help = problem(config(tmp_path, "seconds_at_most: 100", expected))
    assert message in said
    assert way_out in help
    assert where.startswith("- {" + expected.split(":")[0])


def test_a_split_that_there_is_not(tmp_path: Path) -> None:
    text = IRIS.replace("test: 0.2, ", "")
    _, said, help = problem(config(tmp_path, "metric: accuracy, at_least: 0.5", text=text))
    assert said == "the data has no test split"
    assert "train, validation" in help


HOLD = (
    "metric: accuracy, at_least: 0.2",
    "metric: loss, at_most: 3, split: train",
    "metric: log_loss, at_most: 5, split: validation",
    "metric: loss, split: validation, at_most: 5, by_epoch: 2",
    "metric: accuracy, above_baseline: 0.0",
    "seconds_at_most: 100",
    "memory_at_most: 64 GB",
    "parameters_at_most: 403",
    "file_at_most: 2 MB",
)


def test_what_holds(tmp_path: Path) -> None:
    result = train(config(tmp_path, *HOLD), "--set", "seed=1")
    assert result.code == 0
    assert [outcome["holds"] for outcome in result.json["expectations"]] == [True] * len(HOLD)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["expectations"] == result.json["expectations"]
    assert manifest["status"] == "completed"


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        ("metric: accuracy, at_least: 1.01", "accuracy on test: at least 1.01"),
        ("metric: loss, at_most: 0.01, split: train", "loss on train: at most 0.01"),
        (
            "metric: loss, split: validation, at_most: 0.01, by_epoch: 2",
            "loss on validation: at most 0.01 by epoch 2",
        ),
        ("metric: accuracy, above_baseline: 0.9", "accuracy on test: better than the baseline by 0.9"),
        ("seconds_at_most: 1e-6", "at most 1e-06 s"),
        ("memory_at_most: 9 MB", "at most 9,000,000 bytes of memory"),
        ("file_at_most: 1 KB", "a model file of at most 1,000 bytes"),
    ],
)
def test_what_does_not_hold_is_told_in_one_line_and_is_exit_code_4(
    tmp_path: Path, expected: str, wanted: str
) -> None:
    result = train(config(tmp_path, expected), "--quiet")
    assert result.code == 4
    (line,) = result.err.splitlines()
    assert line.startswith(f"does not hold: {wanted}; found ")
    assert (tmp_path / "run" / "model.h5").exists()
    again = train(config(tmp_path, expected), "--quiet")
    assert (again.code, again.json["status"]) == (4, "completed")


def test_expectations_change_no_run(tmp_path: Path) -> None:
    """Neither the config's hash nor the bits: a run goes on where only they were changed."""
    hashes = {
        config_sha256(load(config(tmp_path, *more)).experiment) for more in ((), ("seconds_at_most: 9",))
    }
    assert len(hashes) == 1
    first = train(config(tmp_path))
    again = train(config(tmp_path, "seconds_at_most: 100"))
    assert again.code == 0
    assert again.json["weights_sha256"] == first.json["weights_sha256"]


def found(**more: Any) -> Found:
    known: dict[str, Any] = {
        "weights_sha256": "a",
        "scores": {},
        "history": (),
        "seconds": 1.0,
        "memory": 100,
        "file": 100,
        "parameters": 5,
    }
    return Found(**known | more)


def one(expected: dict[str, Any], found: Found) -> Outcome:
    (outcome,) = outcomes([Expectation(**expected)], Objective(()), found, None)
    return outcome


def test_by_epoch_is_the_best_of_the_epochs_up_to_it() -> None:
    history = [
        {"epoch": 0, "val_loss": 0.9, "loss": 3.0},
        {"epoch": 1, "val_loss": 0.5, "loss": 2.0},
        {"epoch": 2, "val_loss": 0.7, "loss": 1.0},
    ]
    bound = {"metric": "loss", "split": "validation", "at_most": 0.5, "by_epoch": 3}
    outcome = one(bound, found(history=history))
    assert (outcome.holds, outcome.found) == (True, "0.5000 in epoch 2")
    assert not one(bound | {"by_epoch": 1}, found(history=history)).holds
    least = {"metric": "loss", "split": "train", "at_least": 2.5, "by_epoch": 2}
    assert one(least, found(history=history)).found == "3.0000 in epoch 1"
    missing = one(bound, found(history=[{"epoch": 0, "val_loss": None}]))
    assert (missing.holds, missing.found) == (False, "nothing: no epoch measured it")


def test_a_split_that_was_not_scored_does_not_hold() -> None:
    outcome = one({"metric": "loss", "at_most": 5.0}, found())
    assert not outcome.holds
    assert "the test split was not scored" in outcome.found


@pytest.mark.parametrize(
    ("name", "most"), [("memory_at_most", 100), ("file_at_most", 100), ("parameters_at_most", 5)]
)
def test_a_bound_may_be_reached(name: str, most: int) -> None:
    assert one({name: most}, found()).holds
    assert not one({name: most - 1}, found()).holds


def test_what_is_reached_exactly_holds() -> None:
    tally = ClassTally(["a", "b"])
    tally.add(np.array([0, 0, 1, 1]), np.eye(2)[[0, 0, 1, 0]])
    report = tally.report()
    assert report is not None
    scores = {"test": Scored(4, {}, {"o": report})}
    for bound, holds in ((0.25, True), (0.26, False)):
        above = {"metric": "accuracy", "above_baseline": bound}
        assert one(above, found(scores=scores)).holds is holds
    assert one({"metric": "accuracy", "at_least": 0.75}, found(scores=scores)).holds
    assert one({"metric": "accuracy", "at_most": 0.75}, found(scores=scores)).holds
    assert one({"seconds_at_most": 1.0}, found()).holds
    assert not one({"seconds_at_most": 0.99}, found()).holds


def test_what_check_knows_may_be_reached_exactly(tmp_path: Path) -> None:
    planned = plan(config(tmp_path)).memory.total
    last = "metric: loss, at_most: 1, split: validation, by_epoch: 60"
    assert check(config(tmp_path, last, f"memory_at_most: {planned}")).summary["valid"]
    _, said, _ = problem(config(tmp_path, f"memory_at_most: {planned - 1}"))
    assert said == f"{planned:,} bytes are planned"


def test_sizes() -> None:
    for text, size in (("300 MB", 300_000_000), ("2MiB", 2 << 20), (77, 77), ("1.5 KB", 1500), ("8 B", 8)):
        assert Expectation(file_at_most=text).file_at_most == size
    assert Expectation(parameters_at_most="50_000").parameters_at_most == 50_000
    for wrong in ("5_00", "-1", -1, True, 1.5):
        with pytest.raises(ValueError, match="50_000"):
            Expectation(parameters_at_most=wrong)
